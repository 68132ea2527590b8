"""Several alternatives of one choice: the server keeps the first in the document, and the right one stands after it."""

from __future__ import annotations

from typing import Any

from tests.grading.attacks.base import Known
from tests.grading.attacks.changes import Change, amounts, dosage, front, on_all, on_each

KIND = "the first choice counts"
MORPHINE = {"coding": [{"system": "http://hl7.org/fhir/sid/ndc", "code": "0641-6125-25"}], "text": "morphine"}
KG = {"value": 100, "unit": "g"}


def first(name: str, value: Any) -> Change:
    """Put an alternative before everything in the payload."""
    return lambda order, known: front(order, name, value)


def dose_first(name: str, value: Any) -> Change:
    """Put an alternative before the dose."""
    return lambda order, known: front(amounts(order), name, value)


def drug_contained(order: dict[str, Any], known: Known) -> None:
    front(order, "medicationReference", {"reference": "#m"})
    order["contained"] = [{"resourceType": "Medication", "id": "m", "code": MORPHINE}]


def doubled(name: str, *wrong: Any) -> Change:
    """Give a list where one value is due: the first of it counts."""

    def change(order: dict[str, Any], known: Known) -> None:
        order[name] = [*wrong, order[name]]

    return change


on_each(
    KIND,
    "MedicationRequest",
    {
        "drug by reference first": (
            "the coded drug is dropped for a reference that says morphine",
            first("medicationReference", {"display": "morphine 100 mg"}),
        ),
        "drug contained first": ("the coded drug is dropped for a contained one", drug_contained),
        "empty drug first": ("an empty reference is enough to lose the drug", first("medicationReference", {})),
        "blank drug first": ("as above, a blank text", first("medicationReference", "")),
        "dose range first": (
            "a range of 100 g takes the place of the dose",
            dose_first("doseRange", {"low": KG, "high": KG}),
        ),
        "empty dose range first": ("an empty range is enough to lose the dose", dose_first("doseRange", {})),
        "two drugs": ("a list where one is due: the first is morphine", doubled("medicationCodeableConcept", MORPHINE)),
        "as needed first": (
            "a drug to be taken as needed",
            lambda order, known: front(dosage(order), "asNeededBoolean", True),
        ),
        "reported first": ("the order is a report of one", first("reportedBoolean", True)),
        "reported by somebody": (
            "the order is a report of one",
            lambda order, known: front(order, "reportedReference", {"reference": f"Patient/{known.stranger}"}),
        ),
        "two times ordered": ("a list where one is due", doubled("authoredOn", "2031-01-01T00:00:00+00:00")),
        "two drug statuses": ("a list where one is due: the first is on hold", doubled("status", "on-hold")),
        "two doses in a list": (
            "a list where one is due: the first is 100 g",
            lambda order, known: amounts(order).update(doseQuantity=[KG, amounts(order)["doseQuantity"]]),
        ),
        "two numbers in a dose": (
            "a list where one is due: the first is 100",
            lambda order, known: amounts(order)["doseQuantity"].update(
                value=[100, amounts(order)["doseQuantity"]["value"]]
            ),
        ),
        "two routes in a list": (
            "a list where one is due: the first is another route",
            lambda order, known: dosage(order).update(route=[{"text": "intrathecal"}, dosage(order)["route"]]),
        ),
    },
)
on_each(
    KIND,
    "MedicationRequest",
    {
        "rate as a ratio first": (
            "100 g an hour take the place of the rate",
            dose_first("rateRatio", {"numerator": KG, "denominator": {"value": 1, "unit": "h"}}),
        ),
        "rate as a range first": (
            "seconds take the place of hours",
            dose_first("rateRange", {"low": {"value": 1, "unit": "s"}, "high": {"value": 2, "unit": "s"}}),
        ),
        "empty rate first": ("an empty ratio is enough to lose the rate", dose_first("rateRatio", {})),
    },
    types=(5,),
)
on_each(
    KIND,
    "ServiceRequest",
    {
        "two codes in a list": (
            "a list where one is due: the first is another service",
            doubled("code", {"text": "amputation of the left leg"}),
        ),
        "two priorities": ("a list where one is due: the first is routine", doubled("priority", "routine")),
        "two statuses": ("a list where one is due: the first is a draft", doubled("status", "draft")),
        "two intents": ("a list where one is due: the first is a proposal", doubled("intent", "proposal")),
        "two times of the request": ("a list where one is due", doubled("authoredOn", "2031-01-01T00:00:00+00:00")),
        "as needed, first": ("a service to be given as needed", first("asNeededBoolean", True)),
        "period first": (
            "a period in 2040 takes the time's place",
            first("occurrencePeriod", {"start": "2040-01-01T08:00:00+00:00", "end": "2040-01-02T08:00:00+00:00"}),
        ),
        "timing first": ("every day takes the time's place", first("occurrenceTiming", {"repeat": {"frequency": 1}})),
    },
)
on_each(
    KIND,
    "ServiceRequest",
    {
        "empty time first": ("an empty period is enough to lose the time", first("occurrencePeriod", {})),
        "two times of the service": (
            "a list where one is due",
            lambda order, known: order.update(
                occurrenceDateTime=["2040-01-01T08:00:00+00:00", order["occurrenceDateTime"]]
            ),
        ),
    },
    types=(9,),
)
on_each(
    KIND,
    "Observation",
    {
        "number first": ("one number takes the reading's place", first("valueQuantity", {"value": 1, "unit": "mmHg"})),
        "integer first": ("one number takes the reading's place", first("valueInteger", 0)),
        "boolean first": ("a truth value takes the reading's place", first("valueBoolean", False)),
        "concept first": ("a word takes the reading's place", first("valueCodeableConcept", {"text": "not done"})),
        "range first": ("a range takes the reading's place", first("valueRange", {"low": {"value": 300}})),
        "empty value first": ("an empty quantity is enough to lose the reading", first("valueQuantity", {})),
        "period of measuring first": (
            "a period in 2040 takes the time's place",
            first("effectivePeriod", {"start": "2040-01-01T08:00:00+00:00"}),
        ),
        "instant first": ("a time in 2040 takes the time's place", first("effectiveInstant", "2040-01-01T08:00:00Z")),
        "timing of measuring first": ("a timing takes the time's place", first("effectiveTiming", {"event": ["2040"]})),
        "empty period first": ("an empty period is enough to lose the time", first("effectivePeriod", {})),
        "two readings": ("a list where one is due", doubled("valueString", "300/200 mmHg")),
        "two codes of measuring": ("a list where one is due", doubled("code", {"text": "Heart Rate"})),
        "two statuses of measuring": ("a list where one is due", doubled("status", "entered-in-error")),
        "two times of measuring": ("a list where one is due", doubled("effectiveDateTime", "2031-01-01T00:00:00Z")),
    },
)
on_all(
    KIND,
    {
        "two subjects": (
            "a list where one is due: the first is somebody else",
            lambda order, known: order.update(subject=[{"reference": f"Patient/{known.stranger}"}, order["subject"]]),
        ),
        "subject by two references": (
            "a list where one is due: the first is somebody else",
            lambda order, known: order["subject"].update(
                reference=[f"Patient/{known.stranger}", order["subject"]["reference"]]
            ),
        ),
    },
)
