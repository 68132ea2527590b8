"""How far an unfinished episode has come, as a number that shaping may use as its potential.

It rewards what the task needs (its evidence, its right orders) and nothing that merely looks busy.
"""

from __future__ import annotations

from medenv.grading.strict.evidence import gather
from medenv.grading.strict.looks import Looks
from medenv.grading.strict.orders import pair_up
from medenv.protocol.trajectory import Trajectory
from medenv.tasks import task_type

__all__ = ["progress"]


def progress(trajectory: Trajectory) -> float:
    """The mean of the evidence shown and of the demanded orders made, less what else was written.

    Args:
        trajectory: An episode under way, with the chart's facts.

    Returns:
        Between -1 and 1; 1 when only the answer is left to give.
    """
    task, facts = trajectory.task, trajectory.facts or []
    gold = task_type(task.type).gold(task, facts)
    created = [change for change in trajectory.changes if change["kind"] == "create"]
    matched = pair_up(gold.orders, created, task)
    extra = len(trajectory.changes) - sum(one is not None for one in matched)
    right = sum(one == {} for one in matched) / len(matched) if matched else 1.0
    evidence = gather(task, facts, Looks(trajectory.turns, trajectory.base), len(trajectory.turns))
    return max(-1.0, (evidence.share + right) / 2 - extra)
