"""Task type 1: find a patient's MRN by name and date of birth.

Branches: a matching patient exists, or none does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote

from medenv.tasks.base import Branch, Gold, TaskType, only
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
        given, family, born = (quote(task.params[key], safe="") for key in ("given", "family", "birthdate"))
        return f"Patient?given={given}&family={family}&birthdate={born}"

    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """The MRN of the patient whose name and birthday are exactly these; a search also finds longer names."""
        for patient in facts:
            if patient.get("birthDate") == task.params["birthdate"] and any(
                _same(name, task.params) for name in patient.get("name", [])
            ):
                return Gold("found", [_mrn(patient)])
        return Gold("not_found", [NOT_FOUND])

    def read(self, task: Task, base: str) -> Steps[list[dict[str, Any]]]:
        """Search by all three."""
        return search(base + self.facts_query(task))

    def blind(self, task: Task, base: str = "") -> Steps[None]:
        """Say that nobody was found."""
        return only([NOT_FOUND])


def _same(name: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    """Whether a HumanName is the one asked for, upper and lower case aside."""
    stored = " ".join([*name.get("given", []), name.get("family", "")])
    return stored.casefold() == f"{params['given']} {params['family']}".casefold()


def _mrn(patient: Mapping[str, Any]) -> str:
    """The identifier of type MR, or the id, which is the same number on the official server."""
    for identifier in patient.get("identifier", []):
        codes = [coding.get("code") for coding in identifier.get("type", {}).get("coding", [])]
        if "MR" in codes and "value" in identifier:
            return str(identifier["value"])
    return str(patient["id"])
