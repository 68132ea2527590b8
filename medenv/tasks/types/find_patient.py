"""Task type 1: find a patient's MRN by name and date of birth.

Branches: a matching patient exists, or none does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from medenv.tasks.base import Branch, Gold, TaskType, only
from medenv.tasks.patients import matching, name_query
from medenv.tasks.steps import Steps, search
from medenv.tasks.task import Task

__all__ = ["NOT_FOUND", "FindPatient"]

NOT_FOUND = "Patient not found"


class FindPatient(TaskType):
    """MRN by name and date of birth; params: ``family``, ``given``, ``birthdate`` and the expected answer ``sol``."""

    number = 1
    name = "find-patient"
    title = "Patient Search"
    kind = "query"
    branches = (Branch("found", "one patient has this name and birthday"), Branch("not_found", "nobody has both"))
    params: ClassVar[Mapping[str, Any]] = {}
    wordings = (
        'Which MRN does {given} {family} have, date of birth {birthdate}? Should there be no such patient, say "Patient not found".',
        'I need the medical record number of {given} {family} ({birthdate}). Without a match, reply "Patient not found".',
        'Look up {family}, {given}, born {birthdate}: what is the MRN? Reply "Patient not found" if both name and '
        "birthday fit nobody.",
        'Somebody called {given} {family} says the birthday is {birthdate}. Give the MRN on file, or "Patient not found".',
    )

    def instruction(self, mrn: str | None, params: Mapping[str, Any]) -> str:
        """Name and birthday, and what to say if nobody matches."""
        return (
            f"Find {params['given']} {params['family']}, born on {params['birthdate']}, and give this patient's MRN. "
            f'If nobody on file has this name and date of birth, the answer is "{NOT_FOUND}".'
        )

    def context(self, now: str, params: Mapping[str, Any]) -> str:
        """Nothing besides."""
        return ""

    def facts_query(self, task: Task) -> str:
        """Patients with this name and birthday (the official grader looks at the row's `sol` only)."""
        return name_query(task.params)

    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """The MRN of the patient whose name and birthday are exactly these; a search also finds longer names."""
        mrn = matching(facts, task.params)
        return Gold("not_found", [NOT_FOUND]) if mrn is None else Gold("found", [mrn])

    def read(self, task: Task, base: str) -> Steps[list[dict[str, Any]]]:
        """Search by all three."""
        return search(base + self.facts_query(task))

    def blind(self, task: Task, base: str = "") -> Steps[None]:
        """Say that nobody was found."""
        return only([NOT_FOUND])
