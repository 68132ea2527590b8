"""Whether a search would have shown the value that isn't there: the evidence that an answer "none" needs.

A search counts if it is for the right patient and code, asks for nothing that could hide a value, and was seen to its end.
"""

from __future__ import annotations

import calendar
import re
from datetime import datetime, timedelta

from medenv.grading.strict.looks import Look, Looks
from medenv.tasks import Task
from medenv.tasks.chart import instant

__all__ = ["nobody", "nothing"]

_HARMLESS = frozenset(
    {"_sort", "_include", "_revinclude", "_elements", "_summary", "category", "category:missing", "status:not"}
)
_LOINC = "http://loinc.org"
_DATE = re.compile(r"(ge|gt|le|lt|sa|eb|>=?|<=?)(\d{4}(?:-\d\d(?:-\d\d(?:T.*)?)?)?)\Z")


def nothing(looks: Looks, task: Task, since: datetime | None, before: int) -> bool:
    """Whether a search for the task's patient and code, seen to its end before a turn, covers all times from `since` on."""
    return any(_covers(look, task, since) and look.complete(before) for look in looks.all if look.type == "Observation")


def _covers(look: Look, task: Task, since: datetime | None) -> bool:
    patient = code = False
    for name, value in look.params:
        if name in ("patient", "subject", "subject:Patient", "patient:Patient"):
            patient = any(one.rstrip("/").rpartition("/")[2] == task.mrn for one in value.split(","))
            if not patient:
                return False
        elif name in ("patient.identifier", "subject.identifier", "subject:Patient.identifier"):
            patient = task.mrn in value.split(",")
        elif name == "code":
            code = any(one in (task.params["code"], f"{_LOINC}|{task.params['code']}") for one in value.split(","))
            if not code:
                return False
        elif name == "date":
            if not _covering_date(value, since, instant(task.now)):
                return False
        elif name == "category":
            if value.rpartition("|")[2] != "laboratory":
                return False
        elif name not in _HARMLESS:
            return False
    # Without a code all of the patient's Observations are listed, the wanted ones among them.
    return patient and (code or not any(name.partition(":")[0] == "code" for name, _ in look.params))


def _covering_date(value: str, since: datetime | None, now: datetime) -> bool:
    """Whether a bound leaves all times from `since` to the present in."""
    match = _DATE.match(value.replace(" ", "+"))
    if match is None:
        return False
    low = match[1] in ("ge", "gt", "sa", ">", ">=")
    try:
        bound = _bound(match[2], low)
    except (OverflowError, ValueError):
        return False
    if low:
        return since is not None and (bound <= since if match[1] in ("ge", ">=") else bound < since)
    return bound >= now


def _bound(text: str, low: bool) -> datetime:
    """The instant that HAPI takes a bound for: of a partial date the last day for a lower one (fhir-server.md section 6)."""
    if len(text) == 4:
        text += "-12-31" if low else "-01-01"
    elif len(text) == 7:
        text += f"-{calendar.monthrange(int(text[:4]), int(text[5:]))[1]:02d}" if low else "-01"
    if len(text) == 10:
        return instant(text) if low else instant(text) + timedelta(days=1) - timedelta(milliseconds=1)
    return instant(text)


def nobody(looks: Looks, task: Task, before: int) -> bool:
    """Whether a search for the task's name and birth date, seen to its end before a turn, would have found the patient."""
    given, family, born = (str(task.params[key]).casefold() for key in ("given", "family", "birthdate"))

    def finds(name: str, value: str) -> bool:
        value = value.casefold().strip()
        if name.startswith("_") and name in _HARMLESS:
            return True
        if name in ("birthdate", "birthDate"):
            return value in (born, f"eq{born}")
        if not value:
            return False
        if name in ("given", "given:contains"):
            return value in given if "contains" in name else given.startswith(value)
        if name in ("family", "family:contains"):
            return value in family if "contains" in name else family.startswith(value)
        return name == "name" and (given.startswith(value) or family.startswith(value))

    searches = [look for look in looks.all if look.type == "Patient" and look.params]
    return any(all(finds(*param) for param in look.params) and look.complete(before) for look in searches)
