"""``medenv grade`` and ``medenv compare``: stored runs judged again, and two runs set side by side.

Neither needs a server or a model: a trajectory carries what a grader reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from medenv.cli.console import stdout
from medenv.cli.scores import show_scores
from medenv.grading import GRADERS, Grader, load_grader
from medenv.protocol import Trajectory
from medenv.report import Summary, compare
from medenv.report.table import percent
from medenv.rollouts import RunFolder, read_run
from medenv.rollouts.store import write_json, write_run
from medenv.tasks import task_type

__all__ = ["compare_runs", "grade"]

Run = Annotated[Path, typer.Argument(help="A run's folder, or its trajectories.jsonl.")]


def grade(
    run: Run,
    grader: Annotated[str, typer.Option(help=f"Which grader: {', '.join(GRADERS)}.")] = "strict",
    out: Annotated[
        Path | None, typer.Option(help="Folder for the run with its new verdicts; only printed if left out.")
    ] = None,
) -> None:
    """Grade a stored run again, without a server or a model.

    Examples:
        medenv grade runs/my-model --grader official

        medenv grade runs/my-model --grader strict --out runs/my-model-strict
    """
    judge, summary = load_grader(grader), Summary()

    def graded() -> Iterator[Trajectory]:
        for stored in read_run(run):
            one = judge.judge(stored)
            summary.add(one)
            yield one

    if out is None:
        for _ in graded():
            pass
    else:
        settings = {"regraded": str(run), "grader": grader}
        write_run(out, graded(), settings)
        write_json(out / RunFolder.SUMMARY, {**settings, **summary.to_dict()})
    show_scores(f"{run}, grader {grader}", summary, None, out)


@dataclass
class _Side:
    """What is compared of a run.

    Attributes:
        summary: Its scores.
        types: Task types by task id.
        charts: Fingerprints of the charts by task id.
        graders: Names of the graders of its verdicts.
    """

    summary: Summary = field(default_factory=Summary)
    types: dict[str, int] = field(default_factory=dict)
    charts: dict[str, str] = field(default_factory=dict)
    graders: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, run: Path, judge: Grader | None) -> _Side:
        side = cls()
        for stored in read_run(run):
            one = judge.judge(stored) if judge is not None else stored
            side.summary.add(one)
            side.types[one.task.id] = one.task.type
            side.charts[one.task.id] = str(one.provenance.get("data"))
            if one.verdict is not None:
                side.graders.add(str(one.verdict.get("grader")))
        return side


def _comparable(first: _Side, second: _Side) -> None:
    """Refuse to compare runs that were judged differently, or whose tasks of one id were played on different charts."""
    for task, data in second.charts.items():
        if first.charts.get(task, data) != data:
            raise ValueError(
                f"task {task!r} was played on charts {first.charts[task]} in the first run and {data} in the second; "
                "compare runs on the same data"
            )
    if len(graders := first.graders | second.graders) > 1:
        raise ValueError(
            f"the runs were judged by different graders ({', '.join(sorted(graders))}); choose one with --grader"
        )


def compare_runs(
    first: Run,
    second: Run,
    grader: Annotated[
        str | None, typer.Option(help="Grade both anew by this grader; their stored verdicts if left out.")
    ] = None,
) -> None:
    """Compare two runs on the tasks both have, pair by pair.

    Example:
        medenv compare runs/before runs/after
    """
    judge = load_grader(grader) if grader else None
    sides = [_Side.read(path, judge) for path in (first, second)]
    _comparable(*sides)
    attempts, types = [side.summary.attempts for side in sides], sides[0].types
    table = Table(title=f"{second} against {first}", title_justify="left")
    for heading in ("task type", "tasks", "first", "second", "difference, 95 %", "better", "worse", "p"):
        table.add_column(heading, justify="left" if heading == "task type" else "right")
    for number in [*sorted(set(types.values())), None]:
        chosen = [{task: s for task, s in scores.items() if number in (None, types.get(task))} for scores in attempts]
        if not set(chosen[0]) & set(chosen[1]) and number is not None:
            continue
        found = compare(chosen[0], chosen[1])
        low, high = found.interval
        name = "all" if number is None else f"{number:2d} {task_type(number).name}"
        difference = f"{100 * (found.second - found.first):+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
        table.add_row(
            name,
            str(found.tasks),
            percent(found.first),
            percent(found.second),
            difference,
            str(found.gained),
            str(found.lost),
            f"{found.p_value:.3f}",
        )
    stdout().print(table)
