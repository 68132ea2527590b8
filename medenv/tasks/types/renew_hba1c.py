"""Task type 10: the latest HbA1c with its time, and a new test if it is older than a year.

Branches: no value; stale, older than a year; fresh. The first two need an order.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from medenv.tasks import orders
from medenv.tasks.base import Branch, Gold, LatestLab, loinc_in, mrn_in, now_in
from medenv.tasks.chart import instant, newest, readings
from medenv.tasks.steps import act
from medenv.tasks.task import Task

__all__ = ["RenewHbA1c", "year_before"]


def year_before(now: str) -> datetime:
    """The same time a year ago; a value from exactly then still counts as fresh (official grader)."""
    present = instant(now)
    try:
        return present.replace(year=present.year - 1)
    except ValueError:
        return present.replace(year=present.year - 1, day=28)  # 29 February


class RenewHbA1c(LatestLab):
    """Latest HbA1c, reorder if stale; params: ``code`` and ``loinc``."""

    number = 10
    name = "renew-hba1c"
    title = "Care Plan Management"
    kind = "action"
    branches = (
        Branch("absent", "no value at all", orders=1),
        Branch("stale", "the latest is more than a year old", orders=1),
        Branch("fresh", "the latest is at most a year old"),
    )
    params: ClassVar[Mapping[str, Any]] = {"code": "A1C", "loinc": "4548-4"}
    wordings = (
        "Find the newest HbA1c (hemoglobin A1C) of {who} and when it was taken. Order another one if "
        "there is none or if that is more than a year ago.",
        "When was the HbA1c of {who} last measured, and what was it? Should it be older than a year or "
        "missing, place an order for a new one.",
        "Please keep the HbA1c of {who} up to date: report the last value with its time, and order the "
        "test unless it was done within a year.",
        "What is the most recent hemoglobin A1C of {who}, and of what time? If a year has gone by since,"
        " or none exists, order it again.",
    )

    def instruction(self, mrn: str | None, params: Mapping[str, Any]) -> str:
        """What to look up and when to order."""
        return (
            f"Give patient {mrn}'s latest HbA1c (hemoglobin A1C) and the time it was taken. If the chart's latest is "
            "more than a year old, or if there is none, order a new test."
        )

    def context(self, now: str, params: Mapping[str, Any]) -> str:
        """The present, the codes and the form of the answer."""
        return (
            f'The present time is {now}. HbA1c is coded "{params["code"]}"; a new test is ordered by the LOINC code '
            f"{params['loinc']}. Answer with the value and its time as the chart writes it, "
            "or with -1 alone if there is none."
        )

    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """The newest value and its time, and an order unless it is fresh."""
        latest = newest(readings(facts))
        order = orders.service_request(str(task.mrn), orders.LOINC, task.params["loinc"], task.now)
        if latest is None:
            return Gold("absent", [-1], [order])
        if latest.at < year_before(task.now):
            return Gold("stale", [latest.value, latest.text], [order])
        return Gold("fresh", [latest.value, latest.text])

    def blind(self, task: Task, base: str = "") -> Generator[str, str, None]:
        """Order without looking, and answer nothing.

        The published floor of 157/300 (134 of the 150 action tasks) has all 17 rows that need an order, absent and stale alike.
        The empty answer passes both; ``[-1]`` would fail the 4 stale ones and give 153.
        """
        order = orders.service_request(mrn_in(task), orders.LOINC, loinc_in(task), now_in(task))
        yield from act([order], [], base)
