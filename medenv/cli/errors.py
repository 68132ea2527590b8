"""How a command's errors end: one line on stderr for what medenv raises on purpose, a traceback for a bug.

The exit code is 2 for the user's mistakes, and 1 for failures and bugs.
"""

from __future__ import annotations

import platform
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.main import get_command

from medenv import __version__
from medenv.cli.exits import readers_gone
from medenv.errors import DataError, InputError, MedenvError

__all__ = ["VARIABLE", "debug_option", "set_debug", "shown_errors"]

VARIABLE = "MEDENV_DEBUG"
"""Environment variable that asks for tracebacks, as ``--debug`` does."""

_DEBUG = "medenv.debug"
_Shown: type[Exception] = typer.BadParameter.__mro__[2]
"""click's `ClickException`, which typer shows; newer versions of typer bring a click of their own."""


@contextmanager
def shown_errors(context: typer.Context) -> Iterator[None]:
    """Show what the body raises and end the command.

    Args:
        context: Of the command line, which knows whether ``--debug`` was given.

    Raises:
        typer.Exit: The body raised a `MedenvError`, or anything else that is neither click's nor typer's.
        BrokenPipeError: Nobody reads the output any more; `quiet_pipes` ends the command.
    """
    try:
        yield
    except (_Shown, typer.Abort, typer.Exit):
        raise
    except MedenvError as error:
        if context.meta.get(_DEBUG):
            _print_traceback(error)
        _print_line(error)
        raise typer.Exit(2 if isinstance(error, InputError | DataError) else 1) from None
    except BrokenPipeError as error:
        if readers_gone():
            raise
        _print_line(error)
        raise typer.Exit(1) from None
    except Exception as bug:
        _print_traceback(bug)
        system = f"medenv {__version__}, Python {platform.python_version()}, {platform.system()}"
        print(
            f"medenv: this is a bug in medenv; please report it with the command and the lines above ({system})",
            file=sys.stderr,
        )
        raise typer.Exit(1) from None


def set_debug(context: typer.Context, wanted: bool) -> bool:
    """Note that tracebacks are wanted."""
    if wanted:
        context.meta[_DEBUG] = True
    return wanted


def debug_option() -> Any:
    """Return ``--debug`` as a parameter for a click command, so that it can also stand at the end of a command line."""
    app = typer.Typer(add_completion=False)

    @app.command()
    def _(
        debug: Annotated[
            bool,
            typer.Option("--debug", hidden=True, expose_value=False, callback=set_debug, help="See medenv --help."),
        ] = False,
    ) -> None:
        pass

    return get_command(app).params[0]


def _print_line(error: Exception) -> None:
    print(f"medenv: error: {error}", file=sys.stderr)


def _print_traceback(error: Exception) -> None:
    # Imported only now: both take most of a command's start.
    from medenv.episode.failures import without_secrets

    text = "".join(traceback.format_exception(error))
    if (secret := sys.modules.get("medenv.agents.llm.secret")) is not None:
        text = secret.without_keys(text)
    sys.stderr.write(without_secrets(text))
