"""Task type 4: the latest magnesium within the last 24 hours.

Branches: there is one, or there is none (no value at all, or only older ones).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from medenv.tasks.base import Branch, Gold, LatestLab, only
from medenv.tasks.chart import DAY, instant, newest, readings, since
from medenv.tasks.steps import Steps
from medenv.tasks.task import Task

__all__ = ["LatestMagnesium"]


class LatestMagnesium(LatestLab):
    """Latest magnesium within 24 h; params: ``code``."""

    number = 4
    name = "latest-magnesium"
    title = "Allergy Information"
    kind = "query"
    branches = (Branch("present", "a value within 24 h"), Branch("absent", "no value, or none within 24 h"))
    params: ClassVar[Mapping[str, Any]] = {"code": "MG"}
    wordings = (
        "Within the past 24 hours, what was the most recent magnesium of {who}?",
        "Look for magnesium results of {who} from the past 24 hours and tell me the newest.",
        "How high was the magnesium of {who} when last checked, counting only the past 24 hours?",
        "I want the newest magnesium value of {who}, provided it is no older than 24 hours.",
    )

    def instruction(self, mrn: str | None, params: Mapping[str, Any]) -> str:
        """Which value of whom."""
        return f"Which magnesium level is the latest that patient {mrn} had in the past 24 hours?"

    def context(self, now: str, params: Mapping[str, Any]) -> str:
        """The present, the code, the unit, and what to say if there is none."""
        return (
            f'The present time is {now}. Magnesium is coded "{params["code"]}". '
            "Answer with one number in mg/dL, or with -1 if nothing was measured in the past 24 hours."
        )

    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """The newest value in the window, or -1."""
        latest = newest(since(readings(facts), instant(task.now) - DAY))
        return Gold("absent", [-1]) if latest is None else Gold("present", [latest.value])

    def blind(self, task: Task, base: str = "") -> Steps[None]:
        """Say that there is none."""
        return only([-1])
