"""How far an unfinished episode has come, as a number that shaping may use as its potential.

It rewards what the task needs (its evidence, its right orders) and nothing that merely looks busy.
"""

from __future__ import annotations

from medenv.grading.strict.evidence import gather
from medenv.grading.strict.grader import first_write
from medenv.grading.strict.search_log import SearchLog
from medenv.grading.strict.writes import judge_writes
from medenv.tasks import task_type
from medenv.trajectories import Trajectory

__all__ = ["progress"]


def progress(trajectory: Trajectory) -> float:
    """Return the mean of the evidence shown and of the demanded orders made, less what else was written.

    Args:
        trajectory: An episode under way, with the chart's facts.

    Returns:
        Between -1 and 1; 1 when only the answer is left to give.
    """
    task, facts = trajectory.task, trajectory.facts or []
    pristine = trajectory.pristine or {"patient": None, "forms": []}
    gold = task_type(task.type).gold(task, facts)
    written = judge_writes(
        gold.orders,
        trajectory.changes,
        task,
        patient=pristine["patient"],
        facts=facts,
        answer=gold.answer,
        base=trajectory.base,
    )
    right = sum(one == {} for one in written.orders) / len(written.orders) if written.orders else 1.0
    log = SearchLog(trajectory.turns, trajectory.base)
    evidence = gather(task, facts, pristine, log, first_write(trajectory))
    return max(-1.0, (evidence.share + right) / 2 - len(written.others))
