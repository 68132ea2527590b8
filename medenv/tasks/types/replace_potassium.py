"""Task type 9: replace potassium if it is low, and recheck it the next morning.

Branches: no value; normal; low, which needs two orders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from medenv.tasks import orders
from medenv.tasks.base import Branch, Gold, LatestLab, only
from medenv.tasks.chart import newest, readings
from medenv.tasks.steps import Steps
from medenv.tasks.task import Task

__all__ = ["GOAL", "ReplacePotassium"]

GOAL = 3.5
"""mmol/L; 3.5 itself is normal (official grader)."""


class ReplacePotassium(LatestLab):
    """Replace potassium if low; params: ``code``, ``ndc``, ``loinc`` and ``recheck_day`` (ISO date)."""

    number = 9
    name = "replace-potassium"
    title = "Procedure History"
    kind = "action"
    branches = (
        Branch("absent", "no value at all"),
        Branch("normal", "3.5 mmol/L or more"),
        Branch("low", "below 3.5 mmol/L: 10 mEq for each 0.1, and a recheck", orders=2),
    )
    params: ClassVar[Mapping[str, Any]] = {
        "code": "K",
        "ndc": "40032-917-01",
        "loinc": "2823-3",
        "recheck_day": "2023-11-14",
    }
    wordings = (
        "Check the latest potassium of {who}. When it is low, order a replacement by the dosing rule "
        "first, and second a serum potassium for 8 o'clock tomorrow morning. Answer with the level.",
        "Does {who} need potassium? Go by the newest level. If it is low, order potassium by mouth "
        "according to the dosing rule, then a serum potassium test for tomorrow at 8 in the morning. The"
        " answer is the level.",
        "Please manage the potassium of {who}: find the last level, and where it is low place two "
        "orders, the replacement that the dosing rule gives and after it a serum potassium for tomorrow,"
        " 8 a.m. Report the level.",
        "If the most recent potassium of {who} is low, it has to be replaced by the dosing rule and "
        "measured again tomorrow morning at 8 o'clock; place both orders in this sequence. Answer with "
        "the level that you saw.",
    )

    def instruction(self, mrn: str | None, params: Mapping[str, Any]) -> str:
        """What to check and what goes together."""
        return (
            f"Look at patient {mrn}'s latest potassium. If it is low, order potassium by the dosing rule and, after "
            "that, a serum potassium for tomorrow morning at 8 o'clock. Answer with the level you found."
        )

    def context(self, now: str, params: Mapping[str, Any]) -> str:
        """The present, the codes and the dosing rule."""
        return (
            f'The present time is {now}. Potassium is coded "{params["code"]}"; the oral product has the NDC '
            f"{params['ndc']}. The goal is a level of 3.5 mmol/L: order 10 mEq by mouth for each 0.1 mmol/L below it. "
            f"The serum potassium test is ordered by the LOINC code {params['loinc']}. "
            "The answer is -1 if there is no value."
        )

    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """The newest value, and both orders if it is low."""
        latest = newest(readings(facts))
        if latest is None:
            return Gold("absent", [-1])
        if latest.value >= GOAL:
            return Gold("normal", [latest.value])
        mrn, params = str(task.mrn), task.params
        dose = (GOAL - latest.value) / 0.1 * 10
        replacement = orders.potassium(mrn, params["ndc"], task.now, dose)
        morning = f"{params['recheck_day']}T08:00:00+00:00"
        recheck = orders.service_request(mrn, orders.LOINC, params["loinc"], task.now, occurrence=morning)
        return Gold("low", [latest.value], [replacement, recheck])

    def blind(self, task: Task, base: str = "") -> Steps[None]:
        """Order nothing, answer nothing."""
        return only([])
