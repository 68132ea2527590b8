"""What a stored MedicationRequest for one dose of a drug must and may say (FHIR R4, MedicationRequest and Dosage)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from medenv.tasks.orders.context import OrderContext
from medenv.tasks.orders.elements import ANNOTATION, BESIDE, OWN_RESULT, REASON, WHO, moment
from medenv.tasks.orders.quantities import plain_number, quantity, range_value, ratio_per_hour
from medenv.tasks.orders.rules import (
    Fault,
    at_time,
    codes_among,
    each,
    fields,
    never,
    only,
    reference,
    said_alike,
    words_among,
)
from medenv.tasks.orders.wording import words

__all__ = ["DOSE_TOLERANCE", "MEDICATION", "MEDICATION_WORDS", "ROUTES", "read_payload"]

MEDICATION_WORDS = words(
    "x1 give given administer take taken dose dosing single once over replace replaced replacement replete repleted repletion "
    "supplement supplementation therapy treatment treat treated correct corrected correction deficiency mild moderate severe rule "
    "rules according goal due based medication drug lab laboratory test"
)
"""Words that may stand beside an order of one dose of a drug."""

DOSE_TOLERANCE = 0.1
"""mEq; the official grader's tolerance for a computed potassium dose."""

ROUTES: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "iv": (
        words("iv intravenous intravenously ivpb ivinj 47625008"),
        words("i v infusion drip piggyback route use via by of administration qualifier value"),
    ),
    "oral": (
        words("po oral orally mouth os 26643006"),
        words("p o by per swallow route use via of administration qualifier value"),
    ),
}
"""By route the words and codes that name it (SNOMED CT, HL7 RouteOfAdministration), and those that may stand beside."""
_SPELT_OUT = {"i.v.": "iv", "i.v": "iv", "p.o.": "po", "p.o": "po"}
_ONCE = words_among(
    ("once", "stat", "now", "single dose", "one time", "one-time", "one time dose", "immediately", "x1")
)
_METHODS = {"iv": ("infusion", "infuse", "iv infusion", "intravenous infusion"), "oral": ("swallow", "oral")}


def _names_route(value: Any, route: str) -> bool:
    """Return whether each thing that a route says names it: its text, and its codings' codes and displays."""
    if isinstance(value, str):
        said: list[Any] = [value]
    elif isinstance(value, Mapping) and set(value) <= {"text", "coding"}:
        said = [value["text"]] if "text" in value else []
        for coding in value.get("coding", []):
            said += [part for name, part in coding.items() if name in ("code", "display")]
    else:
        return False
    naming, beside = ROUTES[route]
    for one in said:
        found = _route_words(one)
        if not found & naming or not found <= naming | beside:
            return False
    return bool(said)


def _route_words(text: Any) -> frozenset[str]:
    lowered = str(text).lower()
    for spelt, short in _SPELT_OUT.items():
        lowered = lowered.replace(spelt, short)
    return words(lowered)


def _submitted_route(payload: Any) -> Any:
    """Return the bare text that was submitted as the route, which HAPI drops (it stores a CodeableConcept only)."""
    dosage = payload.get("dosageInstruction") if isinstance(payload, Mapping) else None
    first = dosage[0] if isinstance(dosage, list) and len(dosage) == 1 else dosage
    route = first.get("route") if isinstance(first, Mapping) else None
    return route if isinstance(route, str) else None


def _dosage(value: Any, context: OrderContext) -> Iterator[Fault]:
    """Judge dosageInstruction: one, by the right route, of the right dose, over the right time, once."""
    dosages = value if isinstance(value, list) else [value]
    if len(dosages) != 1 or not isinstance(dosages[0], Mapping):
        yield "dose", "one dosageInstruction", dosages
        return
    dosage = dosages[0]
    yield from _DOSAGE({name: part for name, part in dosage.items() if name not in _TOGETHER}, context)
    route = context.details["route"]
    given = dosage["route"] if "route" in dosage else _submitted_route(context.submitted)
    if not _names_route(given, route):
        yield "route", route, given
    yield from _amounts(dosage, context)


_TOGETHER = frozenset({"route", "doseAndRate", "timing"})


def _method(value: Any, context: OrderContext) -> Iterator[Fault]:
    allowed = _METHODS[context.details["route"]]
    yield from fields({"text": words_among(allowed)})(value, context)


_DOSAGE = fields(
    {
        "sequence": only(1),
        "text": said_alike,
        "additionalInstruction": each(codes_among(lambda context: ())),
        "patientInstruction": said_alike,
        "asNeededBoolean": never("as needed"),
        "method": _method,
    }
)


def _amounts(dosage: Mapping[str, Any], context: OrderContext) -> Iterator[Fault]:
    """Judge dose, rate and timing together: each may stand in its own place, and none may contradict another."""
    doses: list[Any] = []
    rates: list[Any] = []
    for one in dosage.get("doseAndRate", []):
        yield from _dose_and_rate(one, context, doses, rates)
    hours = context.details["hours"]
    yield from _right_dose(doses, context)
    if "timing" in dosage:
        yield from _timing(dosage["timing"], context, rates)
    if hours is None and rates:
        yield "rate", "none", rates[0][0]
    elif hours is not None:
        found = [_hours(rate, context.details["dose"]) for _, rate in rates]
        if not found or any(one is None or abs(one - hours) > 1e-6 for one in found):
            yield "rate", f"over {hours:g} h", [rate for rate, _ in rates]


