"""How a command's errors end: one line on stderr, status 2 for the user's mistakes and 1 for failures."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import typer

from medenv.agents import ProviderError
from medenv.fhir import BackendError

__all__ = ["one_line_errors"]

P = ParamSpec("P")
T = TypeVar("T")


def one_line_errors(command: Callable[P, T]) -> Callable[P, T]:
    """Wrap a command so that what a user can mend is told without a traceback."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except (ValueError, LookupError) as error:
            message = error.args[0] if isinstance(error, LookupError) and error.args else error
            raise _end(message, 2) from None
        except (BackendError, ProviderError, OSError) as error:
            raise _end(error, 1) from None

    return wrapped


def _end(message: object, status: int) -> typer.Exit:
    print(f"medenv: error: {message}", file=sys.stderr)
    return typer.Exit(status)
