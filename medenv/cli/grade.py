"""``medenv grade`` and ``medenv compare``: stored runs judged again, and two runs set side by side.

Neither needs a server or a model: a trajectory carries what a grader reads.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from medenv.cli.console import stdout
from medenv.cli.scores import show_scores
from medenv.grading import GRADERS, load_grader
from medenv.protocol import Trajectory
from medenv.report import compare, summarise
from medenv.report.table import percent
from medenv.rollouts import RunFolder, read_run
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
    judge = load_grader(grader)
    trajectories = [judge.judge(one) for one in read_run(run)]
    summary = summarise(trajectories)
    if out is not None:
        settings = {"regraded": str(run), "grader": grader}
        with RunFolder(out, settings) as folder:
            for one in trajectories:
                folder.append(one)
            folder.write_summary({**settings, **summary.to_dict()})
    show_scores(f"{run}, grader {grader}", summary, None, out)


def _same_charts(runs: list[list[Trajectory]]) -> None:
    """Refuse to compare runs whose tasks of one id were played on different charts."""
    seen: dict[str, str] = {one.task.id: str(one.provenance.get("data")) for one in runs[0]}
    for one in runs[1]:
        data = str(one.provenance.get("data"))
        if seen.get(one.task.id, data) != data:
            raise ValueError(
                f"task {one.task.id!r} was played on charts {seen[one.task.id]} in the first run and {data} in the second; "
                "compare runs on the same data"
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
    runs = [[judge.judge(one) if judge else one for one in read_run(path)] for path in (first, second)]
    _same_charts(runs)
    attempts = [summarise(rows).attempts for rows in runs]
    types = {one.task.id: one.task.type for one in runs[0]}
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
