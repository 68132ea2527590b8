"""Elements that orders and results have in common: who, for whom, when, and what is neutral in each (FHIR R4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from medenv.tasks.orders.context import OrderContext
from medenv.tasks.orders.quantities import same_minute
from medenv.tasks.orders.rules import (
    IDENTIFIER,
    Fault,
    Rule,
    a_name,
    at_time,
    codes_among,
    each,
    fields,
    neutral,
    only,
    reference,
    said_alike,
)

__all__ = ["ANNOTATION", "BESIDE", "OWN_RESULT", "REASON", "SUBJECT", "WHO", "annotation", "moment"]

SUBJECT = reference(("Patient",), demanded="Patient/{mrn}")
WHO = reference(("Practitioner", "PractitionerRole", "Organization", "CareTeam", "Device", "Patient", "RelatedPerson"))
"""Whoever context for, wrote down or carries out something."""


def annotation(text: Rule) -> Rule:
    """Return the rule for an Annotation whose text obeys a rule."""
    beside = {"time": at_time(lambda context: context.now), "authorReference": WHO, "authorString": a_name}
    return fields({"text": text, **beside}, demanded=("text",))


ANNOTATION = annotation(said_alike)

REASON = each(codes_among(lambda context: context.details.get("reasons", ())))


def OWN_RESULT(value: Any, context: OrderContext) -> Iterator[Fault]:  # noqa: N802 - a rule, as the others
    """Allow a reference to a result that the task rests on."""
    for one in value if isinstance(value, list) else [value]:
        path = str(one.get("reference", "")) if isinstance(one, Mapping) else ""
        if path.removeprefix(context.base).strip("/").removeprefix("Observation/") not in context.results:
            yield "", "a result that the order rests on", one


def _narrative(value: Any, context: OrderContext) -> Iterator[Fault]:
    """Allow a narrative made from the content."""
    yield from fields({"status": only("generated", "extensions", "additional"), "div": said_alike})(value, context)


BESIDE: Mapping[str, Rule] = {
    "resourceType": neutral,
    "id": neutral,
    "meta": fields({"profile": neutral}),
    "language": neutral,
    "text": _narrative,
    "identifier": each(IDENTIFIER),
    "groupIdentifier": IDENTIFIER,
    "encounter": reference(("Encounter",)),
    "subject": SUBJECT,
}
"""Elements that any order or result may have."""


def moment(value: Any, wanted: Any) -> bool:
    """Return whether a Period or a Timing is one point in time: a period that begins and ends in a minute, or one event."""
    if not isinstance(value, Mapping):
        return False
    if set(value) == {"event"}:
        events = value["event"] if isinstance(value["event"], list) else [value["event"]]
        return len(events) == 1 and same_minute(events[0], wanted)
    return set(value) == {"start", "end"} and same_minute(value["start"], wanted) and same_minute(value["end"], wanted)
