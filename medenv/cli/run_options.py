"""What ``medenv eval``, ``rollout`` and ``play`` take: which tasks, which agent, how to run them, where to store them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from medenv.cli.agent_options import AgentOptions
from medenv.cli.output import a_folder
from medenv.episode import BenchmarkConfig
from medenv.rollouts import ENGINES
from medenv.tasks import SPLITS

__all__ = ["BenchmarkOptions", "ChoiceOptions", "RolloutOptions", "RunOptions", "ServerOptions", "TaskOptions"]

DEFAULT = BenchmarkConfig()
"""The settings that options have by default."""

TASKS, RUN, SERVER, BRANCH = "Tasks", "Run", "FHIR server", "Going on from other episodes"


@dataclass(kw_only=True)
class ChoiceOptions:
    """Which tasks, put how."""

    split: Annotated[
        str,
        typer.Option(
            help=f"Which tasks: {', '.join(SPLITS)} (official needs --official and --charts).", rich_help_panel=TASKS
        ),
    ] = DEFAULT.split
    official: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the official test_data_v2.json, or a MedAgentBench checkout.", rich_help_panel=TASKS
        ),
    ] = DEFAULT.official
    charts: Annotated[
        Path | None,
        typer.Option(help="NDJSON file with the split's charts, one FHIR resource a line.", rich_help_panel=TASKS),
    ] = DEFAULT.charts
    task_type: Annotated[
        list[int],
        typer.Option("--type", min=1, max=10, help="Only this task type; repeatable.", rich_help_panel=TASKS),
    ] = field(default_factory=list)
    task: Annotated[list[str], typer.Option(help="Only this task id; repeatable.", rich_help_panel=TASKS)] = field(
        default_factory=list
    )
    branch: Annotated[str | None, typer.Option(help="Only tasks of this branch, e.g. low.", rich_help_panel=TASKS)] = (
        DEFAULT.branch
    )
    difficulty: Annotated[str | None, typer.Option(help="Only easy or hard tasks.", rich_help_panel=TASKS)] = (
        DEFAULT.difficulty
    )
    paraphrase: Annotated[
        int | None, typer.Option(min=0, help="The instruction's wording, from 0.", rich_help_panel=TASKS)
    ] = DEFAULT.paraphrase
    now: Annotated[
        str | None,
        typer.Option(help="train, validation: the present, like 2024-05-06T07:08:00+00:00.", rich_help_panel=TASKS),
    ] = DEFAULT.now
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Only so many tasks, from types and branches in turn; 300 of train and validation if left out.",
            rich_help_panel=TASKS,
        ),
    ] = None
    task_seed: Annotated[
        int, typer.Option(help="train, validation, builtin: which sequence of tasks.", rich_help_panel=TASKS)
    ] = DEFAULT.task_seed
    size: Annotated[
        str,
        typer.Option(help="train, validation: the cohort's size, default or full.", rich_help_panel=TASKS),
    ] = DEFAULT.size
    observation: Annotated[
        str,
        typer.Option(help="full, or compact for JSON without white space and meta.", rich_help_panel=TASKS),
    ] = DEFAULT.observation

    def selection(self) -> dict[str, Any]:
        """Return what `medenv.tasks.selection.select_tasks` is to be called with."""
        names = ("task", "task_type", "branch", "difficulty", "paraphrase", "now", "limit")
        return {name: getattr(self, name) for name in names}


@dataclass(kw_only=True)
class TaskOptions(ChoiceOptions):
    """Which tasks, as what, judged how."""

    grader: Annotated[
        str | None, typer.Option(help="strict or official; the split's own if left out.", rich_help_panel=TASKS)
    ] = DEFAULT.grader
    max_turns: Annotated[int, typer.Option(min=1, help="Agent turns an episode has.", rich_help_panel=TASKS)] = (
        DEFAULT.max_turns
    )
    protocol: Annotated[
        str,
        typer.Option(
            help="text; tools for native function calls; official: prompt and replies of the MedAgentBench checkout in "
            "--official.",
            rich_help_panel=TASKS,
        ),
    ] = DEFAULT.protocol


@dataclass(kw_only=True)
class ServerOptions:
    """Which FHIR server."""

    backend: Annotated[
        str,
        typer.Option(
            help="embedded; container (see --image) or remote (see --server) for another FHIR server.",
            rich_help_panel=SERVER,
        ),
    ] = DEFAULT.backend
    image: Annotated[
        str | None,
        typer.Option(help="container: the image; the official one if left out.", rich_help_panel=SERVER),
    ] = DEFAULT.image
    pool: Annotated[
        int,
        typer.Option(min=1, help="container: how many, each for one episode at a time.", rich_help_panel=SERVER),
    ] = DEFAULT.pool
    reset: Annotated[
        str, typer.Option(help="container: undo what an episode wrote, or recreate.", rich_help_panel=SERVER)
    ] = DEFAULT.reset
    url: Annotated[
        str | None, typer.Option("--server", help="remote: the server's base URL.", rich_help_panel=SERVER)
    ] = DEFAULT.url


@dataclass(kw_only=True)
class BenchmarkOptions(ServerOptions, TaskOptions):
    """Which tasks on which server: what every command takes that plays episodes."""


@dataclass(kw_only=True)
class RunOptions(BenchmarkOptions, AgentOptions):
    """All that a run takes."""

    seed: Annotated[int, typer.Option(help="Seed for whatever is random in the agent.", rich_help_panel=RUN)] = 0
    samples: Annotated[
        int,
        typer.Option(
            min=1, help="Attempts at each task; pass@k and pass^k are given for several.", rich_help_panel=RUN
        ),
    ] = 1
    concurrency: Annotated[int, typer.Option(min=1, help="Episodes under way at a time.", rich_help_panel=RUN)] = 16
    engine: Annotated[
        str,
        typer.Option(
            help="Where episodes are played. " + "; ".join(f"{name}: {line}" for name, line in ENGINES.items()) + ".",
            rich_help_panel=RUN,
        ),
    ] = "local"
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="processes, ray: how many worker processes; one a core if left out.",
            rich_help_panel=RUN,
        ),
    ] = None
    address: Annotated[
        str | None,
        typer.Option(
            help="ray: the cluster that this machine is a node of, auto or host:port; Ray is started here if left out.",
            rich_help_panel=RUN,
        ),
    ] = None
    worker_gpus: Annotated[
        float,
        typer.Option(min=0, help="ray: GPUs that each worker is given, for a model on them.", rich_help_panel=RUN),
    ] = 0.0
    max_cost: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="US dollars that the run may cost in all, with what was spent before --resume; "
            "needs an agent with prices. Ends with exit code 3.",
            rich_help_panel=RUN,
        ),
    ] = None
    out: Annotated[
        Path | None,
        typer.Option(callback=a_folder, help="Folder of a new run; one below runs if left out.", rich_help_panel=RUN),
    ] = None
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Go on with the run in this folder: play only what is missing. Options are the run's own unless given anew.",
            rich_help_panel=RUN,
        ),
    ] = None
    retry_infrastructure: Annotated[
        bool,
        typer.Option(
            "--retry-infrastructure",
            help="With --resume: play episodes again that ended in an infrastructure error.",
            rich_help_panel=RUN,
        ),
    ] = False


@dataclass(kw_only=True)
class RolloutOptions(RunOptions):
    """All that a rollout takes: a run's options, and where to go on from in another one."""

    branch_from: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Go on from the middle of this run's episodes instead of playing tasks from the start; needs --branch-at.",
            rich_help_panel=BRANCH,
        ),
    ] = None
    branch_at: Annotated[
        list[int],
        typer.Option(
            metavar="TURN",
            help="How many replies of an episode stay; -1 gives up the last one alone. Repeatable. --samples says how many go on.",
            rich_help_panel=BRANCH,
        ),
    ] = field(default_factory=list)
