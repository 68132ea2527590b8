"""Task type 7: the latest glucose in the whole chart.

Branches: there is one, or the chart has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from medenv.tasks.base import Branch, Gold
from medenv.tasks.chart import newest, readings
from medenv.tasks.instruction import only
from medenv.tasks.laboratory import LatestResultTask
from medenv.tasks.official_rule import OfficialCase, OfficialChecks, check_answer, check_no_post, latest
from medenv.tasks.reference import ReferenceActions
from medenv.tasks.scenarios import LATELY, Scenario
from medenv.tasks.task import Task

__all__ = ["LatestGlucose"]


class LatestGlucose(LatestResultTask):
    """Latest glucose ever; params: ``code``."""

    number = 7
    name = "latest-glucose"
    title = "Clinical Note Creation"
    kind = "query"
    chart_group = 3
    branches = (Branch("present", "at least one value"), Branch("absent", "no value at all"))
    params: ClassVar[Mapping[str, Any]] = {"code": "GLU"}
    wordings = (
        "What was the latest capillary glucose (CBG) value of {who}?",
        "Give the newest capillary glucose (CBG) of {who}.",
        "When {who} last had a CBG, what was the value?",
        "Of all CBG values of {who}, which is the latest?",
        "I need the last recorded capillary glucose (CBG) for {who}.",
    )
    rules = (
        'CBG is coded "{code}".',
        "The latest is the one taken last, however long ago.",
        "The answer is the value as a number in mg/dL, or -1 if the chart has none at all.",
    )
    scenarios = (
        Scenario("present", 9, LATELY, place="middle", name="middle of the list"),
        Scenario("present", 4, LATELY, place="last page", name="beyond the first page"),
        Scenario("present", 4, LATELY, place="first page", name="long list"),
        Scenario("present", 5, LATELY, name="fresh"),
        Scenario("present", 3, LATELY, future=True, name="future decoy"),
        Scenario("absent", 5, name="no value"),
    )

    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """Return the newest value, or -1."""
        found = newest(readings(facts))
        return Gold("absent", [-1]) if found is None else Gold("present", [found.value])

    def official_verdict(self, case: OfficialCase, checks: OfficialChecks) -> str:
        """Compare with the latest value."""
        check_no_post(case, checks)
        value, _, _ = latest(case)
        check_answer(case, checks, [-1 if value is None else value])
        return "absent" if value is None else "present"

    def blind(self, task: Task, base: str = "") -> ReferenceActions[None]:
        """Give no answer."""
        return only([])
