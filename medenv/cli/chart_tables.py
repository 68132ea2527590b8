"""FHIR resources as a person reads them: a patient's chart by sections, and what a search found, as tables.

A chart is only read, through a session on the episode's server, and what is shown of it is part of no trajectory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from rich.console import Group, RenderableType
from rich.text import Text

from medenv.errors import InputError
from medenv.fhir import Session
from medenv.report.terminal import TerminalTable, figure_column, name_column, prose_column

__all__ = ["SECTIONS", "ChartError", "digest", "folded", "overview", "section"]

SHOWN = 30
"""Rows that a section shows, newest first."""

_LINES = 40
"""Lines of an answer that are shown as they are; of a longer one what it found is shown as a table."""

Resource = Mapping[str, Any]


class ChartError(InputError):
    """There is nothing to show; the message says why."""


@dataclass(frozen=True, slots=True)
class _Section:
    title: str
    query: str
    order: str


def folded(text: str) -> tuple[list[RenderableType], int]:
    """Return what a person is shown of a server's answer.

    Args:
        text: The answer, as a model sees it.

    Returns:
        All of a short one; of a longer one a table of what it found, or its first lines. Then how many lines it has, 0 if all are shown.
    """
    lines = text.splitlines()
    if len(lines) <= _LINES:
        return [Text(text)], 0
    found = digest(text)
    if found is None:
        return [Text("\n".join(lines[:_LINES]))], len(lines)
    table, following = found
    more: list[RenderableType] = [] if following is None else [Text(f"there is another page: GET {following}")]
    return [table, *more], len(lines)


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
    return Group(Text(f"{of}: {len(found)} of {total}, newest first"), _table(found))


def digest(text: str) -> tuple[RenderableType, str | None] | None:
    """Tabulate what a search found and return it with its next page's URL; None if the text is no search answer.

    Args:
        text: An observation.
    """
    try:
        bundle, _ = json.JSONDecoder().raw_decode(text[text.index("{") :])
        found = [entry["resource"] for entry in bundle["entry"]]
        links = {link["relation"]: link["url"] for link in bundle.get("link", [])}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    total = f" of {bundle['total']}" if "total" in bundle else ""
    return Group(Text(f"{len(found)}{total} resources found"), _table(found)), links.get("next")


def _table(resources: Sequence[Resource]) -> TerminalTable:
    table = TerminalTable(name_column("type/id"), name_column("when"), prose_column("what"), prose_column(""))
    for resource in resources:
        table.add(*_cells(resource))
    return table


def _cells(resource: Resource) -> tuple[str, ...]:
    name = f"{resource.get('resourceType')}/{resource.get('id')}"
    try:
        return name, *_ROWS[str(resource["resourceType"])](resource)
    except (AttributeError, TypeError, KeyError):  # a form that no table knows
        return name, "-", json.dumps(resource)[:200], ""


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
    who = Text(f"{mrn} {', '.join(_person(person)[1:])}, born {_person(person)[0]}")
    table = TerminalTable(name_column("section"), figure_column("entries"))
    for title, part in SECTIONS.items():
        table.add(title, str(_count(session, f"{part.query}&patient={quote(mrn)}")))
    return Group(who, table)


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
    """Shorten a CodeableConcept to its text, or to its codings' displays and codes."""
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
    return (
        _when(resource, "onsetDateTime", "recordedDate"),
        _concept({"coding": code.get("coding", []), **code}),
        status,
    )


def _medication(resource: Resource) -> tuple[str, str, str]:
    doses = "; ".join(_dose(one) for one in resource.get("dosageInstruction", []))
    what = _concept(resource.get("medicationCodeableConcept") or resource.get("medicationReference"))
    return _when(resource, "authoredOn"), what, f"{resource.get('status', '')}  {doses}".strip()


def _dose(dosage: Resource) -> str:
    words = [
        _quantity(rate.get(key)) for rate in dosage.get("doseAndRate", []) for key in ("doseQuantity", "rateQuantity")
    ]
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


def _person(resource: Resource) -> tuple[str, str, str]:
    names = [" ".join([*name.get("given", []), name.get("family", "")]) for name in resource.get("name", [])]
    return str(resource.get("birthDate", "?")), names[0] if names else "no name", str(resource.get("gender", "?"))


_ROWS: dict[str, Callable[[Resource], tuple[str, str, str]]] = {
    "Patient": _person,
    "Observation": _observation,
    "Condition": _condition,
    "MedicationRequest": _medication,
    "Procedure": _procedure,
    "ServiceRequest": _order,
}

SECTIONS: dict[str, _Section] = {
    "labs": _Section("laboratory results", "Observation?category=laboratory", "date"),
    "vitals": _Section("vital signs", "Observation?category=vital-signs", "date"),
    "conditions": _Section("conditions", "Condition?", "onset-date"),
    "medications": _Section("medication orders", "MedicationRequest?", "authoredon"),
    "procedures": _Section("procedures", "Procedure?", "date"),
    "orders": _Section("orders of tests and referrals", "ServiceRequest?", "authored"),
}
"""What a chart is divided into, by name."""
