"""Whether what an episode wrote is what the task demands: each right act once, in any valid spelling, and nothing else.

Payloads are judged as they were submitted, because the server may drop what it can't store (a bare ``route``), and the subject as stored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from medenv.grading.strict.spellings import (
    ROUTES,
    as_list,
    coded,
    duration_hours,
    note_texts,
    plain_number,
    quantity,
    route_words,
    same_minute,
)
from medenv.tasks import Task
from medenv.tasks.chart import instant
from medenv.tasks.orders import LOINC, NDC, SNOMED

__all__ = ["Faults", "faults", "pair_up"]

Faults = dict[str, tuple[str, Any]]
"""By element what was expected and what was found, where the two don't agree."""

_READING = re.compile(r"\s*(\d+)\s*/\s*(\d+)\s*(?:mm\s*\[?hg\]?)?\s*\Z", re.IGNORECASE)
_SYSTOLIC, _DIASTOLIC, _PANEL = "8480-6", "8462-4", "85354-9"
DOSE_TOLERANCE = 0.1
"""mEq; the official grader's tolerance for a computed potassium dose."""


def payload_of(change: Mapping[str, Any]) -> dict[str, Any]:
    """What was submitted, or what is stored where that isn't known."""
    try:
        payload = json.loads(change.get("submitted") or "")
    except (ValueError, RecursionError):
        payload = None
    return payload if isinstance(payload, dict) else dict(change.get("stored") or {})


def pair_up(
    expected: Sequence[Mapping[str, Any]], created: Sequence[Mapping[str, Any]], task: Task
) -> list[Faults | None]:
    """For each expected order the faults of the created resource that comes closest; None where there is none of its type.

    Args:
        expected: The reference's payloads.
        created: Changes of kind ``create``.
        task: The task.
    """
    left = list(created)
    found: list[Faults | None] = []
    for order in expected:
        candidates = [
            (faults(order, change, task), n) for n, change in enumerate(left) if change["type"] == order["resourceType"]
        ]
        if not candidates:
            found.append(None)
            continue
        best, n = min(candidates, key=lambda candidate: len(candidate[0]))
        left.pop(n)
        found.append(best)
    return found


def faults(order: Mapping[str, Any], change: Mapping[str, Any], task: Task) -> Faults:
    """Where a created resource differs in meaning from an expected order."""
    payload = payload_of(change)
    found: Faults = {}

    def check(name: str, holds: bool, expected: Any, value: Any) -> None:
        if not holds:
            found[name] = (str(expected), value)

    subject = ((change.get("stored") or {}).get("subject") or {}).get("reference")
    check("patient", subject == order["subject"]["reference"], order["subject"]["reference"], subject)
    check("status", payload.get("status") == order["status"], order["status"], payload.get("status"))
    check(
        "modifiers",
        not payload.get("modifierExtension") and not payload.get("doNotPerform"),
        "none",
        "a modifier that negates",
    )
    if order["resourceType"] == "Observation":
        _blood_pressure(payload, task, check)
        return found
    check("intent", payload.get("intent") == order["intent"], order["intent"], payload.get("intent"))
    written = payload.get("authoredOn")
    check("time", same_minute(written, instant(task.now)), task.now, written)
    if order["resourceType"] == "MedicationRequest":
        _medication(order, payload, task, check)
    else:
        _service(order, payload, task, check)
    return found


