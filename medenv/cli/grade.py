"""``medenv grade``: stored runs judged again, without a server or a model, since a trajectory carries what a grader reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from medenv.cli.console import stderr
from medenv.cli.exits import NOTHING_SCORED
from medenv.cli.output import Json, a_folder, print_json
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
    json_: Json = False,
) -> None:
    """Grade a stored run again, without a server or a model.

    An episode that the grader can't judge is told with its line, left out, and makes the exit code 1.

    Examples:
        medenv grade runs/my-model --grader official

        medenv grade runs/my-model --grader strict --out runs/my-model-strict

        medenv grade runs/my-model --json
    """
    judge, summary = load_grader(grader), Summary()
    failed: list[dict[str, Any]] = []

    def graded() -> Iterator[Trajectory]:
        for number, stored in numbered(run):
            try:
                one = judged(stored, judge)
            except UngradableError as error:
                failed.append({"line": number, "task": stored.task.id, "error": str(error)})
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
    if json_:
        head = {"run": str(run), "grader": grader, "grader_version": judge.version, "out": str(out) if out else None}
        print_json({**head, "ungraded": failed, "summary": summary.to_dict()})
    else:
        show_scores(f"{run}, grader {judge.title}", summary, None, out)
    if failed:
        _tell(f"medenv: error: {len(failed)} episode(s) could not be graded and are left out")
        raise typer.Exit(1)
    if summary.total.episodes and not summary.total.scored:
        raise typer.Exit(NOTHING_SCORED)


def _tell(line: str) -> None:
    stderr().print(line, highlight=False, soft_wrap=True, markup=False)
