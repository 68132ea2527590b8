"""A patient's chart as a person reads it: tables of labs, vital signs, conditions, medications, procedures and orders.

It only reads, through a session's own server, and what it shows is part of no trajectory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from medenv.fhir import Session

__all__ = ["SECTIONS", "ChartError", "overview", "section"]

SHOWN = 30
"""Rows that a section shows, newest first."""

Resource = Mapping[str, Any]


class ChartError(ValueError):
    """There is nothing to show; the message says why."""


@dataclass(frozen=True, slots=True)
class _Section:
    title: str
    query: str
    order: str
    row: Callable[[Resource], tuple[str, str, str]]


def section(session: Session, mrn: str, name: str, code: str | None = None, shown: int = SHOWN) -> RenderableType:
    """One section of a chart, newest first.

    Args:
        session: Where to read; nothing is written.
        mrn: The patient's medical record number.
        name: One of `SECTIONS`, or its beginning.
        code: Only this code, e.g. ``K`` of the labs.
        shown: How many rows.

    Raises:
        ChartError: There is no such section, or the server refuses the search.
        BackendError: The server failed.
    """
    key = next((one for one in SECTIONS if one.startswith(name.lower())), None)
    if key is None:
        raise ChartError(f"a chart has no section {name!r}; it has: {', '.join(SECTIONS)}")
    part = SECTIONS[key]
    query = f"{part.query}&patient={quote(mrn)}" + (f"&code={quote(code)}" if code else "")
    found = _search(session, f"{query}&_sort=-{part.order}&_count={shown}")
    of = f"{part.title} of {mrn}" + (f", code {code}" if code else "")
    if not found:
        return Text(f"{of}: none")
    total = _count(session, query)
    table = Table("when", "what", "", title=f"{of}: {len(found)} of {total}, newest first", title_justify="left")
    for resource in found:
        table.add_row(*(Text(cell) for cell in _cells(part, resource)))
    return table


def _cells(part: _Section, resource: Resource) -> tuple[str, str, str]:
    try:
        return part.row(resource)
    except (AttributeError, TypeError, KeyError):  # a form that the server takes and no table knows
        return "-", json.dumps(resource)[:200], ""


def overview(session: Session, mrn: str) -> RenderableType:
    """Who a patient is, and how much stands in each section.

    Raises:
        ChartError: There is no such patient.
        BackendError: The server failed.
    """
    people = _search(session, f"Patient?identifier={quote(mrn)}&_count=1")
    if not people:
        raise ChartError(f"no patient has the MRN {mrn!r}")
    person = people[0]
    names = [" ".join([*name.get("given", []), name.get("family", "")]) for name in person.get("name", [])]
    table = Table("section", "entries", title_justify="left")
    table.title = f"{mrn} {names[0] if names else ''}, {person.get('gender', '?')}, born {person.get('birthDate', '?')}"
    for name, part in SECTIONS.items():
        table.add_row(name, str(_count(session, f"{part.query}&patient={quote(mrn)}")))
    return table


def _search(session: Session, url: str) -> list[Resource]:
    bundle = _bundle(session, url)
    return [entry["resource"] for entry in bundle.get("entry", []) if entry.get("search", {}).get("mode") != "outcome"]


def _count(session: Session, url: str) -> int:
    return int(_bundle(session, f"{url}&_summary=count").get("total", 0))


def _bundle(session: Session, url: str) -> dict[str, Any]:
    answer = session.get(f"{url}&_format=json")
    if not answer.ok:
        raise ChartError(f"the server answers {url} with HTTP {answer.status}: {answer.body[:300]}")
    bundle: dict[str, Any] = json.loads(answer.body)
    return bundle


def _concept(value: Any) -> str:
    """A CodeableConcept in a few words."""
    if not isinstance(value, Mapping):
        return str(value or "")
    codings = [f"{c.get('display', '')} ({c.get('code', '')})".strip() for c in value.get("coding", [])]
    return str(value.get("text") or "; ".join(codings))


def _when(resource: Resource, *names: str) -> str:
    return next((str(resource[name]) for name in names if resource.get(name)), "-")


def _quantity(value: Any) -> str:
    return f"{value.get('value', '')} {value.get('unit', '')}".strip() if isinstance(value, Mapping) else ""


def _observation(resource: Resource) -> tuple[str, str, str]:
    value = resource.get("valueString") or _quantity(resource.get("valueQuantity"))
    flags = "; ".join(_concept(one) for one in resource.get("interpretation", []))
    return _when(resource, "effectiveDateTime"), _concept(resource.get("code")), f"{value}  {flags}".strip()


def _condition(resource: Resource) -> tuple[str, str, str]:
    status = _concept(resource.get("clinicalStatus"))
    code = resource.get("code", {})
    return _when(resource, "onsetDateTime", "recordedDate"), _concept({"coding": code.get("coding", []), **code}), status


def _medication(resource: Resource) -> tuple[str, str, str]:
    doses = "; ".join(_dose(one) for one in resource.get("dosageInstruction", []))
    what = _concept(resource.get("medicationCodeableConcept") or resource.get("medicationReference"))
    return _when(resource, "authoredOn"), what, f"{resource.get('status', '')}  {doses}".strip()


def _dose(dosage: Resource) -> str:
    words = [_quantity(rate.get(key)) for rate in dosage.get("doseAndRate", []) for key in ("doseQuantity", "rateQuantity")]
    timing = _concept(dosage.get("timing", {}).get("code")) if isinstance(dosage.get("timing"), Mapping) else ""
    return " ".join(word for word in [*words, _concept(dosage.get("route")), timing] if word)


def _procedure(resource: Resource) -> tuple[str, str, str]:
    return _when(resource, "performedDateTime"), _concept(resource.get("code")), str(resource.get("status", ""))


def _order(resource: Resource) -> tuple[str, str, str]:
    note = resource.get("note")
    notes = "; ".join(str(one.get("text", "")) for one in ([note] if isinstance(note, Mapping) else note or []))
    due = resource.get("occurrenceDateTime")
    words = [str(resource.get("status", "")), f"for {due}" if due else "", notes]
    return _when(resource, "authoredOn"), _concept(resource.get("code")), "  ".join(word for word in words if word)


SECTIONS: dict[str, _Section] = {
    "labs": _Section("laboratory results", "Observation?category=laboratory", "date", _observation),
    "vitals": _Section("vital signs", "Observation?category=vital-signs", "date", _observation),
    "conditions": _Section("conditions", "Condition?", "onset-date", _condition),
    "medications": _Section("medication orders", "MedicationRequest?", "authoredon", _medication),
    "procedures": _Section("procedures", "Procedure?", "date", _procedure),
    "orders": _Section("orders of tests and referrals", "ServiceRequest?", "authored", _order),
}
"""What a chart is divided into, by name."""
