"""Options that say which tasks are played, and on which charts and server: shared by every command that plays episodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from medenv.cli.console import stderr
from medenv.episode import MAX_TURNS, Benchmark
from medenv.protocol.instructions import Wording
from medenv.tasks import SPLITS, Task

__all__ = ["BenchmarkOptions"]

ENDLESS_LIMIT = 300
"""Tasks of a split without end that are taken if nobody says how many."""

TASKS, EPISODE, SERVER = "Tasks", "Episode", "FHIR server"


@dataclass(kw_only=True)
class BenchmarkOptions:
    """Which tasks, by which rules, on which server."""

    split: Annotated[
        str,
        typer.Option(
            help=f"Which tasks: {', '.join(SPLITS)} (official needs --official and --charts).", rich_help_panel=TASKS
        ),
    ] = "test"
    type_: Annotated[
        list[int],
        typer.Option("--type", min=1, max=10, help="Only this task type; repeatable.", rich_help_panel=TASKS),
    ] = field(default_factory=list)
    task: Annotated[list[str], typer.Option(help="Only this task id; repeatable.", rich_help_panel=TASKS)] = field(
        default_factory=list
    )
    branch: Annotated[str | None, typer.Option(help="Only tasks of this branch, e.g. low.", rich_help_panel=TASKS)] = (
        None
    )
    difficulty: Annotated[str | None, typer.Option(help="Only easy or hard tasks.", rich_help_panel=TASKS)] = None
    paraphrase: Annotated[
        int | None, typer.Option(min=0, help="The instruction's wording, from 0.", rich_help_panel=TASKS)
    ] = None
    now: Annotated[
        str | None,
        typer.Option(help="train, validation: the present, like 2024-05-06T07:08:00+00:00.", rich_help_panel=TASKS),
    ] = None
    task_seed: Annotated[
        int, typer.Option(help="train, validation, builtin: which sequence of tasks.", rich_help_panel=TASKS)
    ] = 0
    size: Annotated[
        str, typer.Option(help="train, validation: the cohort's size, default or full.", rich_help_panel=TASKS)
    ] = "default"
    official: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the official test_data_v2.json, or a MedAgentBench checkout.", rich_help_panel=TASKS
        ),
    ] = None
    charts: Annotated[
        Path | None,
        typer.Option(help="NDJSON file with the charts, one FHIR resource a line.", rich_help_panel=TASKS),
    ] = None
    grader: Annotated[
        str | None,
        typer.Option(help="strict or official; the split's own if left out.", rich_help_panel=EPISODE),
    ] = None
    observation: Annotated[
        str, typer.Option(help="full, or compact for JSON without white space and meta.", rich_help_panel=EPISODE)
    ] = "full"
    max_turns: Annotated[int, typer.Option(min=1, help="Agent turns an episode has.", rich_help_panel=EPISODE)] = (
        MAX_TURNS
    )
    protocol: Annotated[
        str,
        typer.Option(
            help="text; tools for native function calls; official: prompt and replies of the MedAgentBench checkout in --official.",
            rich_help_panel=EPISODE,
        ),
    ] = "text"
    backend: Annotated[
        str,
        typer.Option(
            help="embedded; container (see --image) or remote (see --server) for another FHIR server.",
            rich_help_panel=SERVER,
        ),
    ] = "embedded"
    image: Annotated[
        str | None,
        typer.Option(help="container: the image; the official one if left out.", rich_help_panel=SERVER),
    ] = None
    pool: Annotated[
        int,
        typer.Option(min=1, help="container: how many, each for one episode at a time.", rich_help_panel=SERVER),
    ] = 1
    reset: Annotated[
        str, typer.Option(help="container: undo what an episode wrote, or recreate.", rich_help_panel=SERVER)
    ] = "undo"
    server: Annotated[str | None, typer.Option(help="remote: the server's base URL.", rich_help_panel=SERVER)] = None

    def open(self, wording: Wording | None = None, tolerances: Sequence[str] = ()) -> Benchmark:
        """The benchmark that the options describe.

        Args:
            wording: The user's own prompt.
            tolerances: What may be wrong with a reply's form.

        Raises:
            ValueError: The options don't go together.
            BackendError: The server can't be reached.
        """
        style: Any = self.observation  # Benchmark checks it
        return Benchmark(
            self.split,
            self.grader,
            official=self.official,
            charts=self.charts,
            observation=style,
            max_turns=self.max_turns,
            seed=self.task_seed,
            size=self.size,
            protocol=self.protocol,
            wording=wording,
            tolerances=tolerances,
            backend=self.backend,
            server=self._server(),
        )

    def _server(self) -> dict[str, Any]:
        """The backend's options."""
        if self.backend == "container":
            return {"image": self.image, "size": self.pool, "reset": self.reset, "progress": stderr().print}
        if (self.image, self.server) != (None, None) and self.backend == "embedded":
            raise ValueError("--image is for --backend container, --server for --backend remote")
        return {"url": self.server} if self.backend == "remote" else {}

    def settings(self, benchmark: Benchmark) -> dict[str, Any]:
        """What of this a run's summary says; a run is only gone on with under the same."""
        return {
            "split": self.split,
            "grader": benchmark.grader.name,
            "observation": self.observation,
            "max_turns": self.max_turns,
            **({"protocol": self.protocol} if self.protocol != "text" else {}),
            **({"tolerances": list(benchmark.tolerances)} if benchmark.tolerances else {}),
            **({"backend": self.backend} if self.backend != "embedded" else {}),
            "data": benchmark.backend.fingerprint,
        }

    def chosen(self, benchmark: Benchmark, limit: int | None = None) -> list[Task]:
        """The tasks to play, as they are put to the agent: those named, or those that fit, in the split's order.

        Args:
            benchmark: What `open` gave.
            limit: Only the first so many; None for all, or `ENDLESS_LIMIT` of a split without end.

        Raises:
            LookupError: There is no such task.
            ValueError: No task fits.
        """
        split, types = benchmark.tasks, self.type_
        if split.endless and limit is None:
            limit = ENDLESS_LIMIT
        if self.task:
            found = [split.task(one) for one in self.task]
            found = [task for task in found if not types or task.type in types]
        elif split.endless and types:
            parts = [split.choose(number, self.branch, self.difficulty) for number in dict.fromkeys(types)]
            found = [part[i] for i in range(-(-(limit or 0) // len(parts))) for part in parts]
        else:
            narrowed = self.branch or self.difficulty
            fitting = split.choose(None, self.branch, self.difficulty) if narrowed else split
            found = [one for one in (fitting[:limit] if split.endless else fitting) if not types or one.type in types]
        if not found:
            raise ValueError(f"no task of split {split.name!r} is of the types {types}")
        unique = {task.id: task for task in found[:limit]}.values()
        return [split.present(one, self.paraphrase, self.now) for one in unique]
