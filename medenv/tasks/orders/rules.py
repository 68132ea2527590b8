"""What an element of a stored order may say: rules that name each place where it says something else.

An order is judged by an allow-list. Each element is demanded, or neutral, or equal in meaning to what was asked; whatever no rule allows
is a fault under its name, however harmless it may look.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from medenv.tasks.orders.context import OrderContext
from medenv.tasks.orders.quantities import same_minute
from medenv.tasks.orders.wording import words

__all__ = [
    "IDENTIFIER",
    "Fault",
    "Rule",
    "a_name",
    "at_time",
    "codes_among",
    "each",
    "exactly",
    "fields",
    "neutral",
    "never",
    "only",
    "reference",
    "said_alike",
    "words_among",
]

Fault = tuple[str, str, Any]
"""The element's path, what was expected of it, and what was found."""


Rule = Callable[[Any, OrderContext], Iterable[Fault]]
"""Yields the faults of a value; their paths are relative to it."""


def fields(rules: Mapping[str, Rule], demanded: Sequence[str] = ()) -> Rule:
    """Return a rule for an object: each of its elements by its own rule, none beside them, and none of the demanded missing."""

    def judge(value: Any, context: OrderContext) -> Iterator[Fault]:
        if not isinstance(value, Mapping):
            yield "", "an object", value
            return
        for name, part in value.items():
            rule = rules.get(name)
            if rule is None:
                yield name, "nothing beside what was asked", part
            else:
                for path, expected, found in rule(part, context):
                    yield f"{name}.{path}" if path else name, expected, found
        for name in demanded:
            if name not in value:
                yield name, "given", None

    return judge


def each(rule: Rule, most: int | None = None) -> Rule:
    """Return a rule for a list, each of whose values obeys one rule; at most so many of them."""

    def judge(value: Any, context: OrderContext) -> Iterator[Fault]:
        values = value if isinstance(value, list) else [value]
        if most is not None and len(values) > most:
            yield "", f"at most {most}", values
            return
        for one in values:
            yield from rule(one, context)

    return judge


def only(*allowed: Any) -> Rule:
    """Return a rule for a value that must be one of these."""

    def judge(value: Any, context: OrderContext) -> Iterator[Fault]:
        if not any(type(value) is type(one) and value == one for one in allowed):
            yield "", " or ".join(map(str, allowed)), value

    return judge


def exactly(find: Callable[[OrderContext], Any]) -> Rule:
    """Return a rule for a value that must be what the task says."""

    def judge(value: Any, context: OrderContext) -> Iterator[Fault]:
        wanted = find(context)
        if value != wanted:
            yield "", str(wanted), value

    return judge


def never(what: str) -> Rule:
    """Return a rule for an element that may only say no."""

    def judge(value: Any, context: OrderContext) -> Iterator[Fault]:
        if value is not False:
            yield "", f"not {what}", value

    return judge


def neutral(value: Any, context: OrderContext) -> Iterator[Fault]:
    """Allow anything: the element doesn't change what is ordered, for whom, or when."""
    yield from ()


def _said(beside: frozenset[str]) -> Rule:
    """Return a rule for free text that says nothing but what the order says, in its words and these."""

    def judge(value: Any, context: OrderContext) -> Iterator[Fault]:
        if not isinstance(value, str) or not context.wording.allows(value, beside):
            yield "", "no more than the order says", value

    return judge


said_alike = _said(frozenset())
"""The rule for free text that says nothing but what the order says."""


def words_among(words: Iterable[str]) -> Rule:
    """Return a rule for a text, one of these in lower case."""
    known = frozenset(words)

    def judge(value: Any, context: OrderContext) -> Iterator[Fault]:
        if not isinstance(value, str) or value.strip().lower() not in known:
            yield "", f"one of {', '.join(sorted(known))}", value

    return judge


def at_time(find: Callable[[OrderContext], datetime]) -> Rule:
    """Return a rule for a date and time, at any offset, in the minute that is wanted."""

    def judge(value: Any, context: OrderContext) -> Iterator[Fault]:
        wanted = find(context)
        if not same_minute(value, wanted):
            yield "", wanted.isoformat(), value

    return judge


