"""Task type 7: the latest glucose in the whole chart.

Branches: there is one, or the chart has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from medenv.tasks.base import Branch, Gold, LatestLab, only
from medenv.tasks.chart import newest, readings
from medenv.tasks.steps import Steps
from medenv.tasks.task import Task

__all__ = ["LatestGlucose"]


class LatestGlucose(LatestLab):
    """Latest glucose ever; params: ``code``."""

    number = 7
    name = "latest-glucose"
    title = "Clinical Note Creation"
    kind = "query"
    branches = (Branch("present", "at least one value"), Branch("absent", "no value at all"))
    params: ClassVar[Mapping[str, Any]] = {"code": "GLU"}
    wordings = (
        "Give the newest capillary glucose (CBG) of {who}.",
        "When {who} last had a CBG, what was the value?",
        "Of all CBG values of {who}, which is the latest?",
        "I need the last recorded capillary glucose (CBG) for {who}.",
    )

    def instruction(self, mrn: str | None, params: Mapping[str, Any]) -> str:
        """Which value of whom."""
        return f"What was patient {mrn}'s latest capillary glucose (CBG) value?"

    def context(self, now: str, params: Mapping[str, Any]) -> str:
        """The present, the code, the unit, and what to say if there is none."""
        return (
            f'The present time is {now}. CBG is coded "{params["code"]}". '
            "Answer with one number in mg/dL, or with -1 if the chart has no value at all."
        )

    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """The newest value, or -1."""
        latest = newest(readings(facts))
        return Gold("absent", [-1]) if latest is None else Gold("present", [latest.value])

    def blind(self, task: Task, base: str = "") -> Steps[None]:
        """Give no answer."""
        return only([])
