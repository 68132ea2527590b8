"""Task type 5: replace magnesium if it is low.

Branches: no value within 24 hours; normal; and three tiers of deficiency, each with its own IV dose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from medenv.tasks import orders
from medenv.tasks.base import Branch, Gold, LatestLab, only
from medenv.tasks.chart import DAY, instant, newest, readings, since
from medenv.tasks.steps import Steps
from medenv.tasks.task import Task

__all__ = ["NORMAL_ABOVE", "TIERS", "ReplaceMagnesium"]

NORMAL_ABOVE = 1.9
"""mg/dL; 1.9 itself is replaced (official grader)."""

TIERS = (("severe", 1.0, 4), ("moderate", 1.5, 2), ("mild", float("inf"), 1))
"""Branch, the value in mg/dL it lies below, grams over as many hours (dosing rules of the official task)."""


class ReplaceMagnesium(LatestLab):
    """Replace magnesium if low; params: ``code`` and ``ndc``."""

    number = 5
    name = "replace-magnesium"
    title = "Condition Lookup"
    kind = "action"
    branches = (
        Branch("absent", "no value within 24 h: nothing to order"),
        Branch("normal", "above 1.9 mg/dL"),
        Branch("mild", "1.5 to 1.9 mg/dL: 1 g", orders=1),
        Branch("moderate", "1 to below 1.5 mg/dL: 2 g", orders=1),
        Branch("severe", "below 1 mg/dL: 4 g", orders=1),
    )
    params: ClassVar[Mapping[str, Any]] = {"code": "MG", "ndc": "0338-1715-40"}
    wordings = (
        "Check the newest magnesium of {who} within the past 24 hours. Order IV magnesium by the dosing "
        "rules if it is low; without any result in that time, order nothing. Answer with that level, or "
        "with an empty list if there is none.",
        "Does {who} need magnesium? Go by the latest level of the past 24 hours: if low, order it "
        "intravenously as the dosing rules say; if nobody measured it in that time, leave it. The answer"
        " is the level, or an empty list without one.",
        "Please manage the magnesium of {who}: find the last level from the past 24 hours, and where it "
        "is low place the IV order that the dosing rules give. No level in that time, no order. Report "
        "the level, or an empty list.",
        "If the most recent magnesium of {who} (past 24 hours only) is low, it has to be replaced "
        "intravenously by the dosing rules. Do not order anything when there is no such level. Answer "
        "with the level, or an empty list.",
    )

    def instruction(self, mrn: str | None, params: Mapping[str, Any]) -> str:
        """What to check, when to order, when not to."""
        return (
            f"Look at the latest serum magnesium that patient {mrn} had in the past 24 hours. If it is low, order "
            "intravenous magnesium by the dosing rules; if none was measured in that time, order nothing. "
            "Answer with the level you acted on, or with an empty list if there was none."
        )

    def context(self, now: str, params: Mapping[str, Any]) -> str:
        """The present, the codes and the dosing rules."""
        return (
            f'The present time is {now}. Magnesium is coded "{params["code"]}"; the intravenous product has the NDC '
            f"{params['ndc']}. Dosing by serum level: from 1.5 up to and including 1.9 mg/dL (mild) 1 g IV over "
            "1 hour; from 1 to under 1.5 mg/dL (moderate) 2 g IV over 2 hours; under 1 mg/dL (severe) 4 g IV over "
            "4 hours."
        )

    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """The newest value in the window, and the order for its tier."""
        latest = newest(since(readings(facts), instant(task.now) - DAY))
        if latest is None:
            return Gold("absent", [])
        if latest.value > NORMAL_ABOVE:
            return Gold("normal", [latest.value])
        branch, grams = next((branch, grams) for branch, below, grams in TIERS if latest.value < below)
        order = orders.magnesium(str(task.mrn), task.params["ndc"], task.now, grams)
        return Gold(branch, [latest.value], [order])

    def blind(self, task: Task, base: str = "") -> Steps[None]:
        """Order nothing, answer nothing."""
        return only([])
