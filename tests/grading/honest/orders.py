"""What order spellings have in common: a change of the payload, and what may stand beside any order."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

from medenv.tasks import Task
from medenv.tasks.chart import instant
from tests.grading.honest.deciding import act
from tests.grading.honest.looking import ReferenceActions, Resource
from tests.grading.honest.strategy import Strategy, plainly

Change = Callable[[Resource, Task], Resource]
"""Makes another spelling of an order."""

UCUM = "http://unitsofmeasure.org"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"


def concept(code: str, system: str, display: str | None = None, text: str | None = None) -> Resource:
    """A CodeableConcept of one coding."""
    coding = {"system": system, "code": code, **({"display": display} if display else {})}
    return {"coding": [coding], **({"text": text} if text else {})}


def with_elements(**elements: Any) -> Change:
    """The order with elements added or replaced; a function among them is given order and task."""

    def change(order: Resource, task: Task) -> Resource:
        made = {name: value(order, task) if callable(value) else value for name, value in elements.items()}
        return {**order, **made}

    return change


def spelled(name: str, change: Change, number: int, resource: str | None = None, kind: str = "order") -> Strategy:
    """A strategy that reads plainly and spells its orders in another way.

    Args:
        name: What is special.
        change: Makes the other spelling.
        number: The task type.
        resource: Only orders of this type are changed; None for all.
        kind: The strategy's kind.
    """

    def policy(task: Task) -> ReferenceActions[None]:
        decision = yield from plainly(task)
        changed = [
            change(copy.deepcopy(order), task) if resource in (None, order["resourceType"]) else order
            for order in decision.orders
        ]
        yield from act(replace(decision, orders=changed))

    what = {3: "blood pressure", 5: "magnesium", 8: "referral", 9: "potassium", 10: "HbA1c"}[number]
    part = f" {resource}" if resource else ""
    return Strategy(f"{what}{part}: {name}", kind, policy, (number,), ordering=True)


Level = Callable[[Resource, Any, str], Resource]
"""Makes a spelling that names what an order rests on: from the order, the level and the id of the Observation."""


def resting(name: str, change: Level, number: int, resource: str | None = None, *branches: str) -> Strategy:
    """A strategy as `spelled` makes it, whose orders name the level that they rest on."""

    def policy(task: Task) -> ReferenceActions[None]:
        decision = yield from plainly(task)
        changed = [
            change(copy.deepcopy(order), decision.answer[0], decision.newest)
            if resource in (None, order["resourceType"])
            else order
            for order in decision.orders
        ]
        yield from act(replace(decision, orders=changed))

    made = spelled(name, lambda order, task: order, number, resource)
    return replace(made, policy=policy, branches=branches)


def from_level(element: str, make: Callable[[Any, str], Any]) -> Level:
    """An element made from the level and the id of the Observation."""
    return lambda order, level, id_: {**order, element: make(level, id_)}


def _subject(**more: Any) -> Change:
    return lambda order, task: {**order, "subject": {**order["subject"], **more}}


def _identified(order: Resource, task: Task) -> Resource:
    mrn = order["subject"]["reference"].removeprefix("Patient/")
    return {**order, "subject": {**order["subject"], "identifier": {"value": mrn}}}


def _called(order: Resource, task: Task) -> Resource:
    name = f"{task.params['given']} {task.params['family']}" if "given" in task.params else str(task.mrn)
    return {**order, "subject": {**order["subject"], "display": name}}


ANY: dict[str, Change] = {
    "identifier": with_elements(identifier=[{"system": "urn:ietf:rfc:3986", "value": "urn:uuid:1b4e28ba-2fa1-11d2"}]),
    "language": with_elements(language="en"),
    "subject with type": _subject(type="Patient"),
    "subject with display": _called,
    "subject with identifier": _identified,
    "encounter by display": with_elements(encounter={"display": "Present stay"}),
    "last elements first": lambda order, task: {
        "resourceType": order["resourceType"],
        **dict(reversed([(name, value) for name, value in order.items() if name != "resourceType"])),
    },
}
"""What may stand in any order."""

REQUESTS: dict[str, Change] = {
    "requester by display": with_elements(requester={"display": "Dr. A. Attending"}),
    "performer by display": lambda order, task: {
        **order,
        "performer": {"display": "Day shift"}
        if order["resourceType"] == "MedicationRequest"
        else [{"display": "Day shift"}],
    },
    "doNotPerform false": with_elements(doNotPerform=False),
    "group identifier": lambda order, task: {
        **order,
        ("groupIdentifier" if order["resourceType"] == "MedicationRequest" else "requisition"): {
            "system": "urn:example:orders",
            "value": "1001",
        },
    },
}
"""What may stand in a request."""


def at_offset(text: str, hours: float) -> str:
    """The same instant as a clock in another zone shows it."""
    return instant(text).astimezone(timezone(timedelta(hours=hours))).isoformat()


def _time(element: str, spell: Callable[[str], str]) -> Change:
    return lambda order, task: {**order, element: spell(order[element])}


def times(element: str) -> dict[str, Change]:
    """Spellings of the time in an element."""
    spellings: dict[str, Callable[[str], str]] = {
        "in Z": lambda text: text.replace("+00:00", "Z"),
        "in New York": lambda text: at_offset(text, -5),
        "in Kathmandu": lambda text: at_offset(text, 5.75),
        "with milliseconds": lambda text: text.replace("+00:00", ".000+00:00"),
        "with milliseconds in Z": lambda text: text.replace("+00:00", ".000Z"),
    }
    return {f"{element} {name}": _time(element, spell) for name, spell in spellings.items()}


def table(number: int, resource: str | None, *tables: dict[str, Change]) -> Iterator[Strategy]:
    """A strategy for each spelling of some tables."""
    for changes in tables:
        for name, change in changes.items():
            yield spelled(name, change, number, resource)
