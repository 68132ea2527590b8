"""The ``medenv`` command. Each subcommand lives in a module of its own; this one puts them together."""

from __future__ import annotations

import typer

from medenv.cli import container, data, dataset, runs
from medenv.cli.capture import capture_server
from medenv.cli.errors import one_line_errors
from medenv.cli.eval import evaluate
from medenv.cli.grade import compare_runs, grade
from medenv.cli.load import load_file
from medenv.cli.models import list_models
from medenv.cli.play import play
from medenv.cli.rollout import rollout
from medenv.cli.run_options import BenchmarkOptions, RolloutOptions, RunOptions
from medenv.cli.serve import serve
from medenv.cli.tasks import list_tasks
from medenv.cli.with_options import with_options

__all__ = ["app", "main"]

app = typer.Typer(
    name="medenv",
    help="MedAgentBench as an environment: run agents on a FHIR health record, grade them, look at what they did.",
    no_args_is_help=True,
    # Locals in a traceback could show a key.
    pretty_exceptions_show_locals=False,
    add_completion=False,
)
app.command("eval")(one_line_errors(with_options("options", evaluate, RunOptions)))
app.command("rollout")(one_line_errors(with_options("options", rollout, RolloutOptions)))
app.command("serve")(one_line_errors(serve))
app.command("grade")(one_line_errors(grade))
app.command("compare")(one_line_errors(compare_runs))
app.command("tasks")(one_line_errors(list_tasks))
app.command("play")(one_line_errors(with_options("where", play, BenchmarkOptions)))
app.command("models")(one_line_errors(list_models))
app.command("load")(one_line_errors(load_file))
app.command("capture")(one_line_errors(capture_server))
app.add_typer(data.app)
app.add_typer(dataset.app)
app.add_typer(container.app)
app.add_typer(runs.app)


def main() -> None:
    """Run the command line and exit."""
    app()
