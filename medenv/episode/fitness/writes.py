"""Whether a server takes what tasks write, shows it, and lets it be undone, as an episode on it would do."""

from __future__ import annotations

import json
from collections.abc import Iterator

from medenv.episode.fitness.findings import Finding
from medenv.fhir.backend import Backend, BackendError, Session
from medenv.fhir.remote import Client
from medenv.tasks import orders
from medenv.tasks.orders.payloads import VITAL_SIGNS, subject
from medenv.tasks.task import DEFAULT_NOW

__all__ = ["writes"]


def writes(backend: Backend, client: Client, patient: str) -> Finding:
    """Write one of each kind of order for a patient, look for it, undo it, and see that it is gone.

    Args:
        backend: The server, as episodes use it.
        client: Requests to the same server, for seeing what is left.
        patient: The id of a patient that it holds.
    """
    created: list[str] = []
    try:
        with backend.open() as session:
            faults = list(_tried(session, patient, created))
        backend.open().close()  # what a session left, the next one is told
    except BackendError as error:
        faults = [str(error)]
    left = [name for name in created if client.fresh(name).status not in (404, 410)]
    faults += [f"{name} is left on the server; delete it yourself" for name in left]
    said = "undone again" if not left else f"{len(left)} of them left"
    return Finding("writes", not faults, f"{len(created)} resources written, {said}", tuple(faults))


def _tried(session: Session, patient: str, created: list[str]) -> Iterator[str]:
    """Yield what is wrong with writing; the resources that came about are added to a list."""
    for payload in _payloads(patient):
        type_ = str(payload["resourceType"])
        answer = session.post(type_, json.dumps(payload))
        if not answer.ok:
            yield f"POST {type_} is refused with status {answer.status}: {answer.body[:200]!r}"
            continue
        id_ = _id(answer.body, answer.headers.get("location", ""), type_)
        if id_ is None:
            yield f"POST {type_} is answered with status {answer.status}, but with neither the resource nor its place"
            continue
        created.append(f"{type_}/{id_}")
        if not session.get(f"{type_}/{id_}").ok:
            yield f"{type_}/{id_} was created and can't be read"
        found = session.get(f"{type_}?patient={patient}&_id={id_}")
        if not found.ok or f'"{id_}"' not in found.body:
            yield f"{type_}/{id_} was created and is not found by its patient"


def _id(body: str, location: str, type_: str) -> str | None:
    """Return the id of what was created, from its body or from where it is said to be."""
    try:
        found = json.loads(body).get("id")
    except (ValueError, AttributeError, RecursionError):
        found = None
    if found is None and f"{type_}/" in location:
        found = location.rpartition(f"{type_}/")[2].partition("/")[0]
    return str(found) if found else None


def _payloads(patient: str) -> list[dict[str, object]]:
    now = DEFAULT_NOW
    reading: dict[str, object] = {"resourceType": "Observation", "status": "final", "code": {"text": "BP"}}
    reading |= {"category": [{"coding": [VITAL_SIGNS]}], "effectiveDateTime": now, "valueString": "118/77 mmHg"}
    dosage = {
        "route": "IV",
        "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "g"}, "rateQuantity": {"value": 1, "unit": "h"}}],
    }
    return [
        {**reading, "subject": subject(patient)},
        orders.medication_request(patient, "0338-1715-40", now, dosage),
        orders.service_request(patient, orders.LOINC, "4548-4", now),
    ]
