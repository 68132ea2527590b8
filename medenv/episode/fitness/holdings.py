"""What a server holds of a split: its patients, their records, and the results that decide its tasks.

A split's own charts, opened in this process, say what there must be; of the official rows is known whom they name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from medenv.episode.fitness.asking import Asking, Listing, RefusedError, Resource
from medenv.episode.fitness.findings import Finding
from medenv.fhir.backend import Session
from medenv.tasks import Task, task_type
from medenv.tasks.chart import instant
from medenv.tasks.evidence import NoSuchPatient

__all__ = ["Decisive", "decisive", "named", "patients", "records", "results", "sample"]

TYPES = ("Condition", "Observation", "Procedure", "MedicationRequest")
"""The types of records that tasks can be worked out from, and that distract from those."""

_TRIED = 10
"""Patients that are gone through for results to try searches on."""

Decisive = tuple[Task, str]
"""A task and the search whose matches decide it."""


def patients(asking: Asking, wanted: Sequence[str], own: Session | None) -> Finding:
    """See whether patients are there, under their ids, and are called as they should be."""
    expected = {} if own is None else {id_: _person(json.loads(own.get(f"Patient/{id_}").body)) for id_ in wanted}

    def fault(id_: str) -> str | None:
        url = f"Patient/{quote(id_, safe='')}"
        try:
            found = asking.read(url)
        except RefusedError as refusal:
            return str(refusal)
        if found is None:
            return f"Patient/{id_} is missing"
        if id_ in expected and _person(found) != expected[id_]:
            return f"Patient/{id_} is somebody else, or has other names, identifiers or another birth date"
        return None

    faults = _there(asking.each(fault, wanted))
    said = f"{len(wanted):,} patients are there"
    return Finding(
        "patients", not faults, f"{len(faults):,} of {len(wanted):,} are not there" if faults else said, faults
    )


def records(asking: Asking, wanted: Sequence[str], own: Session) -> Finding:
    """See whether each patient has as many records of each type as there should be."""
    urls = [(f"{type_}?patient={quote(id_, safe='')}", type_, id_) for id_ in wanted for type_ in TYPES]
    expected = {url: json.loads(own.get(f"{url}&_summary=count").body)["total"] for url, _, _ in urls}

    def fault(asked: tuple[str, str, str]) -> str | None:
        url, type_, id_ = asked
        try:
            page = asking.search(f"{url}&_summary=count")
            count = page.total if page.total is not None else len(asking.whole(url))
        except RefusedError as refusal:
            return str(refusal)
        lacking = expected[url] - count
        kind = type_ if lacking == 1 else f"{type_}s"
        return f"Patient/{id_} lacks {lacking} of {expected[url]} {kind}" if lacking > 0 else None

    there = [one for one in urls if expected[one[0]]]
    total = sum(expected.values())
    faults = _there(asking.each(fault, there))
    said = f"{total:,} records of the patients are there"
    return Finding(
        "records", not faults, f"{len(faults):,} of {len(there):,} lists are short" if faults else said, faults
    )


def results(asking: Asking, decisive: Sequence[Decisive], own: Session | None) -> tuple[Finding, list[Resource]]:
    """See whether the searches that decide tasks give what they should, at once and whole, as graders ask for it.

    Returns:
        The finding, and the longest list of results that a search gave.
    """
    wanted = {url: Listing(json.loads(own.get(url).body)).resources for _, url in decisive} if own is not None else {}

    def look(one: Decisive) -> tuple[str | None, list[Resource]]:
        task, url = one
        try:
            page = asking.search(url)
        except RefusedError as refusal:
            return f"{task.id}: {refusal}", []
        found, expected = page.resources, wanted.get(url, page.resources)
        fault = None
        if page.following is not None:
            fault = f"{task.id}: GET {url} is cut after {len(found)} matches; graders need all of them on one page"
        elif sorted(map(_decides, found)) != sorted(map(_decides, expected)):
            said = "others" if len(found) == len(expected) else f"{len(found)} instead of {len(expected)}"
            fault = f"{task.id}: GET {url} finds {said}"
        return fault, found if url.startswith("Observation?") and all("effectiveDateTime" in r for r in found) else []

    looks = asking.each(look, decisive)
    faults = _there(fault for fault, _ in looks)
    said = f"{len(looks):,} searches that decide tasks find what they should"
    wrong = f"{len(faults):,} of {len(looks):,} searches that decide tasks don't find what they should"
    finding = Finding("results", not faults, wrong if faults else said, faults)
    return finding, max((found for _, found in looks), key=len, default=[])


def sample(asking: Asking, decisive: Sequence[Decisive]) -> list[Resource]:
    """Return some results of one patient and one code without asking by code, for a server that gave none to those who did."""
    for task in [task for task, url in decisive if url.startswith("Observation?")][:_TRIED]:
        try:
            found = asking.whole(f"Observation?patient={quote(str(task.mrn), safe='')}")
        except RefusedError:
            continue
        code = task.params["code"]
        fitting = [one for one in found if _has_code(one, code) and "effectiveDateTime" in one]
        if len(fitting) > 1:
            return fitting
    return []


def _has_code(resource: Resource, code: str) -> bool:
    return any(coding.get("code") == code for coding in resource.get("code", {}).get("coding", []))


def decisive(tasks: Iterable[Task]) -> list[Decisive]:
    """Return the tasks that a search decides, one for each search."""
    found: dict[str, Decisive] = {}
    for task in tasks:
        if (url := task_type(task.type).reference_query(task)) is not None:
            found.setdefault(url, (task, url))
    return list(found.values())


def named(tasks: Iterable[Task]) -> list[str]:
    """Return the patients that tasks are about, each once."""
    there = (t.mrn for t in tasks if t.mrn and not isinstance(task_type(t.type).evidence(t), NoSuchPatient))
    return list(dict.fromkeys(there))


def _there(faults: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(one for one in faults if one is not None)


def _person(resource: Resource) -> str:
    identifiers = [one.get("value") for one in resource.get("identifier", [])]
    names = [[one.get("family"), *one.get("given", [])] for one in resource.get("name", [])]
    return json.dumps([identifiers, names, resource.get("birthDate")])


def _decides(resource: Resource) -> str:
    """Return what of a resource decides tasks, in one spelling."""
    if resource.get("resourceType") == "Patient":
        return _person(resource)
    quantity, at = resource.get("valueQuantity") or {}, resource.get("effectiveDateTime")
    value: Any = quantity.get("value")
    value = float(value) if isinstance(value, int) else value
    return json.dumps([instant(at).timestamp() if isinstance(at, str) else None, value, quantity.get("unit")])