def _medication(order: Mapping[str, Any], payload: dict[str, Any], task: Task, check: Any) -> None:
    drug = payload.get("medicationCodeableConcept")
    check("code", coded(drug, NDC, task.params["ndc"]), f"NDC {task.params['ndc']}", drug)
    dosages = as_list(payload.get("dosageInstruction"))
    if len(dosages) != 1 or not isinstance(dosages[0], dict):
        check("dose", False, "one dosageInstruction", dosages)
        return
    wanted = order["dosageInstruction"][0]
    words = route_words(dosages[0].get("route"))
    right = ROUTES[wanted["route"].lower()]
    wrong = set().union(*(ROUTES[name] for name in ROUTES if name != wanted["route"].lower()))
    check("route", bool(words & right) and not words & wrong, wanted["route"], dosages[0].get("route"))
    amounts = as_list(dosages[0].get("doseAndRate"))
    if len(amounts) != 1 or not isinstance(amounts[0], dict):
        check("dose", False, "one doseAndRate", amounts)
        return
    dose, reference = quantity(amounts[0].get("doseQuantity")), quantity(wanted["doseAndRate"][0]["doseQuantity"])
    assert reference is not None
    tolerance = DOSE_TOLERANCE + 1e-9 if reference[1] == "mEq" else 1e-9
    same = dose is not None and dose[1] == reference[1] and abs(dose[0] - reference[0]) <= tolerance
    check("dose", same, f"{reference[0]:g} {reference[1]}", amounts[0].get("doseQuantity"))
    if "rateQuantity" in wanted["doseAndRate"][0]:
        hours = duration_hours(dosages[0], amounts[0])
        check("rate", hours is not None and abs(hours - reference[0]) < 1e-6, f"over {reference[0]:g} h", amounts[0])


def _service(order: Mapping[str, Any], payload: dict[str, Any], task: Task, check: Any) -> None:
    system = SNOMED if "snomed" in task.params else LOINC
    code = task.params["snomed"] if system == SNOMED else task.params["loinc"]
    check("code", coded(payload.get("code"), system, code), f"{system}|{code}", payload.get("code"))
    check("priority", payload.get("priority") == order["priority"], order["priority"], payload.get("priority"))
    if "note" in order:
        texts = note_texts(payload.get("note"))
        check("note", any(order["note"]["text"] in text for text in texts), order["note"]["text"], texts)
    if "occurrenceDateTime" in order:
        period = payload.get("occurrencePeriod")
        when = payload.get("occurrenceDateTime") or (period.get("start") if isinstance(period, dict) else None)
        check("occurrence", same_minute(when, instant(order["occurrenceDateTime"])), order["occurrenceDateTime"], when)


def _blood_pressure(payload: dict[str, Any], task: Task, check: Any) -> None:
    concept = payload.get("code") if isinstance(payload.get("code"), dict) else {}
    assert isinstance(concept, dict)
    codes = [coding.get("code") for coding in as_list(concept.get("coding")) if isinstance(coding, dict)]
    flowsheet = task.params.get("code", "BP")
    named = concept.get("text") == flowsheet or flowsheet in codes or _PANEL in codes
    check("code", named, flowsheet, concept)
    categories = [
        coding
        for one in as_list(payload.get("category"))
        if isinstance(one, dict)
        for coding in as_list(one.get("coding"))
    ]
    check(
        "category",
        any(isinstance(c, dict) and c.get("code") == "vital-signs" for c in categories),
        "vital-signs",
        categories,
    )
    when = payload.get("effectiveDateTime") or payload.get("effectiveInstant")
    check("time", same_minute(when, instant(task.now)), task.now, when)
    wanted = _READING.match(task.params["reading"])
    assert wanted is not None, task.params["reading"]
    found = _pressures(payload)
    check(
        "value",
        found == (float(wanted[1]), float(wanted[2])),
        task.params["reading"],
        payload.get("valueString") or found,
    )


def _pressures(payload: dict[str, Any]) -> tuple[float, float] | None:
    """Systolic and diastolic pressure, from the string or the components; None if the two contradict or neither says it."""
    text = payload.get("valueString")
    stated = _READING.match(text) if isinstance(text, str) else None
    by_code = {}
    for component in as_list(payload.get("component")):
        if isinstance(component, dict) and isinstance(component.get("valueQuantity"), dict):
            for code in (_SYSTOLIC, _DIASTOLIC):
                if coded(component.get("code"), LOINC, code):
                    by_code[code] = component["valueQuantity"].get("value")
    spelled = (float(stated[1]), float(stated[2])) if stated else None
    if not by_code:
        return spelled
    systolic, diastolic = plain_number(by_code.get(_SYSTOLIC)), plain_number(by_code.get(_DIASTOLIC))
    if systolic is None or diastolic is None:
        return None
    return (systolic, diastolic) if text is None or spelled == (systolic, diastolic) else None
