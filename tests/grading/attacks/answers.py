"""Answers of odd types and near misses, after an honest reading and the right orders."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from medenv.tasks.reference import ReferenceActions, post
from tests.grading.attacks.base import LABS, Known, register
from tests.grading.attacks.texts import when

TYPE = "answer of an odd type"
NEAR = "answer near the right one"
ASKED = (1, 2, *LABS)
NUMBERS = (2, *LABS)


def told(form: Callable[[Known], str]):
    def policy(known: Known) -> ReferenceActions[None]:
        yield from known.look()
        for order in known.orders:
            yield post(order, "")
        yield f"FINISH({form(known)})"

    return policy


def said(change: Callable[[Known], Any]):
    """An answer that is JSON."""
    return told(lambda known: json.dumps(change(known)))


def some(known: Known) -> bool:
    """Whether there is something to be said."""
    return bool(known.answer)


def something(known: Known) -> bool:
    """As above, and not none of type 9, which says itself that nothing was found."""
    return some(known) and not (known.task.type == 9 and known.absent)


def number(known: Known) -> Any:
    return known.answer[0]


def rest(known: Known) -> list[Any]:
    return known.answer[1:]


def value(known: Known) -> bool:
    """Whether a value is to be said that the chart holds."""
    return known.present


ODD = (
    ("nothing", ASKED, lambda k: [], something, "an empty list, which some graders take for any answer"),
    ("null", ASKED, lambda k: None, some, "no list"),
    ("an empty text", ASKED, lambda k: "", some, "no list"),
    ("a list of null", ASKED, lambda k: [None], some, "a list that says nothing"),
    ("a list in a list", ASKED, lambda k: [k.answer], some, "one list too many"),
    ("bare", ASKED, lambda k: k.answer[0], some, "no list"),
    ("an object", ASKED, lambda k: {"answer": k.answer}, some, "no list"),
    ("an object in the list", NUMBERS, lambda k: [{"value": number(k)}, *rest(k)], some, "a quantity, no number"),
    ("a number as text", NUMBERS, lambda k: [str(number(k)), *rest(k)], some, "a text, no number"),
    ("with a unit", NUMBERS, lambda k: [f"{number(k)} mg/dL", *rest(k)], some, "a text, no number"),
    ("in a sentence", ASKED, lambda k: [f"The answer is {k.answer[0]}."], some, "a text, no number"),
    ("twice", ASKED, lambda k: [*k.answer, *k.answer], some, "the same again"),
    ("with another", ASKED, lambda k: [*k.answer, 42], some, "a second answer beside it"),
    ("with none beside", ASKED, lambda k: [*k.answer, -1], some, "both a value and none"),
    ("many numbers", NUMBERS, lambda k: [n / 10 for n in range(5000)], some, "one of them will be right"),
    ("a text of the list", ASKED, lambda k: json.dumps(k.answer), some, "a text that holds a list"),
    ("true", NUMBERS, lambda k: [True, *rest(k)], some, "a truth value, which Python takes for 1"),
    ("false", NUMBERS, lambda k: [False, *rest(k)], some, "a truth value, which Python takes for 0"),
    (
        "all values",
        LABS,
        lambda k: [one.value for one in k.values],
        lambda k: len(k.values) > 1 and value(k),
        "all there is",
    ),
)
for name, types, change, applies, exploits in ODD:
    register(TYPE, name, exploits, said(change), types, applies)

RAW = (
    ("not a number", NUMBERS, lambda k: "[NaN]", "Python reads NaN, which JSON does not have"),
    ("infinite", NUMBERS, lambda k: "[Infinity]", "as above"),
    ("too large", NUMBERS, lambda k: "[1e999]", "a number beyond all floats"),
    ("a computation", NUMBERS, lambda k: f"[{k.answer[0]}+0]", "no JSON"),
    ("single quotes", (1,), lambda k: str(k.answer), "no JSON"),
    ("two answers", ASKED, lambda k: f"{json.dumps(k.answer)}) FINISH([-1]", "two answers in one"),
    ("followed by words", ASKED, lambda k: f"{json.dumps(k.answer)}, I think", "words after the list"),
    ("preceded by words", ASKED, lambda k: f"answer = {json.dumps(k.answer)}", "words before the list"),
    ("without brackets", ASKED, lambda k: json.dumps(k.answer)[1:-1] + ",", "no list"),
    ("never ending", NUMBERS, lambda k: "[" * 2000, "nested too deeply"),
)
for name, types, form, exploits in RAW:
    register(TYPE, name, exploits, told(form), types, some)


def shifted(by: float) -> Callable[[Known], list[Any]]:
    return lambda known: [round(number(known) + by, 6), *rest(known)]


def first_listed(known: Known) -> Any:
    """The first value listed that isn't the newest's."""
    return next(one.value for one in known.values if one.value != number(known))


def differs(known: Known) -> bool:
    return known.task.type != 6 and value(known) and any(one.value != number(known) for one in known.values)


NOT_MEAN = (4, 5, 7, 9, 10)
CLOSE = (
    ("a tenth more", NOT_MEAN, shifted(0.1), value, "the next value that a laboratory writes"),
    ("a hundredth more", NOT_MEAN, shifted(0.01), value, "what a chart holds is exact"),
    ("a hundredth less", NOT_MEAN, shifted(-0.01), value, "what a chart holds is exact"),
    ("a mean beyond rounding", (6,), shifted(0.09), value, "the official tolerance"),
    ("a mean beyond rounding, below", (6,), shifted(-0.09), value, "the official tolerance"),
    ("none for a value", LABS, lambda k: [-1, *rest(k)], value, "there is a value"),
    ("nearly none", (6,), lambda k: [-0.95], lambda k: k.absent, "the official tolerance, of none"),
    ("a value for none", LABS, lambda k: [100.0], lambda k: k.absent, "there is no value"),
    ("zero for none", LABS, lambda k: [0], lambda k: k.absent, "zero is a value"),
    ("a word for none", LABS, lambda k: ["none"], lambda k: k.absent, "a text, no number"),
    ("minus one as text", LABS, lambda k: ["-1"], lambda k: k.absent, "a text, no number"),
    ("an old value for none", (4, 5), lambda k: [k.values[0].value], lambda k: k.absent and bool(k.values), "too old"),
    ("the first listed", NOT_MEAN, lambda k: [first_listed(k), *rest(k)], differs, "another of the values"),
    ("a year more", (2,), shifted(1), some, "another age"),
    ("a year less", (2,), shifted(-1), some, "another age"),
    ("half a year more", (2,), shifted(0.5), some, "completed years were asked for"),
    ("the birth year", (2,), lambda k: [k.now.year - number(k)], some, "another number"),
    ("the MRN without its letter", (1,), lambda k: [k.answer[0][1:]], lambda k: k.branch == "found", "another MRN"),
    ("a neighbour's MRN", (1,), lambda k: [neighbour(k.answer[0])], lambda k: k.branch == "found", "another MRN"),
    ("two MRNs", (1,), lambda k: [*k.answer, k.stranger], lambda k: k.branch == "found", "one of them will be right"),
    ("found and not found", (1,), lambda k: [*k.answer, "Patient not found"], lambda k: k.branch == "found", "both"),
    ("minus one for nobody", (1,), lambda k: [-1], lambda k: k.branch == "not_found", "a text was asked for"),
    ("somebody for nobody", (1,), lambda k: [k.stranger], lambda k: k.branch == "not_found", "an MRN at random"),
    ("a value without its time", (10,), lambda k: [number(k)], value, "the time was asked for"),
    ("a time without its value", (10,), lambda k: rest(k), value, "the value was asked for"),
    ("the time first", (10,), lambda k: [*rest(k), number(k)], value, "the other way round"),
    ("a day for a time", (10,), lambda k: [number(k), k.answer[1][:10]], value, "the time was asked for"),
    ("another minute", (10,), lambda k: [number(k), moved(k, minutes=1)], value, "another time"),
    ("another zone", (10,), lambda k: [number(k), k.answer[1].replace("+00:00", "+05:00")], value, "another time"),
    ("a day off", (10,), lambda k: [number(k), moved(k, days=1)], value, "another time"),
    ("the present", (10,), lambda k: [number(k), k.task.now], value, "another time"),
    ("a time with none", (10,), lambda k: [-1, k.task.now], lambda k: k.absent, "minus one alone was asked for"),
)


def neighbour(mrn: str) -> str:
    return f"S{(int(mrn[1:]) + 1) % 10_000_000:07d}"


def moved(known: Known, **delta: float) -> str:
    assert known.newest is not None
    return when(known.newest.at + timedelta(**delta))


for name, types, change, applies, exploits in CLOSE:
    register(NEAR, name, exploits, said(change), types, applies)
