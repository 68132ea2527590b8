"""Spellings of a blood pressure that was just measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from medenv.tasks import Task
from tests.grading.honest.looking import Resource
from tests.grading.honest.orders import ANY, LOINC, UCUM, Change, at_offset, concept, table, times, with_elements
from tests.grading.honest.strategy import Strategy

PANEL = {"system": LOINC, "code": "85354-9", "display": "Blood pressure panel with all children optional"}
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
OFFICIAL = "http://hl7.org/fhir/observation-category"
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'


def _numbers(order: Resource) -> tuple[int, int]:
    systolic, diastolic = order["valueString"].removesuffix(" mmHg").split("/")
    return int(systolic), int(diastolic)


def _string(pattern: str) -> Change:
    """Another spelling of the value's text."""

    def change(order: Resource, task: Task) -> Resource:
        systolic, diastolic = _numbers(order)
        return {**order, "valueString": pattern.format(s=systolic, d=diastolic)}

    return change


def _component(code: str, value: float, quantity: Resource, display: str | None = None) -> Resource:
    return {"code": concept(code, LOINC, display), "valueQuantity": {"value": value, **quantity}}


def _components(quantity: Resource, string: bool = False, names: bool = False, code: Any = None) -> Change:
    """The value as two components, beside the text or in its place."""

    def change(order: Resource, task: Task) -> Resource:
        systolic, diastolic = _numbers(order)
        if not string:
            del order["valueString"]
        parts = [
            _component("8480-6", systolic, quantity, "Systolic blood pressure" if names else None),
            _component("8462-4", diastolic, quantity, "Diastolic blood pressure" if names else None),
        ]
        return {**order, **({"code": code} if code else {}), "component": parts}

    return change


_UCUM = {"unit": "mmHg", "system": UCUM, "code": "mm[Hg]"}

VALUES: dict[str, Change] = {
    "value without the unit": _string("{s}/{d}"),
    "value with blanks": _string("{s} / {d} mmHg"),
    "value with UCUM's unit": _string("{s}/{d} mm[Hg]"),
    "value with mmhg": _string("{s}/{d} mmhg"),
    "value with mm Hg": _string("{s}/{d} mm Hg"),
    "value without a blank": _string("{s}/{d}mmHg"),
    "components": _components({"unit": "mmHg"}),
    "components of UCUM": _components(_UCUM),
    "components by UCUM code alone": _components({"system": UCUM, "code": "mm[Hg]"}),
    "components in mm Hg": _components({"unit": "mm Hg"}),
    "components in mm[Hg]": _components({"unit": "mm[Hg]"}),
    "components with names": _components(_UCUM, names=True),
    "components beside the string": _components(_UCUM, string=True),
    "components of the panel": _components(_UCUM, names=True, code={"coding": [PANEL], "text": "BP"}),
    "components as decimals": lambda order, task: _decimals(_components(_UCUM)(order, task)),
    "diastolic first": lambda order, task: _turned(_components(_UCUM)(order, task)),
}


def _decimals(order: Resource) -> Resource:
    for one in order["component"]:
        one["valueQuantity"]["value"] = float(one["valueQuantity"]["value"])
    return order


def _turned(order: Resource) -> Resource:
    return {**order, "component": order["component"][::-1]}


CODES: dict[str, Change] = {
    "code with the panel": with_elements(code={"coding": [PANEL], "text": "BP"}),
    "code with the panel's code": with_elements(code={"coding": [{"system": LOINC, "code": "85354-9"}], "text": "BP"}),
    "code of the flowsheet with a system": with_elements(
        code={"coding": [{"system": "urn:example:flowsheets", "code": "BP", "display": "BP"}], "text": "BP"}
    ),
    "code as a coding": with_elements(code={"coding": [{"code": "BP"}], "text": "BP"}),
    "code as a coding with display": with_elements(
        code={"coding": [{"code": "BP", "display": "Blood pressure"}], "text": "BP"}
    ),
    "category of HL7's present system": with_elements(category=[concept("vital-signs", CATEGORY, "Vital Signs")]),
    "category without display": with_elements(category=[concept("vital-signs", OFFICIAL)]),
    "category with text": with_elements(category=[concept("vital-signs", OFFICIAL, "Vital Signs", "Vital Signs")]),
    "category as an object": with_elements(category=concept("vital-signs", OFFICIAL, "Vital Signs")),
    "category of both systems": with_elements(
        category=[
            {"coding": [{"system": OFFICIAL, "code": "vital-signs"}, {"system": CATEGORY, "code": "vital-signs"}]}
        ]
    ),
    "performer by display": with_elements(performer=[{"display": "N. Nurse"}]),
    "issued now": with_elements(issued=lambda order, task: task.now),
    "note says the same": lambda order, task: {
        **order,
        "note": [{"text": f"Blood pressure {order['valueString']}, taken just now"}],
    },
    "performers": with_elements(performer=[{"display": "N. Nurse"}, {"display": "Ward A"}]),
    "narrative": lambda order, task: {
        **order,
        "text": {"status": "generated", "div": DIV.format(f"BP {order['valueString']}")},
    },
}


def _time(spell: Callable[[str], Resource]) -> Change:
    def change(order: Resource, task: Task) -> Resource:
        return {**{k: v for k, v in order.items() if k != "effectiveDateTime"}, **spell(order["effectiveDateTime"])}

    return change


TIMES: dict[str, Change] = {
    "effective instant": _time(lambda text: {"effectiveInstant": text}),
    "effective instant in Z": _time(lambda text: {"effectiveInstant": text.replace("+00:00", ".000Z")}),
    "effective at an event": _time(lambda text: {"effectiveTiming": {"event": [text]}}),
    "effective from now to now": _time(lambda text: {"effectivePeriod": {"start": text, "end": text}}),
    "effective from now to now elsewhere": _time(
        lambda text: {"effectivePeriod": {"start": at_offset(text, 9), "end": at_offset(text, 9)}}
    ),
}


def strategies() -> Iterator[Strategy]:
    """One strategy a spelling."""
    yield from table(3, None, VALUES, CODES, TIMES, ANY, times("effectiveDateTime"))
