"""Validation of stored values by the types of the dataclasses that they become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

__all__ = ["describe", "model_of"]

_SHOWN = 80
"""Characters of a wrong value that are quoted."""

_WORDS = {
    "missing": "it is missing",
    "extra_forbidden": "there is no such field",
    "string_type": "it must be text",
    "int_type": "it must be a whole number",
    "float_type": "it must be a number",
    "bool_type": "it must be true or false",
    "list_type": "it must be a list",
    "mapping_type": "it must be an object",
    "dict_type": "it must be an object",
    "model_type": "it must be an object",
}
"""What pydantic's error types mean for a JSON value; others are told in pydantic's words."""


def model_of(cls: type, **overrides: Any) -> type[BaseModel]:
    """Make a model that checks the JSON form of a dataclass: strict, and without other fields than the dataclass has.

    Args:
        cls: The dataclass.
        overrides: Types, by field, of those whose JSON form is another than the field's own type.

    Returns:
        A model of plain values; it is for checking alone, the dataclass is made from the same values.
    """
    hints = {**get_type_hints(cls), **overrides}
    known: dict[str, Any] = {}
    for one in fields(cls):
        optional = one.default is not MISSING or one.default_factory is not MISSING
        known[one.name] = (hints[one.name], None if optional else ...)
    return create_model(cls.__name__, __config__=ConfigDict(strict=True, extra="forbid"), **known)


def describe(error: ValidationError, whole: Mapping[str, Any]) -> str:
    """Say in a line which field is wrong, and how.

    Args:
        error: What a model of `model_of` raised.
        whole: The value that it was given.

    Returns:
        Such as ``turns[0].text is 5: it must be text``, with the number of further faults.
    """
    # A field that isn't known comes first: it tells a misspelt one, which is missing too, better.
    first, *others = sorted(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    path = ""
    for part in _path(first["loc"], whole):
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    what = _WORDS.get(first["type"], first["msg"][:1].lower() + first["msg"][1:])
    given = repr(first["input"])
    given = given if len(given) <= _SHOWN else given[:_SHOWN] + "..."
    said = f"{path}: {what}" if first["type"] in ("missing", "extra_forbidden") else f"{path} is {given}: {what}"
    return said + (f" (and {len(others)} more)" if others else "")


def _path(location: tuple[int | str, ...], whole: Any) -> list[int | str]:
    """Return where an error is without the names of a union's members, which pydantic puts into its path too."""
    found: list[int | str] = []
    for part in location:
        if isinstance(part, int):
            whole = whole[part] if isinstance(whole, list | tuple) and part < len(whole) else None
        elif isinstance(whole, Mapping) and part in whole:
            whole = whole[part]
        elif part is not location[-1] or not isinstance(whole, Mapping):
            continue
        found.append(part)
    return found
