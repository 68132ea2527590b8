"""``medenv grade``: stored runs judged again, without a server or a model, since a trajectory carries what a grader reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from medenv.cli.console import stderr
from medenv.cli.exits import NOTHING_SCORED
from medenv.cli.output import a_folder
from medenv.cli.scores import show_scores
from medenv.grading import GRADERS, UngradableError, load_grader
from medenv.report import Summary
from medenv.rollouts import RunFolder
from medenv.rollouts.regrading import judged
from medenv.rollouts.store import numbered, write_json, write_run
from medenv.trajectories import Trajectory, file_of

__all__ = ["grade"]

Run = Annotated[Path, typer.Argument(help="A run's folder, or its trajectories.jsonl.")]


def grade(
    run: Run,
    grader: Annotated[str, typer.Option(help=f"Which grader: {', '.join(GRADERS)}.")] = "strict",
    out: Annotated[
        Path | None,
        typer.Option(callback=a_folder, help="Folder for the run with its new verdicts; only printed if left out."),
    ] = None,
) -> None:
    """Grade a stored run again, without a server or a model.

    An episode that the grader can't judge is told with its line, left out, and makes the exit code 1.

    Examples:
        medenv grade runs/my-model --grader official

        medenv grade runs/my-model --grader strict --out runs/my-model-strict
    """
    judge, summary = load_grader(grader), Summary()
    failed = 0

    def graded() -> Iterator[Trajectory]:
        nonlocal failed
        for number, stored in numbered(run):
            try:
                one = judged(stored, judge)
            except UngradableError as error:
                failed += 1
                _tell(f"{file_of(run)}, line {number}, task {stored.task.id}: {error}")
                continue
            summary.add(one)
            yield one

    if out is None:
        for _ in graded():
            pass
    else:
        settings = {"regraded": str(run), "grader": grader, "grader_version": judge.version}
        write_run(out, graded(), settings)
        write_json(out / RunFolder.SUMMARY, {**settings, **summary.to_dict()})
    show_scores(f"{run}, grader {judge.title}", summary, None, out)
    if failed:
        _tell(f"medenv: error: {failed} episode(s) could not be graded and are left out")
        raise typer.Exit(1)
    if summary.total.episodes and not summary.total.scored:
        raise typer.Exit(NOTHING_SCORED)


def _tell(line: str) -> None:
    stderr().print(line, highlight=False, soft_wrap=True, markup=False)
