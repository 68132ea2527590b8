"""Spellings of the service requests: the recheck of potassium, the HbA1c and the referral."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from medenv.tasks import Task
from tests.grading.honest.looking import Resource
from tests.grading.honest.orders import (
    ANY,
    REQUESTS,
    SNOMED,
    Change,
    Level,
    at_offset,
    concept,
    from_level,
    resting,
    table,
    times,
    with_elements,
)
from tests.grading.honest.strategy import Strategy

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'


def _coded(text: str | None = None, display: str | None = None) -> Change:
    def change(order: Resource, task: Task) -> Resource:
        coding = dict(order["code"]["coding"][0])
        code = {"coding": [{**coding, **({"display": display} if display else {})}]}
        return {**order, "code": {**code, **({"text": text} if text else {})}}

    return change


def _narrative(text: str) -> Change:
    return with_elements(text={"status": "generated", "div": DIV.format(text)})


def _said(name: str, display: str) -> dict[str, Change]:
    """What a code may be accompanied by."""
    return {
        "code with text": _coded(text=name),
        "code with display": _coded(display=display),
        "code with both": _coded(name, display),
        "narrative": _narrative(name),
    }


def _when(spell: Callable[[str], Resource]) -> Change:
    """Another spelling of the occurrence."""

    def change(order: Resource, task: Task) -> Resource:
        text = order.pop("occurrenceDateTime")
        return {**order, **spell(text)}

    return change


OCCURRENCE: dict[str, Change] = {
    "occurrence in Z": _when(lambda text: {"occurrenceDateTime": text.replace("+00:00", "Z")}),
    "occurrence in New York": _when(lambda text: {"occurrenceDateTime": at_offset(text, -5)}),
    "occurrence in Helsinki": _when(lambda text: {"occurrenceDateTime": at_offset(text, 2)}),
    "occurrence with milliseconds": _when(lambda text: {"occurrenceDateTime": text.replace("+", ".000+")}),
    "occurrence as an event": _when(lambda text: {"occurrenceTiming": {"event": [text]}}),
    "occurrence as an event in Z": _when(lambda text: {"occurrenceTiming": {"event": [text.replace("+00:00", "Z")]}}),
    "occurrence from then to then": _when(lambda text: {"occurrencePeriod": {"start": text, "end": text}}),
    "occurrence from then to then elsewhere": _when(
        lambda text: {"occurrencePeriod": {"start": at_offset(text, -6), "end": text}}
    ),
}

LABORATORY: dict[str, Change] = {
    "category": with_elements(category=[concept("108252007", SNOMED, "Laboratory procedure")]),
    "category with text": with_elements(category=[concept("108252007", SNOMED, text="Laboratory procedure")]),
    "category in words": with_elements(category=[{"text": "Laboratory"}]),
    "category of observations": with_elements(
        category=[concept("laboratory", "http://terminology.hl7.org/CodeSystem/observation-category", "Laboratory")]
    ),
    "performer": with_elements(performer=[{"display": "Central laboratory"}]),
}
"""What may stand in an order to the laboratory."""


RECHECK: dict[str, Change] = {
    "reason as text": with_elements(reasonCode=[{"text": "Hypokalemia"}]),
    "reason of SNOMED": with_elements(reasonCode=[concept("43339004", SNOMED, "Hypokalemia")]),
    "reason replacement": with_elements(reasonCode=[{"text": "Recheck after potassium replacement"}]),
    "note says the same": with_elements(note=[{"text": "Recheck potassium tomorrow morning at 08:00"}]),
    "note of 8 AM": with_elements(note=[{"text": "Draw at 8 AM tomorrow"}]),
}
RENEWAL: dict[str, Change] = {
    "reason due": with_elements(reasonCode=[{"text": "HbA1c due"}]),
    "note says the same": with_elements(note=[{"text": "New HbA1c test"}]),
    "occurrence now": lambda order, task: {**order, "occurrenceDateTime": task.now},
}


NAMES: dict[int, dict[str, Change]] = {
    8: {
        "code with the full name": _coded(display="Referral to orthopedic surgery service (procedure)"),
        "code with text of the wording": _coded(text="Orthopedic surgery referral"),
        "code with a consult": _coded(text="Consult to orthopaedics"),
        "occurrence now": lambda order, task: {**order, "occurrenceDateTime": task.now},
        "performer is a service": with_elements(performer=[{"display": "Orthopedic Surgery Service"}]),
    },
    9: {
        "code with text of the level": _coded(text="Serum potassium level"),
        "code with text, serum": _coded(text="Potassium, serum"),
        "as needed false": with_elements(asNeededBoolean=False),
        "performer type": with_elements(performerType={"text": "Laboratory"}),
    },
    10: {
        "code with text of the test": _coded(text="HbA1c test"),
        "code with the name in capitals": _coded(display="Hemoglobin A1C"),
        "as needed false": with_elements(asNeededBoolean=False),
    },
}
"""Other names of what a code stands for, and other neutral elements, by task type."""


def _note(spell: Callable[[str, Task], Any]) -> Change:
    return lambda order, task: {**order, "note": spell(order["note"]["text"], task)}


REFERRAL: dict[str, Change] = {
    "note in a list": _note(lambda text, task: [{"text": text}]),
    "note with a line's end": _note(lambda text, task: {"text": f"{text}\n"}),
    "note within blanks": _note(lambda text, task: [{"text": f"  {text} "}]),
    "note over lines": _note(lambda text, task: [{"text": text.replace(". ", ".\n")}]),
    "note with double blanks": _note(lambda text, task: {"text": text.replace(". ", ".  ")}),
    "note with a time": _note(lambda text, task: [{"time": task.now, "text": text}]),
    "note with an author": _note(lambda text, task: [{"authorString": "Dr. A. Attending", "text": text}]),
    "performer": with_elements(performer=[{"display": "Orthopaedic surgery"}]),
    "category": with_elements(category=[concept("3457005", SNOMED, "Patient referral")]),
    "category in words": with_elements(category=[{"text": "Referral"}]),
}


def _result(element: str) -> Level:
    return from_level(element, lambda level, id_: [{"reference": f"Observation/{id_}"}])


_outdated = from_level("reasonCode", lambda level, id_: [{"text": "Last HbA1c more than a year ago"}])
_level_noted = from_level("note", lambda level, id_: [{"text": f"Last HbA1c {level} %"}])


def strategies() -> Iterator[Strategy]:
    """One strategy a spelling."""
    kind = "ServiceRequest"
    common = (ANY, REQUESTS, times("authoredOn"))
    potassium = _said("Serum potassium", "Potassium [Moles/volume] in Serum or Plasma")
    yield from table(9, kind, OCCURRENCE, NAMES[9], RECHECK, LABORATORY, potassium, *common)
    yield resting("reason is the result", _result("reasonReference"), 9, kind)
    yield resting("supported by the result", _result("supportingInfo"), 9, kind)
    hba1c = _said("Hemoglobin A1c", "Hemoglobin A1c/Hemoglobin.total in Blood")
    yield from table(10, None, NAMES[10], RENEWAL, LABORATORY, hba1c, *common)
    yield resting("reason is the result", _result("reasonReference"), 10, None, "stale")
    yield resting("reason as text", _outdated, 10, None, "stale")
    yield resting("note with the level", _level_noted, 10, None, "stale")
    referral = _said("Referral to orthopaedic surgery", "Referral to orthopaedic surgery service")
    yield from table(8, None, NAMES[8], REFERRAL, referral, *common)
