"""What a stored ServiceRequest, a referral or a laboratory order, must and may say (FHIR R4, ServiceRequest)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from medenv.tasks.orders.context import OrderContext
from medenv.tasks.orders.elements import ANNOTATION, BESIDE, OWN_RESULT, REASON, WHO, annotation, moment
from medenv.tasks.orders.payloads import LOINC, SNOMED
from medenv.tasks.orders.quantities import same_minute
from medenv.tasks.orders.rules import (
    IDENTIFIER,
    Fault,
    Rule,
    at_time,
    codes_among,
    each,
    fields,
    never,
    only,
    said_alike,
)
from medenv.tasks.orders.wording import words

__all__ = ["LABORATORY_WORDS", "REFERRAL_WORDS", "SERVICE"]

LABORATORY_WORDS = words(
    "recheck check repeat draw collect collection measure measurement monitor monitoring hba1c a1c hemoglobin haemoglobin glycated "
    "glycosylated diabetes overdue outdated stale old older over more than year years ago renew renewal new due since potassium k "
    "hypokalemia hypokalaemia replacement specimen mass moles volume substance concentration fraction total or file "
    "lab laboratory test"
)
"""Words that may stand beside an order of a laboratory test."""
REFERRAL_WORDS = words(
    "referral refer orthopaedic orthopedic orthopaedics orthopedics surgery surgeon surgical service consultation consult evaluation "
    "procedure"
)
"""Words that may stand beside a referral."""

_LABORATORY = frozenset({(SNOMED, "108252007"), (None, "laboratory"), (None, "LAB"), (LOINC, "LP29693-6")})
_REFERRAL = frozenset({(SNOMED, "3457005"), (SNOMED, "306206005"), (SNOMED, "11429006"), (None, "referral")})


_REFERRAL_CATEGORY = each(codes_among(lambda context: _REFERRAL, named="patient referral consultation procedure"))
_LABORATORY_CATEGORY = each(codes_among(lambda context: _LABORATORY, named="laboratory procedure"))


def _category(value: Any, context: OrderContext) -> Iterable[Fault]:
    """Judge the categories: those that fit what is ordered."""
    rule = _REFERRAL_CATEGORY if context.details.get("note") is not None else _LABORATORY_CATEGORY
    return rule(value, context)


def _occurrence(value: Any, context: OrderContext) -> Iterator[Fault]:
    """Judge when it is to happen: at the time context for, or else now, since the order is a stat one."""
    wanted = context.details.get("occurrence") or context.now
    if isinstance(value, Mapping) and set(value) == {"start"}:
        value = value["start"]  # a period whose end is left to the laboratory
    if not (same_minute(value, wanted) or moment(value, wanted)):
        yield "", wanted.isoformat(), value


def _note(value: Any, context: OrderContext) -> Iterator[Fault]:
    """Judge the notes: for a referral the text that was given and no other, for a test whatever says no more than the order."""
    wanted = context.details.get("note")
    notes = value if isinstance(value, list) else [value]
    if wanted is None:
        yield from each(ANNOTATION)(notes, context)
        return
    if len(notes) != 1 or not isinstance(notes[0], Mapping):
        yield "", "one note", notes
        return
    yield from _REFERRAL_NOTE(notes[0], context)


def _given_text(value: Any, context: OrderContext) -> Iterator[Fault]:
    wanted = context.details["note"]
    if not isinstance(value, str) or value.split() != wanted.split():
        yield "", wanted, value


_REFERRAL_NOTE = annotation(_given_text)


def _demanded(value: Any, context: OrderContext) -> Iterator[Fault]:
    """Demand what only some orders need."""
    if context.details.get("note") is not None and "note" not in value:
        yield "note", context.details["note"], None
    if context.details.get("occurrence") is not None and not any(name in value for name in _OCCURRENCES):
        yield "occurrence", context.details["occurrence"].isoformat(), None


_OCCURRENCES = ("occurrenceDateTime", "occurrencePeriod", "occurrenceTiming")
_REST: Rule = fields(
    {
        **BESIDE,
        "status": only("active"),
        "intent": only("order"),
        "category": _category,
        "priority": only("stat"),
        "doNotPerform": never("a prohibition"),
        "asNeededBoolean": never("as needed"),
        "code": codes_among(lambda context: context.codes, demanded=True),
        "authoredOn": at_time(lambda context: context.now),
        "requester": WHO,
        "performer": each(WHO),
        "performerType": codes_among(lambda context: ()),
        "reasonCode": REASON,
        "reasonReference": OWN_RESULT,
        "supportingInfo": OWN_RESULT,
        "note": _note,
        "patientInstruction": said_alike,
        "requisition": IDENTIFIER,
        **dict.fromkeys(_OCCURRENCES, _occurrence),
    },
    demanded=("status", "intent", "code", "subject", "authoredOn", "priority"),
)


def SERVICE(value: Any, context: OrderContext) -> Iterator[Fault]:  # noqa: N802 - a rule, as the others
    """Judge a ServiceRequest."""
    yield from _REST(value, context)
    yield from _demanded(value, context)