def codes_among(
    codes: Callable[[OrderContext], Iterable[tuple[str | None, str]]], demanded: bool = False, named: str = ""
) -> Rule:
    """Return a rule for a CodeableConcept whose every coding is one of these, and whose words say no more than the order.

    Args:
        codes: Gives pairs of system and code; a system of None stands for any.
        demanded: Whether one of the codings must be there.
        named: Words that the terminologies name these codes with.
    """
    saying = _said(words(named))
    in_coding = fields(dict.fromkeys(("system", "code", "version", "userSelected"), neutral) | {"display": saying})
    beside = fields({"text": saying})

    def judge(value: Any, context: OrderContext) -> Iterator[Fault]:
        if not isinstance(value, Mapping):
            yield "", "a concept", value
            return
        allowed = set(codes(context))
        codings = value.get("coding", [])
        for coding in codings if isinstance(codings, list) else [codings]:
            pair = (coding.get("system"), coding.get("code")) if isinstance(coding, Mapping) else (None, None)
            if pair not in allowed and (None, pair[1]) not in allowed:
                yield "", "no other code", coding
            else:
                yield from in_coding(coding, context)
        if demanded and not codings:
            yield "", "a code", value
        yield from beside({key: part for key, part in value.items() if key != "coding"}, context)

    return judge


_NAME = re.compile(r"[A-Z][\w.'\-]{0,30}(?:,? [A-Za-z][\w.'\-]{0,30}){0,4}")
"""What the name of a person or place looks like: a few words, the first with a capital."""
_NEVER_IN_NAMES = words("not no never nobody stop cancel cancelled void ignore hold withhold do don")
"""Words that make a sentence of a name."""


def _a_number(value: Any, context: OrderContext) -> Iterator[Fault]:
    """Allow the value of an identifier: a number or a code, and no sentence."""
    if not isinstance(value, str) or _NUMBER_LIKE.fullmatch(value) is None or words(value) & _NEVER_IN_NAMES:
        yield "", "a number", value


_NUMBER_LIKE = re.compile(r"[A-Za-z0-9.\-_:/|#]{1,100}")
IDENTIFIER = fields(
    {
        "use": only("usual", "official", "temp", "secondary"),
        "system": neutral,
        "value": _a_number,
        "type": fields({"coding": each(fields({"system": neutral, "code": _a_number}))}),
    }
)
"""The rule for an Identifier, which may number an order and say nothing else."""


def reference(types: Iterable[str], demanded: str | None = None) -> Rule:
    """Return a rule for a reference to a resource of one of these types; a Patient must be the task's own.

    Args:
        types: Resource types.
        demanded: The very reference that is wanted, with ``{mrn}`` for the patient's id; None for any.
    """
    known = frozenset(types)

    def judge(value: Any, context: OrderContext) -> Iterator[Fault]:
        if not isinstance(value, Mapping):
            yield "", "a reference", value
            return
        wanted = demanded and demanded.format(mrn=context.mrn)
        for name, part in value.items():
            if name in _REFERENCE_PARTS:
                yield from _REFERENCE_PARTS[name](part, context, known, wanted)
            else:
                yield name, "nothing beside the reference", part
        if wanted and "reference" not in value:
            yield "", wanted, value

    return judge


def _referred_to(part: Any, context: OrderContext, known: frozenset[str], wanted: str | None) -> Iterator[Fault]:
    path = str(part).removeprefix(context.base).strip("/")
    kind = path.partition("/")[0]
    if wanted and path != wanted:
        yield "", wanted, part
    elif kind not in known or (kind == "Patient" and path != f"Patient/{context.mrn}"):
        yield "reference", " or ".join(sorted(known)), part


def _referred_type(part: Any, context: OrderContext, known: frozenset[str], wanted: str | None) -> Iterator[Fault]:
    if part not in known:
        yield "type", " or ".join(sorted(known)), part


def _referred_name(part: Any, context: OrderContext, known: frozenset[str], wanted: str | None) -> Iterator[Fault]:
    for _, expected, found in a_name(part, context, patient=bool(wanted)):
        yield "display", expected, found


def _referred_identifier(
    part: Any, context: OrderContext, known: frozenset[str], wanted: str | None
) -> Iterator[Fault]:
    if wanted and (not isinstance(part, Mapping) or part.get("value") != context.mrn):
        yield "identifier", context.mrn, part
    for path, expected, found in IDENTIFIER(part, context):
        yield f"identifier.{path}", expected, found


_REFERENCE_PARTS = {
    "reference": _referred_to,
    "type": _referred_type,
    "display": _referred_name,
    "identifier": _referred_identifier,
}
"""The rules for the elements of a Reference."""


def a_name(value: Any, context: OrderContext, patient: bool = False) -> Iterator[Fault]:
    """Allow a name: for the patient the one on file, for others whatever looks like one."""
    text = str(value)
    if patient:
        if not set(text.lower().replace(",", " ").replace("/", " ").split()) <= context.names | {
            context.mrn.lower(),
            "patient",
        }:
            yield "", "the patient's name", value
    elif _NAME.fullmatch(text) is None or words(text) & _NEVER_IN_NAMES:
        yield "", "a name", value
