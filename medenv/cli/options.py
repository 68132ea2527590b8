"""A command's options as JSON values, so that a stored run can say which it was made with and be gone on with under the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import typer

__all__ = ["given", "plain", "restored"]

T = TypeVar("T")

_CREDENTIALS = re.compile(r"^(\w+://)[^/@]*@")


def given(context: typer.Context) -> set[str]:
    """Return the names of the options that stand on the command line."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}


def plain(options: Any) -> dict[str, Any]:
    """Options as JSON values: paths absolute, so that they are the same from another folder, and URLs without credentials."""
    return {one.name: _plain(getattr(options, one.name)) for one in fields(options)}


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value.expanduser().absolute())
    if isinstance(value, str):
        return _CREDENTIALS.sub(r"\1", value)
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def restored(options: T, stored: Mapping[str, Any], kept: set[str]) -> T:
    """Options with the values that a stored run was made with.

    Args:
        options: As given.
        stored: What `plain` gave; names that are unknown by now are passed over.
        kept: The names whose values stay as given.
    """
    hints = get_type_hints(type(options))
    values = {}
    for one in fields(options):  # type: ignore[arg-type]
        if one.name in stored and one.name not in kept:
            value = stored[one.name]
            if value is not None and "Path" in str(hints[one.name]):
                value = [Path(x) for x in value] if isinstance(value, list) else Path(value)
            values[one.name] = value
    return replace(options, **values)  # type: ignore[type-var]
