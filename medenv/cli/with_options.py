"""Options of a command as a dataclass, so that commands share them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints

__all__ = ["with_options"]


def with_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function that takes a dataclass of options as a command for typer, with a parameter a field.

    Args:
        function: The command. The fields of the dataclass that one of its parameters is of are ``Annotated`` with their
            `typer.Option`, each with a default. Without such a parameter it is given back as it is.
    """
    own_hints = get_type_hints(function, include_extras=True)
    found: list[tuple[str, Any]] = [
        (name, hint) for name, hint in own_hints.items() if name != "return" and is_dataclass(hint)
    ]
    if not found:
        return function
    name, options = found[0]
    named = {one.name for one in fields(options)}

    @wraps(function)
    def command(**values: Any) -> None:
        own = {key: value for key, value in values.items() if key not in named}
        function(**{name: options(**{key: values[key] for key in named})}, **own)

    hints = {**own_hints, **get_type_hints(options, include_extras=True)}
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
