"""Options of a command as a dataclass, so that commands share them and a stored run can say which it was made with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import typer

__all__ = ["command_of", "given", "plain", "restored"]

T = TypeVar("T")


def command_of(function: Callable[[typer.Context, T], None], options: type[T]) -> Callable[..., None]:
    """A function of a dataclass of options as the command that typer wants, with a parameter a field.

    Args:
        function: Takes the context and the options.
        options: A dataclass whose fields are ``Annotated`` with their `typer.Option`, each with a default.
    """

    def command(context: typer.Context, **values: Any) -> None:
        function(context, options(**values))

    hints = {"context": typer.Context, **get_type_hints(options, include_extras=True)}
    parameters = [inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)]
    for one in fields(options):  # type: ignore[arg-type]
        default = one.default if one.default_factory is MISSING else one.default_factory()
        parameters.append(
            inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hints[one.name])
        )
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {name: hint for name, hint in hints.items() if name in {p.name for p in parameters}}
    command.__doc__, command.__name__ = function.__doc__, function.__name__
    return command


def given(context: typer.Context) -> set[str]:
    """The names of the options that stand on the command line."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}


def plain(options: Any) -> dict[str, Any]:
    """Options as JSON values; paths become absolute, so that they are the same from another folder."""
    return {one.name: _plain(getattr(options, one.name)) for one in fields(options)}


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value.expanduser().absolute())
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
