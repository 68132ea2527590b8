"""Patients by name and birth date: how a text names them, the search that finds them, and who of the found is meant.

A search also finds longer names, so what it returns is compared with what was asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from medenv.tasks.reference import ReferenceActions, search
from medenv.tasks.task import Task

__all__ = ["is_named", "look_up", "matching", "name_query", "patient_of", "who"]


def is_named(params: Mapping[str, Any]) -> bool:
    """Return whether a task names its patient by name and birth date instead of the MRN."""
    return "birthdate" in params


def who(mrn: str | None, params: Mapping[str, Any]) -> str:
    """Return the patient as an instruction names them."""
    if is_named(params):
        return f"{params['given']} {params['family']}, born on {params['birthdate']}"
    return f"patient {mrn}"


def name_query(params: Mapping[str, Any]) -> str:
    """Return the search (relative URL) for a name and birth date."""
    given, family, born = (quote(params[key], safe="") for key in ("given", "family", "birthdate"))
    return f"Patient?given={given}&family={family}&birthdate={born}"


def matching(patients: Iterable[Mapping[str, Any]], params: Mapping[str, Any]) -> str | None:
    """Return the MRN of the patient whose name and birthday are exactly these; None if nobody's are."""
    for patient in patients:
        if patient.get("birthDate") == params["birthdate"] and any(
            _same(name, params) for name in patient.get("name", [])
        ):
            return _mrn(patient)
    return None


def look_up(task: Task, base: str) -> ReferenceActions[list[dict[str, Any]]]:
    """Yield the reading of a task that orders for a patient: whoever is named, or nobody if the MRN is given.

    Raises:
        ValueError: Nobody has this name and birth date.
    """
    if not is_named(task.params):
        return []
    found = yield from search(base + name_query(task.params))
    if matching(found, task.params) is None:
        raise ValueError(f"task {task.id}: nobody on file is {who(None, task.params)}")
    return found


def patient_of(task: Task, facts: Sequence[Mapping[str, Any]]) -> str:
    """Return the MRN to order for: the named patient's among those found, else the task's own."""
    found = matching(facts, task.params) if is_named(task.params) else None
    return found or str(task.mrn)


def _same(name: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    """Return whether a HumanName is the one asked for, upper and lower case aside."""
    stored = " ".join([*name.get("given", []), name.get("family", "")])
    return stored.casefold() == f"{params['given']} {params['family']}".casefold()


def _mrn(patient: Mapping[str, Any]) -> str:
    """Return the identifier of type MR, or the id, which is the same number on the official server."""
    for identifier in patient.get("identifier", []):
        codes = [coding.get("code") for coding in identifier.get("type", {}).get("coding", [])]
        if "MR" in codes and "value" in identifier:
            return str(identifier["value"])
    return str(patient["id"])
