"""The blind floor of stored runs: what a policy that never looks at the chart scores on the same tasks by the same grader."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from medenv.agents import load
from medenv.errors import InputError
from medenv.fhir import BackendError
from medenv.grading import Grader, load_grader
from medenv.report.board import Cell, Floor, branch_cells
from medenv.report.metrics import Summary
from medenv.report.records import RunRecord
from medenv.rollouts import Manifest, open_benchmark, read_run, run
from medenv.tasks import Task
from medenv.tasks.taskset import FIRST, versioned
from medenv.trajectories import Trajectory

__all__ = ["blind_floor"]


def blind_floor(records: Sequence[RunRecord], grader: Grader | None = None) -> tuple[Floor | None, str | None]:
    """Play the blind policy on all tasks that runs played.

    Args:
        records: The runs, which share split and charts.
        grader: Whose verdicts count; the one that the runs were judged by if left out.

    Returns:
        The floor, and None; or None, and why it can't be had.
    """
    summary, seen = Summary(), set[str]()
    try:
        for record in records:
            for one in asyncio.run(_play(record, grader, seen)):
                summary.add(one)
    except (ValueError, LookupError, OSError, BackendError) as error:
        return None, f"The blind floor is unknown: {error}."
    if not summary.total.scored:
        return None, "The blind floor is unknown: there is no scored task to play it on."
    types = {
        n: Cell(one.accuracy, one.passed, one.scored, one.interval, one.balanced) for n, one in summary.types.items()
    }
    total = Cell(summary.total.accuracy, summary.total.passed, summary.total.scored, summary.interval, summary.balanced)
    return Floor(total, types, branch_cells(summary)), None


async def _play(record: RunRecord, grader: Grader | None, seen: set[str]) -> list[Trajectory]:
    """Play the blind policy on a run's tasks that are not seen yet; return its episodes, judged."""
    first, tasks = _tasks(record, seen)
    if first is None or first.verdict is None:
        return []
    judge = grader or load_grader(str(first.verdict["grader"]))
    if grader is None and (made := first.verdict.get("grader_version", FIRST)) != judge.version:
        judged = versioned(judge.name, made)
        raise InputError(
            f"the run was judged by {judged}, and at hand is {judge.title}; --grader {judge.name} judges it anew"
        )
    manifest = Manifest.read(record.path) if record.path.is_dir() else None
    with open_benchmark(first, manifest) as benchmark:
        return [judge.judge(one) async for one in run(benchmark, load("blind"), tasks, concurrency=1)]


def _tasks(record: RunRecord, seen: set[str]) -> tuple[Trajectory | None, list[Task]]:
    """Find a run's scored tasks that aren't seen yet, and mark them as seen; return its first such episode and them."""
    first, tasks = None, []
    for one in read_run(record.path):
        if one.verdict is None or one.task.id in seen:
            continue
        seen.add(one.task.id)
        first = first or one
        tasks.append(one.task)
    return first, tasks
