"""Task type 1: find a patient's MRN by name and date of birth.

Branches: a matching patient exists, or none does.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any, ClassVar

from medenv.ehr.hospital import Registry
from medenv.ehr.resources import Person
from medenv.tasks.answers import NOT_FOUND
from medenv.tasks.base import Branch, Gold, OfficialFields, TaskType
from medenv.tasks.evidence import Need, NoSuchPatient, PatientByName
from medenv.tasks.instruction import only
from medenv.tasks.official_row import OfficialRow
from medenv.tasks.official_rule import OfficialCase, OfficialChecks, check_answer, check_no_post
from medenv.tasks.patients import matching, name_query
from medenv.tasks.reference import ReferenceActions, search
from medenv.tasks.scenarios import Placement, Scenario, Subject
from medenv.tasks.task import Task

__all__ = ["FindPatient"]

_WHO = re.compile(r"\bname (?P<name>.+?) and DOB of (?P<birthdate>\d{4}-\d\d-\d\d)\b")


class FindPatient(TaskType):
    """MRN by name and date of birth; params: ``family``, ``given``, ``birthdate`` and the expected answer ``sol``."""

    number = 1
    name = "find-patient"
    title = "Patient Search"
    kind = "query"
    placement = Placement.NEWCOMERS
    official_needs_chart = False
    branches = (Branch("found", "one patient has this name and birthday"), Branch("not_found", "nobody has both"))
    params: ClassVar[Mapping[str, Any]] = {}
    wordings = (
        "Find {given} {family}, born on {birthdate}, and give this patient's MRN.",
        "Which MRN does {given} {family} have, date of birth {birthdate}?",
        "I need the medical record number of {given} {family} ({birthdate}).",
        "Look up {family}, {given}, born {birthdate}: what is the MRN?",
        "Somebody called {given} {family} says the birthday is {birthdate}. Give the MRN on file.",
    )
    rules = (
        (
            'The answer is the MRN as text, or "Patient not found" if nobody on file has both exactly this name '
            "and this date of birth."
        ),
    )
    scenarios = (
        Scenario("found", 10, named=True),
        Scenario("found", 12, doubles=2, named=True, name="doubles"),
        Scenario("not_found", 3, named=True, name="stranger"),
        Scenario("not_found", 5, doubles=2, named=True, name="near-miss"),
    )

    def subject(self, scenario: Scenario, person: Person, registry: Registry, rng: random.Random) -> Subject:
        """Ask about somebody on file or, where nobody is to be found, about somebody like them."""
        if scenario.branch == "found":
            return super().subject(scenario, person, registry, rng)
        doubles = tuple(islice(registry.near_misses(person), scenario.doubles))
        absent = doubles[0] if doubles else registry.person()  # drawn, but not put on file
        return Subject((absent.given, absent.family, absent.birthdate), None, (person, *doubles[1:]))

    def draw_params(self, scenario: Scenario, subject: Subject, now: datetime, rng: random.Random) -> dict[str, Any]:
        """Return the expected answer, as official rows give it."""
        return {"sol": [subject.mrn or NOT_FOUND]}

    def official_fields(self, row: OfficialRow) -> OfficialFields:
        """Read name, birthday and expected answer."""
        params = {**_person(row), "sol": _expected(row)}
        return OfficialFields(row.mrn(optional=True), "not_found" if params["sol"] == [NOT_FOUND] else "found", params)

    def reference_query(self, task: Task) -> str:
        """Return the search for this name and birthday (the official grader looks at the row's `sol` only)."""
        return name_query(task.params)

    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """Return the MRN of the patient whose name and birthday are exactly these; a search also finds longer names."""
        mrn = matching(facts, task.params)
        return Gold("not_found", [NOT_FOUND]) if mrn is None else Gold("found", [mrn])

    def patient(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> str | None:
        """Return whoever is found."""
        gold = self.gold(task, facts)
        return str(gold.answer[0]) if gold.branch == "found" else None

    def evidence(self, task: Task) -> Need:
        """Return the patient, or that there is nobody of this name and birthday."""
        unknown = task.mrn is None or task.params.get("sol", [task.mrn]) != [task.mrn]
        return NoSuchPatient() if unknown else PatientByName()

    def right_answer(self, task: Task, gold: Gold, answer: list[Any]) -> bool:
        """Return whether it is the MRN as text, or says that nobody was found."""
        return answer == list(gold.answer)

    def official_verdict(self, case: OfficialCase, checks: OfficialChecks) -> str:
        """Compare with the row's expected answer."""
        check_no_post(case, checks)
        expected = case.task.params["sol"]
        check_answer(case, checks, expected)
        return "not_found" if expected == [NOT_FOUND] else "found"

    def read(self, task: Task, base: str) -> ReferenceActions[list[dict[str, Any]]]:
        """Search by all three."""
        return search(base + self.reference_query(task))

    def blind(self, task: Task, base: str = "") -> ReferenceActions[None]:
        """Say that nobody was found."""
        return only([NOT_FOUND])


def _person(row: OfficialRow) -> dict[str, str]:
    """Return name and birthday, as an official row's instruction gives them."""
    instruction = row.text("instruction")
    match = _WHO.search(instruction)
    if match is None:
        raise row.fail("instruction", "expected 'name <given> <family> and DOB of <YYYY-MM-DD>'")
    given, _, family = match.group("name").strip().partition(" ")
    if not family:
        raise row.fail("instruction", f"expected a given and a family name, not {match.group('name')!r}")
    try:
        date.fromisoformat(match.group("birthdate"))
    except ValueError:
        raise row.fail("instruction", f"{match.group('birthdate')!r} is no date") from None
    return {"family": family.strip(), "given": given, "birthdate": match.group("birthdate")}


def _expected(row: OfficialRow) -> list[str]:
    """Return an official row's expected answer."""
    if "sol" not in row.row:
        raise row.fail("sol", "missing")
    value = row.row["sol"]
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise row.fail("sol", "expected an array of text, e.g. ['S1234567']")
    return value
