"""Task type 2: a patient's age at the present time, in completed years.

Branches: the birthday is today, is tomorrow, or is on another day.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote

from medenv.ehr.hospital.people import turns_older
from medenv.tasks.base import Branch, Gold, TaskType
from medenv.tasks.chart import completed_years, instant
from medenv.tasks.evidence import PatientElements
from medenv.tasks.instruction import only
from medenv.tasks.official_rule import OfficialCase, OfficialChecks, check_answer, check_no_post, official_instant
from medenv.tasks.reference import ReferenceActions, search
from medenv.tasks.scenarios import LEAP_DAY, Placement, Scenario
from medenv.tasks.task import Task

__all__ = ["PatientAge"]

_BORN = date(2024, 2, 29)
"""A leap day, for its month and day."""
_COMMON_YEARS = (2022, 2023, 2025)


class PatientAge(TaskType):
    """Age at `now`; no params."""

    number = 2
    name = "patient-age"
    title = "Lab Result Retrieval"
    kind = "query"
    placement = Placement.SPECIAL_BIRTHDAYS
    computed = True
    branches = (
        Branch("ordinary", "the birthday is neither today nor tomorrow"),
        Branch("birthday", "the birthday is today and counts"),
        Branch("eve", "the birthday is tomorrow"),
    )
    params: ClassVar[Mapping[str, Any]] = {}
    wordings = (
        "How old is {who}?",
        "What age is {who}?",
        "Tell me the current age of {who}.",
        "Please work out how many years old {who} is.",
        "For the consent form I need the age of {who}.",
    )
    rules = (
        "The answer is the age in completed years, as a number; a new year of age counts from the birthday itself.",
        "Someone born on 29 February turns a year older on 1 March in a year without that day.",
    )
    scenarios = (
        Scenario("ordinary", 17),
        Scenario("ordinary", 1, name=LEAP_DAY),
        Scenario("birthday", 5, name="limit"),
        Scenario("birthday", 1, name=LEAP_DAY),
        Scenario("eve", 5, name="limit"),
        Scenario("eve", 1, name=LEAP_DAY),
    )

    def present(self, scenario: Scenario, drawn: datetime, rng: random.Random) -> datetime:
        """Return the time drawn; for birthdays on a leap day on the last of February or the first of March of a common year."""
        if scenario.name != LEAP_DAY or scenario.branch == "ordinary":
            return drawn
        year = rng.choice(_COMMON_YEARS)
        return drawn.replace(year=year, month=3, day=1) - timedelta(days=scenario.branch == "eve")

    def birthday(self, scenario: Scenario, today: date) -> date | None:
        """Return today, tomorrow, or the leap day as long as the branch stays the scenario's."""
        day = {"birthday": today, "eve": today + timedelta(days=1)}.get(scenario.branch)
        if scenario.name != LEAP_DAY:
            return day
        if day is None:  # as long as it is no birthday after all
            return None if any(turns_older(_BORN, today + timedelta(days=days)) for days in (0, 1)) else _BORN
        return _BORN if turns_older(_BORN, day) else day

    def fits_resident(self, scenario: Scenario) -> bool:
        """Return whether any birthday will do."""
        return scenario.branch == "ordinary" and scenario.name != LEAP_DAY

    def reference_query(self, task: Task) -> str:
        """Return the search for the patient by MRN."""
        return f"Patient?identifier={quote(str(task.mrn), safe='')}"

    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """Return the age by the first patient's birthDate."""
        if not facts or "birthDate" not in facts[0]:
            raise ValueError(f"task {task.id}: no patient with MRN {task.mrn!r} and a date of birth in the chart")
        born, today = date.fromisoformat(facts[0]["birthDate"]), instant(task.now).date()
        yesterday, age, tomorrow = (completed_years(born, today + timedelta(days=days)) for days in (-1, 0, 1))
        branch = "birthday" if yesterday < age else "eve" if age < tomorrow else "ordinary"
        return Gold(branch, [age])

    def evidence(self, task: Task) -> PatientElements:
        """Return the patient's date of birth."""
        return PatientElements(("birthDate",))

    def official_verdict(self, case: OfficialCase, checks: OfficialChecks) -> str:
        """Compare with the age on the present day."""
        check_no_post(case, checks)
        born = datetime.strptime((case.facts or ())[0]["birthDate"], "%Y-%m-%d").date()
        today: date = official_instant(case.task.now).date()
        age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
        check_answer(case, checks, [age])
        for branch, day in (("birthday", today), ("eve", today + timedelta(days=1))):
            if (born.month, born.day) == (day.month, day.day):
                return branch
        return "ordinary"

    def read(self, task: Task, base: str) -> ReferenceActions[list[dict[str, Any]]]:
        """Search by MRN."""
        return search(base + self.reference_query(task))

    def blind(self, task: Task, base: str = "") -> ReferenceActions[None]:
        """Give no answer."""
        return only([])
