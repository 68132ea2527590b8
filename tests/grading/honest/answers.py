"""Spellings of the answer: other JSON for the same values, the precision of a mean, a time in another zone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from medenv.tasks import Task
from tests.grading.honest.deciding import post
from tests.grading.honest.looking import ReferenceActions
from tests.grading.honest.orders import at_offset
from tests.grading.honest.strategy import Strategy, plainly

ALL = tuple(range(1, 11))
NUMBERS = (2, 4, 5, 6, 7, 9)
"""Types whose answer is one number."""


def spelled(name: str, spell: Callable[[Sequence[Any]], str], types: tuple[int, ...], *branches: str) -> Strategy:
    """A strategy that reads and orders plainly and writes what stands between FINISH's parentheses in another way."""

    def policy(task: Task) -> ReferenceActions[None]:
        decision = yield from plainly(task)
        for order in decision.orders:
            yield post(order)
        yield f"FINISH({spell(decision.answer)})"

    return Strategy(f"answer: {name}", "answer", policy, types, branches)


def _each(spell: Callable[[Any], str]) -> Callable[[Sequence[Any]], str]:
    """A list in which each item is spelled in another way."""
    return lambda answer: f"[{', '.join(spell(one) for one in answer)}]"


def _number(spell: Callable[[float], str]) -> Callable[[Sequence[Any]], str]:
    """As `_each`, texts aside."""
    return _each(lambda one: json.dumps(one) if isinstance(one, str) else spell(one))


def _rounded(digits: int) -> Callable[[Sequence[Any]], str]:
    return lambda answer: json.dumps([round(one, digits) for one in answer])


def _whole_if_equal(number: float) -> str:
    return str(int(number)) if number == int(number) else repr(number)


def _exponent(number: float) -> str:
    """Tenths with an exponent; what isn't a number of tenths stays."""
    tenths = round(number * 10, 9)
    return f"{int(tenths)}e-1" if tenths == int(tenths) else repr(number)


def _escaped(item: Any) -> str:
    if not isinstance(item, str):
        return json.dumps(item)
    return '"' + "".join(f"\\u{ord(char):04x}" for char in item) + '"'


def _time_at(hours: float) -> Callable[[Sequence[Any]], str]:
    return lambda answer: json.dumps([answer[0], at_offset(answer[1], hours)])


def _time(spell: Callable[[str], str]) -> Callable[[Sequence[Any]], str]:
    return lambda answer: json.dumps([answer[0], spell(answer[1])])


def strategies() -> Iterator[Strategy]:
    """One strategy a spelling."""
    yield spelled("without blanks", lambda answer: json.dumps(answer, separators=(",", ":")), ALL)
    yield spelled("within blanks", lambda answer: f"  {json.dumps(answer)}  ", ALL)
    yield spelled("over several lines", lambda answer: json.dumps(answer, indent=2), ALL)
    yield spelled("blanks in the list", lambda answer: f"[ {json.dumps(answer)[1:-1]} ]", ALL)
    yield spelled("escaped text", _each(_escaped), (1, 10))
    yield spelled("whole numbers without a point", _number(_whole_if_equal), NUMBERS)
    yield spelled("numbers with a point", _number(lambda one: repr(float(one))), NUMBERS)
    yield spelled("with another nought", _number(lambda one: repr(float(one)) + "0"), (4, 5, 7, 9, 10))
    yield spelled("with an exponent", _number(_exponent), (2, 4, 5, 7, 9, 10))
    yield spelled("a mean as it is", json.dumps, (6,))
    yield spelled("a mean to one decimal", _rounded(1), (6,))
    yield spelled("a mean to two decimals", _rounded(2), (6,))
    yield spelled("a mean to three decimals", _rounded(3), (6,))
    yield spelled("-1 with a point", lambda answer: "[-1.0]", (4, 6, 7, 9, 10), "absent")
    yield spelled("time in Z", _time(lambda text: text.replace("+00:00", "Z")), (10,), "stale", "fresh")
    yield spelled("time with milliseconds", _time(lambda text: text.replace("+", ".000+")), (10,), "stale", "fresh")
    yield spelled("time in New York", _time_at(-5), (10,), "stale", "fresh")
    yield spelled("time in Kathmandu", _time_at(5.75), (10,), "stale", "fresh")
    yield spelled("empty list with a blank", lambda answer: "[ ]", (3, 8))
