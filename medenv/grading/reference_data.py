"""What a grader needs to know of the chart as it was before the episode: read once, stored with the trajectory.

With these facts a stored trajectory can be graded again without any server.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, NamedTuple
from urllib.parse import quote

from medenv.ehr.resources import Person, lab, patient
from medenv.errors import InfrastructureError
from medenv.fhir import jsontext
from medenv.fhir.backend import Session
from medenv.tasks import Task, task_type
from medenv.tasks.evidence import Results

__all__ = ["ReferenceData", "ReferenceDataError", "collect_reference_data"]

_READ = ("id", "identifier", "name", "birthDate", "effectiveDateTime", "valueQuantity")
_READ_OF_QUANTITY = ("value", "unit")
_UNLIKE = frozenset(
    {"id", "meta", "text", "identifier", "effectiveDateTime", "issued", "encounter", "performer", "specimen", "device"}
    | {"note", "basedOn", "partOf", "hasMember", "derivedFrom", "referenceRange", "focus"}
)
"""Elements in which two results of one test may differ without being of different kinds."""
_FEW = 20
"""Results of a test that are looked at, beside the patient's own, for the kinds there are: a page."""


class ReferenceDataError(InfrastructureError, RuntimeError):
    """The server did not give a grader the chart's facts: a fault of the infrastructure."""


class ReferenceData(NamedTuple):
    """What was read from the pristine chart.

    Attributes:
        facts: One dict a resource that decides the task, in the server's order, with those of its elements that answers rest on;
            None where nothing in the chart decides.
        pristine: What coverage is judged by: ``patient``, the patient's resource (None if there is no such patient), and ``forms``,
            an example of each kind of resource that could decide the task.
    """

    facts: list[dict[str, Any]] | None
    pristine: dict[str, Any]


def collect_reference_data(
    task: Task, session: Session, known: MutableMapping[str, Any] | None = None
) -> ReferenceData:
    """Read from a pristine chart what the graders of this task need.

    Args:
        task: The task.
        session: A session without any write of the episode.
        known: Keeps what is the same for all tasks on this server, from call to call.

    Raises:
        ReferenceDataError: The server refused a request or answered with something else than resources.
    """
    known = {} if known is None else known
    # Which search it is comes from the task type, whose gold answer rests on the same one.
    kind = task_type(task.type)
    url = kind.reference_query(task)
    resources = None if url is None else _search(session, url)
    code = task.params["code"] if isinstance(kind.evidence(task), Results) else None
    if code is not None:
        if code not in known:
            known[code] = _kinds(_search(session, f"Observation?code={quote(code, safe='')}&_count={_FEW}"))
        forms = _kinds([*(resources or ()), *known[code], *([] if known[code] else [_default_result(code)])])
        forms = [_of_patient(form, str(task.mrn)) for form in forms]
    else:
        if "patients" not in known:
            known["patients"] = _search(session, "Patient?_count=1")[:1] or [_default_patient()]
        forms = known["patients"]
    found = _read(session, f"Patient/{quote(task.mrn, safe='')}") if task.mrn else None
    facts = None if resources is None else [{key: _short(r[key]) for key in _READ if key in r} for r in resources]
    return ReferenceData(facts, {"patient": found, "forms": forms})


def _search(session: Session, url: str) -> list[dict[str, Any]]:
    response = session.get(url)
    try:
        resources = [entry["resource"] for entry in json.loads(response.body).get("entry", [])]
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        resources = None
    if resources is not None and not all(isinstance(one, dict) for one in resources):
        resources = None
    if response.status != 200 or resources is None:
        raise ReferenceDataError(f"{url} was answered with HTTP {response.status}: {response.body[:200]!r}")
    return resources


def _read(session: Session, url: str) -> dict[str, Any] | None:
    response = session.get(url)
    if response.status in (404, 410):
        return None
    try:
        found = json.loads(response.body)
    except (ValueError, RecursionError):
        found = None
    if response.status != 200 or not isinstance(found, dict):
        raise ReferenceDataError(f"{url} was answered with HTTP {response.status}: {response.body[:200]!r}")
    return found


def _kinds(resources: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one of each kind of result: with what all of its kind share alone, and with all that the first of them has."""
    found: dict[str, list[dict[str, Any]]] = {}
    for resource in resources:
        value = resource.get("valueQuantity")
        if not isinstance(value, dict) or "value" not in value or "effectiveDateTime" not in resource:
            continue
        alike = {key: part for key, part in resource.items() if key not in _UNLIKE}
        kind = json.dumps({**alike, "subject": None, "valueQuantity": {**value, "value": None}}, sort_keys=True)
        if kind not in found:
            bare = {**alike, "id": "form", "effectiveDateTime": resource["effectiveDateTime"]}
            full = {key: part for key, part in resource.items() if key not in ("meta", "issued")} | {"id": "form"}
            found[kind] = [bare] if bare == full else [bare, full]
    return [form for forms in found.values() for form in forms]


def _of_patient(form: Mapping[str, Any], mrn: str) -> dict[str, Any]:
    """Return a result of whatever patient as this patient's."""
    subject = form.get("subject")
    reference = subject.get("reference") if isinstance(subject, Mapping) else None
    whose = reference.rpartition("/")[2] if isinstance(reference, str) else ""
    if not whose or whose == mrn:
        return dict(form)
    return {**form, "subject": json.loads(json.dumps(subject).replace(json.dumps(whose)[1:-1], json.dumps(mrn)[1:-1]))}


def _default_result(code: str) -> dict[str, Any]:
    """Return the form of a laboratory result in the official charts, for a chart that has none of this test."""
    day = "2000-01-01T00:00:00+00:00"
    result = {key: part for key, part in lab("S0000000", code, "mg/dL", "1", day, day).items() if key != "issued"}
    return json.loads(jsontext.compact({"id": "form", **result}))


def _default_patient() -> dict[str, Any]:
    return patient(Person("S0000000", "A", "B", "female", "2000-01-01", ("", ""), ("", ""), ""))


def _short(value: Any) -> Any:
    """Return a quantity without its code and system, which no answer rests on and every trajectory would carry."""
    return {key: value[key] for key in _READ_OF_QUANTITY if key in value} if isinstance(value, dict) else value
