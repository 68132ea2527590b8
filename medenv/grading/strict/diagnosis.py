"""Why an episode failed, in one word: the category that most explains the checks that did not hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from medenv.grading.strict.evidence import WINDOWED, Evidence
from medenv.grading.strict.looks import Looks
from medenv.grading.strict.orders import Faults
from medenv.protocol.trajectory import Status, Trajectory
from medenv.tasks import Gold
from medenv.tasks.chart import DAY, instant, readings

__all__ = ["CATEGORIES", "diagnose"]

CATEGORIES = (
    "format",
    "wrong retrieval",
    "paging",
    "window",
    "arithmetic",
    "threshold",
    "dose",
    "wrong code",
    "extra write",
    "no evidence",
    "gave up",
    "turn limit",
    "context limit",
    "invalid action",
)
CONDITIONAL = frozenset({5, 9, 10})
"""Task types in which the chart decides whether something is ordered."""
_ENDINGS = {
    Status.TURN_LIMIT: "turn limit",
    Status.CONTEXT_LIMIT: "context limit",
    Status.INVALID_ACTION: "invalid action",
}
_NOTHING: tuple[list[Any], ...] = ([], [-1], ["Patient not found"])


def diagnose(
    trajectory: Trajectory,
    gold: Gold,
    answer: list[Any] | None,
    answered: bool,
    evidence: Evidence,
    looks: Looks,
    matched: Sequence[Faults | None],
    extra: int,
) -> str:
    """The category of a failed episode.

    Args:
        trajectory: The episode.
        gold: What the task demanded.
        answer: The answer's list, None if it is none.
        answered: Whether it is right.
        evidence: Whether what it rests on was shown.
        looks: What the GETs returned.
        matched: The faults of each expected order, None for one that was not made.
        extra: How many other writes there were.
    """
    if trajectory.status in _ENDINGS:
        return _ENDINGS[trajectory.status]
    if answer is None:
        return "format"
    if extra:
        over = trajectory.task.type in CONDITIONAL and not gold.orders and answered and evidence.given
        return "threshold" if over else "extra write"
    if None in matched:
        return _unmade(answered, evidence, looks)
    for fault in matched:
        if fault:
            return _order_fault(fault)
    if answered:
        return "no evidence" if not evidence.given else "extra write"
    return _wrong_answer(trajectory, answer, evidence, looks)


def _unmade(answered: bool, evidence: Evidence, looks: Looks) -> str:
    if evidence.given:
        return "threshold" if answered else "gave up"
    return "gave up" if looks.all else "no evidence"


def _order_fault(fault: Faults) -> str:
    for names, category in ((("code",), "wrong code"), (("dose", "rate"), "dose"), (("patient",), "wrong retrieval")):
        if any(name in fault for name in names):
            return category
    return "format"


def _wrong_answer(trajectory: Trajectory, answer: list[Any], evidence: Evidence, looks: Looks) -> str:
    task = trajectory.task
    code = task.params.get("code")
    asked = {value for look in looks.all if look.type == "Observation" for name, value in look.params if name == "code"}
    if code and asked and not any(code in value for value in asked):
        return "wrong code"
    if not evidence.given:
        if any(span[2] for look in looks.all for span in look.spans) and evidence.share < 1:
            return "paging"
        if not looks.all:
            return "no evidence"
        return "gave up" if answer in _NOTHING else "wrong retrieval"
    if task.type in (2, 6):
        return "arithmetic"
    if task.type in WINDOWED and answer:
        outside = {one.value for one in readings(trajectory.facts or ()) if one.at < instant(task.now) - DAY}
        if answer[0] in outside:
            return "window"
    return "gave up" if answer in _NOTHING else "wrong retrieval"