def _dose_and_rate(one: Any, context: OrderContext, doses: list[Any], rates: list[Any]) -> Iterator[Fault]:
    """Sort what a doseAndRate says into doses and rates."""
    if not isinstance(one, Mapping):
        yield "doseAndRate", "an object", one
        return
    for name, part in one.items():
        if name == "doseQuantity":
            doses.append((part, quantity(part)))
        elif name == "doseRange":
            doses.append((part, range_value(part)))
        elif name == "rateQuantity":
            rates.append((part, quantity(part)))
        elif name == "rateRange":
            rates.append((part, range_value(part)))
        elif name == "rateRatio":
            rates.append((part, ratio_per_hour(part)))
        elif name == "type":
            yield from ((f"doseAndRate.{path}", expected, found) for path, expected, found in _DOSE_TYPE(part, context))
        else:
            yield f"doseAndRate.{name}", "nothing beside dose and rate", part


_DOSE_TYPE = codes_among(lambda context: ((None, "ordered"), (None, "calculated")))


def _right_dose(doses: list[Any], context: OrderContext) -> Iterator[Fault]:
    wanted, unit = context.details["dose"], context.details["unit"]
    tolerance = DOSE_TOLERANCE + 1e-9 if unit == "mEq" else 1e-9
    good = [dose for _, dose in doses if dose is not None and dose[1] == unit and abs(dose[0] - wanted) <= tolerance]
    if len(doses) != 1 or not good:
        yield "dose", f"{wanted:g} {unit}", [shown for shown, _ in doses]


def _hours(rate: tuple[float, str] | None, dose: float) -> float | None:
    """Return over how many hours a dose is given at a rate, which the official spelling gives in hours."""
    if rate is None or rate[0] <= 0:
        return None
    return rate[0] if rate[1] == "h" else dose / rate[0] if rate[1] == "g/h" else None


def _timing(value: Any, context: OrderContext, rates: list[Any]) -> Iterator[Fault]:
    """Judge a timing: once, now, over the time that the rate says."""
    if not isinstance(value, Mapping):
        yield "timing", "an object", value
        return
    for name, part in value.items():
        if name == "event" and moment({"event": part}, context.now):
            continue
        if name == "code" and isinstance(part, Mapping) and _says_once(part, context):
            continue
        if name == "repeat" and isinstance(part, Mapping):
            yield from _repeat(part, rates)
            continue
        yield f"timing.{name}", "once, now", part


def _says_once(code: Mapping[str, Any], context: OrderContext) -> bool:
    said = [code["text"]] if "text" in code else []
    for coding in code.get("coding", []):
        said += [part for name, part in coding.items() if name in ("code", "display")]
    return set(code) <= {"text", "coding"} and bool(said) and not any(list(_ONCE(one, context)) for one in said)


def _repeat(repeat: Mapping[str, Any], rates: list[Any]) -> Iterator[Fault]:
    """Judge how often: once, and only the length of the infusion besides."""
    once = repeat.get("count") == 1
    for name, part in repeat.items():
        if name in ("duration", "durationMax") and "durationUnit" in repeat:
            rates.append((repeat, quantity({"value": part, "unit": repeat["durationUnit"]})))
        elif name == "durationUnit" or (name in ("count", "frequency") and plain_number(part) == 1):
            continue
        elif not (once and name in ("period", "periodUnit")):
            yield f"timing.repeat.{name}", "once", part


def _quantity_dispensed(value: Any, context: OrderContext) -> Iterator[Fault]:
    yield from _right_dose([(value, quantity(value))], context)


_CATEGORIES = frozenset({(None, "inpatient"), (None, "outpatient"), (None, "community")})

MEDICATION = fields(
    {
        **BESIDE,
        "status": only("active"),
        "intent": only("order"),
        "category": each(codes_among(lambda context: _CATEGORIES, named="inpatient outpatient community")),
        "priority": only("routine", "urgent", "asap", "stat"),
        "doNotPerform": never("a prohibition"),
        "reportedBoolean": never("reported by somebody else"),
        "medicationCodeableConcept": codes_among(lambda context: context.codes, demanded=True),
        "authoredOn": at_time(lambda context: context.now),
        "requester": WHO,
        "recorder": WHO,
        "performer": WHO,
        "reasonCode": REASON,
        "reasonReference": OWN_RESULT,
        "supportingInformation": OWN_RESULT,
        "note": each(ANNOTATION),
        "dosageInstruction": _dosage,
        "dispenseRequest": fields(
            {
                "numberOfRepeatsAllowed": only(0),
                "quantity": _quantity_dispensed,
                "performer": reference(("Organization",)),
            }
        ),
    },
    demanded=("status", "intent", "medicationCodeableConcept", "subject", "authoredOn", "dosageInstruction"),
)
"""The rule for a MedicationRequest."""


def read_payload(text: str | None) -> Any:
    """Return what was submitted, None if it is no JSON or says one thing twice (the server takes one, and nobody knows which)."""
    try:
        return json.loads(text or "", object_pairs_hook=_once_each)
    except (ValueError, RecursionError):
        return None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an element stands twice")
    return found
