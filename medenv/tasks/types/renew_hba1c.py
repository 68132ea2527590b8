"""Task type 10: the latest HbA1c with its time, and a new test if it is older than a year.

Branches: no value; stale, older than a year; fresh. The first two need an order.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from medenv.tasks.answers import numbers, same_instant
from medenv.tasks.base import SIGNED, Branch, Gold
from medenv.tasks.chart import instant, newest, readings, year_before
from medenv.tasks.instruction import loinc_in, mrn_in, now_in
from medenv.tasks.laboratory import LatestResultTask
from medenv.tasks.official_rule import (
    OfficialCase,
    OfficialChecks,
    accepted_posts,
    check_answer,
    check_no_post,
    laboratory_order,
    latest,
    official_instant,
)
from medenv.tasks.orders import LOINC, OrderWording, service_request
from medenv.tasks.orders.service import LABORATORY_WORDS
from medenv.tasks.reference import act
from medenv.tasks.scenarios import A_YEAR, OVER_A_YEAR, PAST_A_YEAR, WITHIN_A_YEAR, Scenario
from medenv.tasks.task import Task

__all__ = ["RenewHbA1c"]


class RenewHbA1c(LatestResultTask):
    """Latest HbA1c, reorder if stale; params: ``code`` and ``loinc``."""

    number = 10
    name = "renew-hba1c"
    title = "Care Plan Management"
    kind = "action"
    chart_group = 1
    branches = (
        Branch("absent", "no value at all", orders=1),
        Branch("stale", "the latest is more than a year old", orders=1),
        Branch("fresh", "the latest is at most a year old"),
    )
    params: ClassVar[Mapping[str, Any]] = {"code": "A1C", "loinc": "4548-4"}
    wordings = (
        (
            "Give the latest HbA1c (hemoglobin A1C) of {who} and the time it was taken. If that is more than a "
            "year ago, or if there is none, order a new test."
        ),
        (
            "Find the newest HbA1c (hemoglobin A1C) of {who} and when it was taken. Order another one if there is"
            " none or if that is more than a year ago."
        ),
        (
            "When was the HbA1c of {who} last measured, and what was it? Should it be older than a year or "
            "missing, place an order for a new one."
        ),
        (
            "Please keep the HbA1c of {who} up to date: report the last value with its time, and order the test "
            "if that is over a year old or if there is none."
        ),
        (
            "What is the most recent hemoglobin A1C of {who}, and of what time? If more than a year has gone by "
            "since, or none exists, order it again."
        ),
    )
    rules = (
        'HbA1c is coded "{code}"; a new test is one order, by the LOINC code {loinc}.',
        SIGNED,
        "A value taken exactly one year before the present time is still current, so that nothing is ordered.",
        (
            "The answer is two things, the value as a number in % and the time it was taken, with its offset as "
            "the chart writes it; or -1 alone if the chart has no value at all."
        ),
    )
    scenarios = (
        Scenario("absent", 7, name="no value"),
        Scenario("stale", 3, OVER_A_YEAR, place="middle", a_year_more=True, name="middle of the list"),
        Scenario("stale", 1, OVER_A_YEAR, place="last page", a_year_more=True, name="beyond the first page"),
        Scenario("stale", 1, OVER_A_YEAR, place="first page", a_year_more=True, name="long list"),
        Scenario("stale", 1, OVER_A_YEAR, a_year_more=True, name="plain"),
        Scenario("stale", 1, PAST_A_YEAR, place="middle", a_year_more=True, name="limit"),
        Scenario("fresh", 5, WITHIN_A_YEAR, place="middle", a_year_more=True, name="middle of the list"),
        Scenario("fresh", 2, WITHIN_A_YEAR, place="last page", a_year_more=True, name="beyond the first page"),
        Scenario("fresh", 2, WITHIN_A_YEAR, place="first page", a_year_more=True, name="long list"),
        Scenario("fresh", 3, WITHIN_A_YEAR, a_year_more=True, name="plain"),
        Scenario("fresh", 1, A_YEAR, place="middle", a_year_more=True, name="limit"),
        Scenario("fresh", 1, A_YEAR, place="last page", a_year_more=True, name="limit"),
        Scenario("fresh", 2, WITHIN_A_YEAR, future=True, a_year_more=True, name="future decoy"),
    )

    def context(self, now: str, params: Mapping[str, Any]) -> str:
        """Return what every type tells; on a leap day also which day the year counts from."""
        told = super().context(now, params)
        leap_day = (instant(now).month, instant(now).day) == (2, 29)
        return f"{told} One year before 29 February is 28 February." if leap_day else told

    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """Return the newest value and its time, and an order unless it is fresh."""
        found = newest(readings(facts))
        order = service_request(str(task.mrn), LOINC, task.params["loinc"], task.now)
        if found is None:
            return Gold("absent", [-1], [order])
        if found.at < year_before(task.now):
            return Gold("stale", [found.value, found.text], [order])
        return Gold("fresh", [found.value, found.text])

    def right_answer(self, task: Task, gold: Gold, answer: list[Any]) -> bool:
        """Return whether it is the value and its time at any offset, or says that there is none."""
        if len(gold.answer) != 2:
            return super().right_answer(task, gold, answer)
        value, time = gold.answer
        return len(answer) == 2 and numbers(answer[:1]) == [value] and same_instant(answer[1], time)

    def order_wording(self, task: Task, order: Mapping[str, Any]) -> OrderWording:
        """Allow words about a laboratory test."""
        return OrderWording(LABORATORY_WORDS)

    def official_verdict(self, case: OfficialCase, checks: OfficialChecks) -> str:
        """Compare answer and order with the latest value and its age."""
        value, text, when = latest(case)
        stale = value is None or when is None or when < _year_before(official_instant(case.task.now))
        if stale:
            if posts := accepted_posts(case, checks, 1, ("ServiceRequest",)):
                laboratory_order(case, checks, posts[0][1])
        else:
            check_no_post(case, checks)
        check_answer(case, checks, [-1] if value is None else [value, text], [])
        return "absent" if value is None else "stale" if stale else "fresh"

    def blind(self, task: Task, base: str = "") -> Generator[str, str, None]:
        """Order without looking, and answer nothing.

        The published floor of 157/300 (134 of the 150 action tasks) has all 17 rows that need an order, absent and stale alike.
        The empty answer passes both; ``[-1]`` would fail the 4 stale ones and give 153.
        """
        order = service_request(mrn_in(task), LOINC, loinc_in(task), now_in(task))
        yield from act([order], [], base)


def _year_before(now: datetime) -> datetime:
    """Return the same time a year before, as the published grader counts."""
    return now.replace(year=now.year - 1, day=28 if (now.month, now.day) == (2, 29) else now.day)
