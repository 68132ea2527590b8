"""``medenv runs merge``, ``filter`` and ``sample``: new runs from stored ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medenv.cli.output import a_folder
from medenv.errors import InputError
from medenv.rollouts.store import filter_run, merge_runs, sample_run
from medenv.trajectories import Status, Trajectory

__all__ = ["filter_", "merge", "passed", "sample"]

Run = Annotated[Path, typer.Argument(help="A run's folder.")]
Out = Annotated[Path, typer.Option(callback=a_folder, help="Folder of the new run.")]


def passed(one: Trajectory) -> bool:
    """Whether an episode was solved."""
    return one.verdict is not None and one.verdict["score"] == 1.0


def merge(runs: Annotated[list[Path], typer.Argument(help="Folders of runs.")], out: Out) -> None:
    """Put several runs into one; the same attempt in two of them is taken once.

    Example:
        medenv runs merge runs/seed-0 runs/seed-1 --out runs/both
    """
    kept, repeated = merge_runs(runs, out)
    print(f"{kept} episodes in {out}" + (f", {repeated} left out that stood twice" if repeated else ""))


def filter_(
    run: Run,
    out: Out,
    solved: Annotated[
        bool | None, typer.Option("--passed/--failed", help="Only episodes that passed, or that didn't.")
    ] = None,
    type_: Annotated[
        list[int] | None, typer.Option("--type", min=1, max=10, help="Only this task type; repeatable.")
    ] = None,
    branch: Annotated[list[str] | None, typer.Option(help="Only this branch; repeatable.")] = None,
    task: Annotated[list[str] | None, typer.Option(help="Only this task id; repeatable.")] = None,
    status: Annotated[list[str] | None, typer.Option(help="Only this status; repeatable.")] = None,
    category: Annotated[
        list[str] | None, typer.Option(help="Only failures of this category, e.g. dose; repeatable.")
    ] = None,
    max_turns: Annotated[int | None, typer.Option(min=1, help="Only episodes of at most so many turns.")] = None,
) -> None:
    """Copy the episodes that fit into a run of their own.

    Infrastructure errors neither passed nor failed; --status infrastructure_error finds them.

    Examples:
        medenv runs filter runs/my-model --passed --max-turns 6 --out runs/good

        medenv runs filter runs/my-model --failed --type 9 --category dose --out runs/doses
    """
    known = [one.value for one in Status]
    if unknown := [one for one in status or () if one not in known]:
        raise InputError(f"unknown status {unknown[0]!r}; there are: {', '.join(known)}")

    def wanted(one: Trajectory) -> bool:
        verdict = one.verdict or {}
        return (
            (solved is None or (one.verdict is not None and passed(one) == solved))
            and (not type_ or one.task.type in type_)
            and (not branch or (verdict.get("branch") or one.task.branch) in branch)
            and (not task or one.task.id in task)
            and (not status or one.status.value in status)
            and (not category or verdict.get("category") in category)
            and (max_turns is None or len(one.turns) <= max_turns)
        )

    words = {
        "passed": solved,
        "type": type_,
        "branch": branch,
        "task": task,
        "status": status,
        "category": category,
        "max_turns": max_turns,
    }
    kept = filter_run(run, out, wanted, {"filter": {name: value for name, value in words.items() if value is not None}})
    print(f"{kept} episodes in {out}")


def sample(
    run: Run,
    out: Out,
    episodes: Annotated[int, typer.Option("--episodes", "-n", min=1, help="How many.")],
    seed: Annotated[int, typer.Option(help="Of the drawing.")] = 0,
) -> None:
    """Draw episodes at random, without replacement, into a run of their own.

    Example:
        medenv runs sample runs/my-model -n 100 --out runs/look
    """
    print(f"{sample_run(run, out, episodes, seed)} episodes in {out}")
