"""Task type 6: the mean of all glucose values of the last 24 hours.

Branches: there are some, or there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote

from medenv.tasks.answers import numbers
from medenv.tasks.base import WITHIN_A_DAY, Branch, Gold
from medenv.tasks.chart import DAY, instant, mean, readings, since
from medenv.tasks.evidence import Results
from medenv.tasks.instruction import only
from medenv.tasks.laboratory import LaboratoryTask
from medenv.tasks.official_rule import OfficialCase, OfficialChecks, check_no_post, day_before, timed_values
from medenv.tasks.reference import ReferenceActions, observations
from medenv.tasks.scenarios import BEFORE, EDGE, HOUR, MINUTE, Scenario
from medenv.tasks.task import Task

__all__ = ["TOLERANCE", "MeanGlucose"]

TOLERANCE = 0.05
"""mg/dL; a mean may be rounded to one decimal, which the official grader's 0.1 allows twice over."""
PAGE = 50
"""Values asked for a page, so that even a reading every five minutes (288 a day) fits into eight turns."""


class MeanGlucose(LaboratoryTask):
    """Mean glucose over 24 h; params: ``code``."""

    number = 6
    name = "mean-glucose"
    title = "Vital Signs Retrieval"
    kind = "query"
    chart_group = 2
    results = Results(window=DAY, every=True)
    computed = True
    branches = (Branch("present", "values within 24 h"), Branch("absent", "no value, or none within 24 h"))
    params: ClassVar[Mapping[str, Any]] = {"code": "GLU"}
    wordings = (
        "Work out the mean of all capillary glucose (CBG) values that {who} had in the past 24 hours.",
        "Average the capillary glucose readings (CBG) of {who} over the past 24 hours.",
        "Over the past 24 hours, what do the CBG values of {who} come to on average?",
        "Take every CBG of {who} from the past 24 hours and tell me their arithmetic mean.",
        "What was the mean capillary glucose (CBG) for {who}, past 24 hours only?",
    )
    rules = (
        'CBG is coded "{code}".',
        WITHIN_A_DAY,
        (
            "The answer is the arithmetic mean as a number in mg/dL, to one decimal place or more precisely, or "
            "-1 if no value was taken in that time."
        ),
    )
    scenarios = (
        Scenario("present", 2, (20 * MINUTE, 2 * HOUR), recent=(60, 90), name="beyond the first page"),
        Scenario("present", 5, (20 * MINUTE, 6 * HOUR), recent=(21, 30), name="beyond the first page"),
        Scenario("present", 4, (20 * MINUTE, 16 * HOUR), recent=(3, 12), name="fresh"),
        Scenario("present", 5, (20 * MINUTE, 16 * HOUR), recent=(3, 12), place="middle", name="middle of the list"),
        Scenario("present", 1, (20 * MINUTE, 8 * HOUR), recent=(3, 9), edge=True, name="limit"),
        Scenario("present", 2, (20 * MINUTE, 8 * HOUR), recent=(3, 9), edge=True, place="middle", name="limit"),
        Scenario("present", 1, EDGE, place="middle", name="limit"),
        Scenario("present", 1, EDGE, place="last page", name="limit"),
        Scenario("present", 1, (20 * MINUTE, 8 * HOUR), recent=(3, 9), future=True, name="future decoy"),
        Scenario("absent", 3, BEFORE, name="stale"),
        Scenario("absent", 3, BEFORE, place="middle", name="stale, middle of the list"),
        Scenario("absent", 2, name="no value"),
    )

    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """Return the mean over the window, or -1."""
        values = since(readings(facts), instant(task.now) - DAY)
        return Gold("present", [mean(values)]) if values else Gold("absent", [-1])

    def right_answer(self, task: Task, gold: Gold, answer: list[Any]) -> bool:
        """Return whether it is one number within `TOLERANCE` of the mean, or says that there is none."""
        if gold.branch == "absent":
            return super().right_answer(task, gold, answer)
        found = numbers(answer)
        return found is not None and len(found) == 1 and abs(found[0] - gold.answer[0]) <= TOLERANCE + 1e-9

    def official_verdict(self, case: OfficialCase, checks: OfficialChecks) -> str:
        """Compare with the mean of the last 24 hours, within 0.1."""
        check_no_post(case, checks)
        start = day_before(case)
        # Summed as the published grader sums, so that a mean at the tolerance's edge rounds the same way.
        total, count = 0.0, 0.0
        for when, value, _ in timed_values(case):
            if when >= start:
                total += value
                count += 1
        average = total / count if count else -1
        checks.add(
            "answer",
            f"one number within 0.1 of {average}",
            lambda: case.answer,
            lambda found: len(found) == 1 and abs(found[0] - average) < 0.1,
        )
        return "present" if count else "absent"

    def read(self, task: Task, base: str) -> ReferenceActions[list[dict[str, Any]]]:
        """Ask for the window's values, page after page; `gold` checks the window again."""
        start = quote((instant(task.now) - DAY).isoformat(), safe="")
        return observations(base, str(task.mrn), task.params["code"], f"&date=ge{start}&_count={PAGE}")

    def blind(self, task: Task, base: str = "") -> ReferenceActions[None]:
        """Say that there is none."""
        return only([-1])
