"""What a demanded order is judged against: its codes and amounts, and the words and numbers that may stand beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from medenv.tasks.chart import instant
from medenv.tasks.orders.quantities import quantity
from medenv.tasks.orders.wording import Wording, amounts, words

__all__ = ["NOW", "OrderContext", "OrderWording", "order_context"]

NOW = ("now", "stat", "today", "immediately", "one time now")
"""Ways of saying that an order is for the present."""

_COMMON = words(
    "a an and as at by for from in is it of on the this to was via with patient order ordered request requested please protocol low "
    "value result level levels serum plasma blood latest last recent most current present time"
)
_UNITS_OF_LEVELS = ("", "mg/dL", "mmol/L", "%")


@dataclass(frozen=True, slots=True)
class OrderWording:
    """What a task type allows in the free text and the reasons of an order, beside the order's own codes, amounts and times.

    Attributes:
        words: Words that may be used, in lower case.
        phrases: Literals that may be used, in lower case.
        once: Groups of phrases of which one may be said, once: times, readings.
        whole: A text that may be said as it is.
        reasons: System and code of what the order may be for; a system of None stands for any.
    """

    words: frozenset[str] = frozenset()
    phrases: tuple[str, ...] = ()
    once: tuple[tuple[str, ...], ...] = (NOW,)
    whole: str | None = None
    reasons: tuple[tuple[str | None, str], ...] = ()


@dataclass(frozen=True, slots=True)
class OrderContext:
    """What a stored order is judged against.

    Attributes:
        mrn: The patient's id.
        now: The present.
        wording: What free text beside the order may say.
        codes: System and code of what is ordered or recorded.
        names: Words of the patient's name, in lower case.
        results: Ids of the Observations that the task rests on.
        base: The server's base URL, with which references may begin.
        submitted: The payload as it was sent, for the element that the server drops.
        details: What the kind of order needs besides (dose, note, occurrence, ...).
    """

    mrn: str
    now: datetime
    wording: Wording
    codes: frozenset[tuple[str | None, str]]
    names: frozenset[str] = frozenset()
    results: frozenset[str] = frozenset()
    base: str = ""
    submitted: Any = None
    details: Mapping[str, Any] = field(default_factory=dict)


def order_context(
    order: Mapping[str, Any],
    beside: OrderWording,
    now: str,
    *,
    patient: Mapping[str, Any] | None,
    results: Iterable[str],
    answer: Sequence[Any],
    base: str,
) -> OrderContext:
    """Return what a created resource is judged against.

    Args:
        order: The payload that the task demands.
        beside: What the task type allows beside it.
        now: The task's present, ISO 8601.
        patient: The patient's resource, whose name may be said; None if it is not known.
        results: Ids of the Observations that the task rests on.
        answer: The right answer, whose values may be named.
        base: The server's base URL.
    """
    mrn = order["subject"]["reference"].rpartition("/")[2]
    names = frozenset(
        word
        for name in (patient or {}).get("name", [])
        for word in words(name.get("family", ""), *name.get("given", []))
    )
    details, numbers = _DETAILS.get(order["resourceType"], _no_details)(order)
    codes = _codes(order)
    levels = frozenset(float(one) for one in answer if isinstance(one, int | float))
    times = [part for time in (now, order.get("occurrenceDateTime", "")) if time for part in _ways_to_write(time)]
    wording = Wording(
        words=beside.words | _COMMON | names,
        amounts={**dict.fromkeys(_UNITS_OF_LEVELS, levels), **numbers},
        phrases=(*beside.phrases, *(code.lower() for _, code in codes), mrn.lower(), *times),
        once=beside.once,
        whole=beside.whole,
    )
    return OrderContext(
        mrn,
        instant(now),
        wording,
        codes,
        names,
        frozenset(results),
        f"{base.rstrip('/')}/" if base else "",
        details={**details, "reasons": beside.reasons},
    )


def _codes(order: Mapping[str, Any]) -> frozenset[tuple[str | None, str]]:
    """Return system and code of what is ordered."""
    concept = order.get("medicationCodeableConcept") or order["code"]
    return frozenset((coding["system"], coding["code"]) for coding in concept.get("coding", ()))


_Details = tuple[dict[str, Any], Mapping[str, frozenset[float]]]
"""What a kind of order needs besides, and by unit the numbers that may be said beside it."""


def _no_details(order: Mapping[str, Any]) -> _Details:
    return {}, {}


def _service_details(order: Mapping[str, Any]) -> _Details:
    occurrence = order.get("occurrenceDateTime")
    return {
        "note": order.get("note", {}).get("text"),
        "occurrence": instant(occurrence) if occurrence else None,
    }, {}


def _medication_details(order: Mapping[str, Any]) -> _Details:
    dosage = order["dosageInstruction"][0]
    amount = dosage["doseAndRate"][0]
    dose, rate = quantity(amount["doseQuantity"]), quantity(amount.get("rateQuantity"))
    if dose is None:
        raise ValueError(f"the demanded dose {amount['doseQuantity']!r} has no known unit")
    hours = None if rate is None else rate[0]
    numbers = amounts(**{dose[1]: [dose[0]]})
    if hours is not None:
        numbers |= {"h": frozenset({hours}), "g/h": frozenset({dose[0] / hours})}
    return {"route": dosage["route"].lower(), "dose": dose[0], "unit": dose[1], "hours": hours}, numbers


_DETAILS = {"ServiceRequest": _service_details, "MedicationRequest": _medication_details}


def _ways_to_write(when: str) -> tuple[str, ...]:
    """Return a time, its date and its time of day as people write them."""
    day, _, time = when.partition("T")
    return (when.lower(), f"{day}t{time[:8]}z", day, time[:5], time[:8])
