"""The ``medenv`` command. Each subcommand lives in a module of its own; this one puts them together.

Mistakes of the user end in one line on stderr and exit status 2, failures in one line and exit status 1.
"""

from __future__ import annotations

import sys

import click
import typer

from medenv.agents import ProviderError
from medenv.cli.eval import evaluate
from medenv.cli.tasks import list_tasks
from medenv.fhir import BackendError

__all__ = ["app", "main"]

app = typer.Typer(
    name="medenv",
    help="MedAgentBench as an environment: run agents on a FHIR health record, grade them, look at what they did.",
    no_args_is_help=True,
    # Locals in a traceback could show a key.
    pretty_exceptions_show_locals=False,
    add_completion=False,
)
app.command("eval")(evaluate)
app.command("tasks")(list_tasks)


@app.callback()
def _root() -> None:
    """MedAgentBench as an environment: run agents on a FHIR health record, grade them, look at what they did."""


def main() -> None:
    """Run the command line and exit."""
    try:
        status = app(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except click.exceptions.Abort:
        status = 130
    except (ValueError, LookupError) as error:
        status = _complain(error, 2)
    except (BackendError, ProviderError, OSError) as error:
        status = _complain(error, 1)
    sys.exit(status if isinstance(status, int) else 0)


def _complain(error: Exception, status: int) -> int:
    message = error.args[0] if isinstance(error, LookupError) and error.args else error
    print(f"medenv: error: {message}", file=sys.stderr)
    return status
