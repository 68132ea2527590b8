"""Options of a command as a dataclass, so that commands share them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from functools import wraps
from typing import Any, get_type_hints

__all__ = ["with_options"]


def with_options(name: str, function: Callable[..., None], options: type[Any]) -> Callable[..., None]:
    """A function that takes a dataclass of options as the command that typer wants, with a parameter a field.

    Args:
        name: The function's parameter that the dataclass is given to.
        function: The command.
        options: A dataclass whose fields are ``Annotated`` with their `typer.Option`, each with a default.
    """
    named = {one.name for one in fields(options)}

    @wraps(function)
    def command(**values: Any) -> None:
        own = {key: value for key, value in values.items() if key not in named}
        function(**{name: options(**{key: values[key] for key in named})}, **own)

    hints = {**get_type_hints(function, include_extras=True), **get_type_hints(options, include_extras=True)}
    parameters = []
    for one in fields(options):
        default = one.default if one.default_factory is MISSING else one.default_factory()
        parameters.append(inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=default))
    parameters += [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for one in inspect.signature(function).parameters.values()
        if one.name != name
    ]
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [one.replace(annotation=hints[one.name]) for one in parameters]
    )
    command.__annotations__ = {one.name: hints[one.name] for one in parameters}
    return command
