"""Task type 4: the latest magnesium within the last 24 hours.

Branches: there is one, or there is none (no value at all, or only older ones).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from medenv.tasks.base import WITHIN_A_DAY, Branch, Gold
from medenv.tasks.chart import DAY, instant, newest, readings, since
from medenv.tasks.evidence import Results
from medenv.tasks.instruction import only
from medenv.tasks.laboratory import LatestResultTask
from medenv.tasks.official_rule import OfficialCase, OfficialChecks, check_answer, check_no_post, day_before, latest
from medenv.tasks.reference import ReferenceActions
from medenv.tasks.scenarios import BEFORE, EDGE, PAST_EDGE, TODAY, Scenario
from medenv.tasks.task import Task

__all__ = ["LatestMagnesium"]


class LatestMagnesium(LatestResultTask):
    """Latest magnesium within 24 h; params: ``code``."""

    number = 4
    name = "latest-magnesium"
    title = "Allergy Information"
    kind = "query"
    chart_group = 0
    results = Results(window=DAY)
    branches = (Branch("present", "a value within 24 h"), Branch("absent", "no value, or none within 24 h"))
    params: ClassVar[Mapping[str, Any]] = {"code": "MG"}
    wordings = (
        "Which magnesium level is the latest that {who} had in the past 24 hours?",
        "Within the past 24 hours, what was the most recent magnesium of {who}?",
        "Look for magnesium results of {who} from the past 24 hours and tell me the newest.",
        "How high was the magnesium of {who} when last checked, counting only the past 24 hours?",
        "I want the newest magnesium value of {who}, provided it is no older than 24 hours.",
    )
    rules = (
        'Magnesium is coded "{code}".',
        WITHIN_A_DAY,
        "The answer is the value as a number in mg/dL, or -1 if none was taken in that time.",
    )
    scenarios = (
        Scenario("present", 4, TODAY, name="fresh"),
        Scenario("present", 3, TODAY, place="first page", name="long list"),
        Scenario("present", 5, TODAY, place="middle", name="middle of the list"),
        Scenario("present", 2, TODAY, place="last page", name="beyond the first page"),
        Scenario("present", 2, EDGE, place="middle", name="limit"),
        Scenario("present", 1, EDGE, place="last page", name="limit"),
        Scenario("present", 3, TODAY, future=True, name="future decoy"),
        Scenario("absent", 3, name="no value"),
        Scenario("absent", 3, BEFORE, name="stale"),
        Scenario("absent", 2, BEFORE, place="middle", name="stale, middle of the list"),
        Scenario("absent", 2, PAST_EDGE, name="limit"),
    )

    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """Return the newest value in the window, or -1."""
        found = newest(since(readings(facts), instant(task.now) - DAY))
        return Gold("absent", [-1]) if found is None else Gold("present", [found.value])

    def official_verdict(self, case: OfficialCase, checks: OfficialChecks) -> str:
        """Compare with the latest value of the last 24 hours."""
        check_no_post(case, checks)
        value, _, _ = latest(case, day_before(case))
        check_answer(case, checks, [-1 if value is None else value])
        return "absent" if value is None else "present"

    def blind(self, task: Task, base: str = "") -> ReferenceActions[None]:
        """Say that there is none."""
        return only([-1])
