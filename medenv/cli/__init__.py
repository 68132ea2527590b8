"""The ``medenv`` command. Each subcommand lives in a module of its own, which is imported when it is asked for."""

from __future__ import annotations

from typing import Annotated

import typer

from medenv import __version__
from medenv.cli.errors import VARIABLE, set_debug
from medenv.cli.exits import quiet_pipes
from medenv.cli.lazy import Lazy, lazy_group

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = (
    Lazy("eval", "medenv.cli.eval:evaluate", "Run an agent over the benchmark and print its scores."),
    Lazy(
        "rollout",
        "medenv.cli.rollout:rollout",
        "Collect an agent's episodes: tasks x samples, each stored as it ends, with verdict and all that made it.",
    ),
    Lazy(
        "serve",
        "medenv.cli.serve:serve",
        "Serve health records as HAPI FHIR 7.6.0 would, at /fhir, on loopback unless --expose says otherwise.",
    ),
    Lazy("grade", "medenv.cli.grade:grade", "Grade a stored run again, without a server or a model."),
    Lazy(
        "compare",
        "medenv.cli.compare:compare_runs",
        "Compare runs on the tasks they share, pair by pair, the first with each of the others.",
    ),
    Lazy(
        "report",
        "medenv.cli.report:report",
        "Make a report of runs: leaderboard, accuracy by task type and branch, difficulty, costs, failures, with plots.",
    ),
    Lazy(
        "view",
        "medenv.cli.view:view",
        "Write a page to look at runs with: filters, transcripts, checks, the chart before and after, episodes side by side.",
    ),
    Lazy(
        "verify",
        "medenv.cli.verify:verify_run",
        "Play every episode of a run again and grade it again; exit code 1 if something is not as it is stored.",
    ),
    Lazy(
        "tasks",
        "medenv.cli.tasks:list_tasks",
        "List the task types of a split with their branches, or the tasks of one type.",
    ),
    Lazy(
        "play",
        "medenv.cli.play:play",
        "Work on a task yourself: read the chart, place orders, answer, and see the grader's verdict.",
    ),
    Lazy(
        "models",
        "medenv.cli.models:list_models",
        "List the models that `medenv eval --model` knows by name: provider, context, prices, and whether a key is set.",
    ),
    Lazy(
        "check-server",
        "medenv.cli.check_server:check",
        "Check whether a FHIR server can play a split: what it lacks, and which searches it doesn't do as tasks need them.",
    ),
    Lazy("load", "medenv.cli.load:load_file", "Load a file into a server."),
    Lazy(
        "capture",
        "medenv.cli.capture:capture_server",
        "Capture a server's resources with their ids and meta, in the order of its numbers.",
    ),
    Lazy(
        "data",
        "medenv.cli.data:app",
        "The charts of medenv's own splits, kept in your cache folder (MEDENV_CACHE_DIR names another one).",
    ),
    Lazy(
        "dataset",
        "medenv.cli.dataset:app",
        "Training data from stored runs, with a dataset card: for TRL, Hugging Face datasets, LLaMA-Factory, Minari and others.",
    ),
    Lazy(
        "export",
        "medenv.cli.export:app",
        "A stored run for other viewers: Inspect's logs, Harbor's trajectories (ATIF), the Hub's session traces.",
    ),
    Lazy("container", "medenv.cli.container:app", "FHIR servers in Docker containers that stay up between runs."),
    Lazy("runs", "medenv.cli.runs:app", "Stored runs: list, look at, check, repair, merge, filter and sample them."),
)
"""All commands. What a listing says of each is the first line of its own help."""

app = typer.Typer(
    name="medenv",
    cls=lazy_group(COMMANDS),
    help="MedAgentBench as an environment: run agents on a FHIR health record, grade them, look at what they did.",
    no_args_is_help=True,
    # `medenv.cli.errors` shows tracebacks, without locals, which could show a key.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(asked: bool) -> None:
    if asked:
        print(f"medenv {__version__}")
        raise typer.Exit


@app.callback()
def _medenv(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_tell_version)
    ] = False,
    debug: Annotated[
        bool,
        typer.Option(
            "--debug",
            envvar=VARIABLE,
            help="Show the traceback of every error; may also stand after the command.",
            callback=set_debug,
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line and exit."""
    with quiet_pipes():
        app()
