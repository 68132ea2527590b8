"""What a stored Observation of a vital sign must and may say (FHIR R4, Observation)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from medenv.tasks.orders.context import OrderContext
from medenv.tasks.orders.elements import ANNOTATION, BESIDE, WHO, moment
from medenv.tasks.orders.quantities import quantity
from medenv.tasks.orders.rules import Fault, Rule, at_time, codes_among, each, fields, only
from medenv.tasks.orders.wording import words

__all__ = ["VITAL_SIGN_WORDS", "observation", "same_code", "same_quantity", "same_text", "vital_sign"]

VITAL_SIGN_WORDS = words("taken measured just recorded reading vital sign signs")
"""Words that may stand beside a recorded vital sign."""
_TIMES = ("effectiveDateTime", "effectiveInstant", "effectivePeriod", "effectiveTiming")


def _category(value: Any, context: OrderContext) -> Iterator[Fault]:
    categories = value if isinstance(value, list) else [value]
    yield from each(codes_among(lambda context: ((None, "vital-signs"),), demanded=True), most=1)(categories, context)


def _period(value: Any, context: OrderContext) -> Iterator[Fault]:
    if not moment(value, context.now):
        yield "", context.now.isoformat(), value


_NOW = at_time(lambda context: context.now)
_ELEMENTS: Mapping[str, Rule] = {
    **BESIDE,
    "status": only("final"),
    "category": _category,
    **dict(zip(_TIMES, (_NOW, _NOW, _period, _period), strict=True)),
    "issued": _NOW,
    "performer": each(WHO),
    "note": each(ANNOTATION),
}


def observation(code: Rule, values: Mapping[str, Rule], shown: str) -> Rule:
    """Return the rule for an Observation of one vital sign, taken at the present time.

    Args:
        code: The rule for what was measured.
        values: The rules for the elements that may hold the value, by the element's name; one of them must be there.
        shown: The value as text, for the fault of an Observation without any.
    """
    elements = fields({**_ELEMENTS, "code": code, **values}, demanded=("status", "category", "code", "subject"))

    def judge(value: Any, context: OrderContext) -> Iterator[Fault]:
        yield from elements(value, context)
        if not any(name in value for name in _TIMES):
            yield "effective", context.now.isoformat(), None
        if not any(name in value for name in values):
            yield "value", shown, None

    return judge


def same_code(code: Mapping[str, Any]) -> Rule:
    """Return the rule for a CodeableConcept that names the same thing: by its text or by one of its codings."""
    known = {(coding.get("system"), str(coding.get("code"))) for coding in code.get("coding", ())}
    text = code.get("text")
    codings = codes_among(lambda context: known | ({(None, text)} if text else set()), named=str(text or ""))

    def judge(value: Any, context: OrderContext) -> Iterator[Fault]:
        yield from codings(value, context)
        if isinstance(value, Mapping) and value.get("text") != text and not value.get("coding"):
            yield "", str(text), value

    return judge


def same_text(text: str) -> Rule:
    """Return the rule for a text of the same words."""

    def judge(value: Any, context: OrderContext) -> Iterator[Fault]:
        if not isinstance(value, str) or value.split() != text.split():
            yield "", text, value

    return judge


def same_quantity(wanted: Mapping[str, Any]) -> Rule:
    """Return the rule for a Quantity of the same amount, in any spelling of the unit."""

    def judge(value: Any, context: OrderContext) -> Iterator[Fault]:
        found = quantity(value)
        if value != wanted and (found is None or found != quantity(wanted)):
            yield "", f"{wanted.get('value')} {wanted.get('unit')}", value

    return judge


def vital_sign(order: Mapping[str, Any]) -> Rule:
    """Return the rule for an Observation that says what a demanded one says.

    Args:
        order: The demanded payload, with ``code`` and either ``valueString`` or ``valueQuantity``.
    """
    rules: Mapping[str, Callable[[Any], Rule]] = {"valueString": same_text, "valueQuantity": same_quantity}
    values = {name: rule(order[name]) for name, rule in rules.items() if name in order}
    return observation(same_code(order["code"]), values, " or ".join(str(order[name]) for name in values))
