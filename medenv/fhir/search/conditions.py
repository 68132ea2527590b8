"""Conditions: what one search parameter demands of a resource, decided on rows of index values.

A condition takes rows and the positions that are still candidates, and gives those that meet it, in order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from medenv.fhir.definitions import SearchParameter
from medenv.fhir.index.extract import normalize
from medenv.fhir.index.rows import DateColumn, Rows, StringColumn, TokenColumn
from medenv.fhir.search.values import Date, Quantity

__all__ = [
    "CompositeCondition",
    "Condition",
    "DateCondition",
    "IdCondition",
    "MissingCondition",
    "NeverCondition",
    "NumberCondition",
    "QuantityCondition",
    "ReferenceCondition",
    "StringCondition",
    "TextCondition",
    "TokenCondition",
    "UriCondition",
    "date_test",
    "normalize",
    "quantity_test",
    "string_test",
]

Positions = Sequence[int]
_DAY_MS = 86_400_000


def _among(found: list[int], candidates: Positions | None) -> Positions:
    if candidates is None:
        return found
    if len(candidates) > 8:
        chosen = set(found)
        return [i for i in candidates if i in chosen]
    return [i for i in candidates if i in found]


def _union(lists: list[list[int]]) -> list[int]:
    if not lists:
        return []
    return lists[0] if len(lists) == 1 else sorted(set().union(*lists))


def _all(rows: Rows, candidates: Positions | None) -> Positions:
    return range(len(rows)) if candidates is None else candidates


class Condition:
    """One demand.

    Attributes:
        parameter: The search parameter.
        rank: When to try it: lower ones narrow faster.
        exact: Whether it is a single exact token, which decides HAPI's order of unsorted answers.
    """

    rank = 5
    exact = False

    def __init__(self, parameter: SearchParameter) -> None:
        self.parameter = parameter

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """The positions that meet the condition.

        Args:
            rows: The resources.
            candidates: Positions to choose from, ascending; None for all.
        """
        raise NotImplementedError


class NeverCondition(Condition):
    """Met by nothing."""

    rank = 0

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """Nothing."""
        return []


class MissingCondition(Condition):
    """``:missing``: whether there is no value."""

    rank = 4

    def __init__(self, parameter: SearchParameter, missing: bool) -> None:
        super().__init__(parameter)
        self.missing = missing

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """The positions without a value, or those with one."""
        without = set(rows.column(self.parameter).missing(len(rows)))
        return [i for i in _all(rows, candidates) if (i in without) == self.missing]


class TokenCondition(Condition):
    """Codes, with or without their system; ``:not`` turns it round."""

    def __init__(self, parameter: SearchParameter, tokens: list[tuple[str | None, str]], negated: bool = False) -> None:
        super().__init__(parameter)
        self.tokens, self.negated = tokens, negated
        self.rank = 4 if negated else 0
        self.exact = not negated and len(tokens) == 1 and bool(tokens[0][1])

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """The positions with one of the codes, or without any."""
        column: TokenColumn = rows.column(self.parameter)
        lists = []
        for system, code in self.tokens:
            if system is None:
                found = column.by_code.get(code)
            elif code:
                found = column.by_pair.get((system, code))
            else:
                found = column.by_system.get(system)
            if found:
                lists.append(found)
        union = _union(lists)
        if self.negated:
            excluded = set(union)
            return [i for i in _all(rows, candidates) if i not in excluded]
        return _among(union, candidates)


class ReferenceCondition(Condition):
    """References to one of some resources.

    Attributes:
        targets: Their references, ``Patient/S1``.
    """

    rank = 1

    def __init__(self, parameter: SearchParameter, targets: Iterable[str]) -> None:
        super().__init__(parameter)
        self.targets = list(dict.fromkeys(targets))

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """The positions that refer to a target."""
        column: TokenColumn = rows.column(self.parameter)
        return _among(_union([f for t in self.targets if (f := column.by_code.get(t))]), candidates)


class IdCondition(Condition):
    """Certain resources, by internal number."""

    rank = 0

    def __init__(self, parameter: SearchParameter, pids: list[int]) -> None:
        super().__init__(parameter)
        self.pids = frozenset(pids)

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """The positions of these resources."""
        return [i for i in _all(rows, candidates) if rows.pids[i] in self.pids]


class UriCondition(Condition):
    """URIs: the whole text, or with ``below`` its start, or with ``above`` what it starts with."""

    rank = 1

    def __init__(self, parameter: SearchParameter, uris: list[str], how: str = "") -> None:
        super().__init__(parameter)
        self.uris, self.how = uris, how

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """The positions with one of the URIs."""
        column: TokenColumn = rows.column(self.parameter)
        found = [at for text, at in column.by_code.items() if any(self._fits(text, uri) for uri in self.uris)]
        return _among(_union(found), candidates)

    def _fits(self, text: str, uri: str) -> bool:
        if self.how == "below":
            return text.startswith(uri)
        return uri.startswith(text) if self.how == "above" else text == uri


class StringCondition(Condition):
    """Strings: the start of the normalised text, the whole text as written (``exact``), or a part (``contains``)."""

    rank = 2
    kind = ""

    def __init__(self, parameter: SearchParameter, texts: list[str], how: str = "") -> None:
        super().__init__(parameter)
        self.how = how
        self._tests = [string_test(text, how) for text in texts]

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """The positions with a fitting string."""
        column: StringColumn = rows.column(self.parameter, self.kind)
        tests = self._tests
        found = [at for pair, at in column.by_text.items() if any(test(pair) for test in tests)]
        return _among(_union(found), candidates)


def string_test(text: str, how: str) -> Callable[[tuple[str, str]], bool]:
    """A test of a (normalised, written) pair."""
    if how == "exact":
        return lambda pair: bool(text) and pair[1] == text
    wanted = normalize(text)
    if "_" in wanted:  # HAPI leaves this wildcard of SQL's LIKE unescaped
        pattern = re.compile("".join("." if c == "_" else re.escape(c) for c in wanted), re.DOTALL)
        if how == "contains":
            return lambda pair: pattern.search(pair[0]) is not None
        return lambda pair: pattern.match(pair[0]) is not None
    if how == "contains":
        return lambda pair: wanted in pair[0]
    return lambda pair: pair[0].startswith(wanted)


class TextCondition(StringCondition):
    """``:text`` of a token: the start of a text or display."""

    kind = "text"


def date_test(date: Date, by_day: bool) -> Callable[[float, float], bool]:
    """A test of a stored span's two bounds, which are calendar days or milliseconds.

    Of a year or month HAPI takes the last day for ``ge`` and the first for ``le``.
    """
    s = date.span
    low, high = (s.first, s.last) if by_day else (s.low, s.high)
    first_end, last_start = (low, high) if by_day else (low + _DAY_MS - 1, high - _DAY_MS + 1)
    whole = date.precision in ("year", "month")
    prefix = date.prefix or "eq"
    if prefix == "eq":
        return lambda a, b: a >= low and b <= high
    if prefix == "ne":
        return lambda a, b: a < low or b > high
    if prefix == "gt":
        return lambda a, b: b > high
    if prefix == "ge":
        bound = last_start if whole else low
        return lambda a, b: b >= bound
    if prefix == "lt":
        return lambda a, b: a < low
    if prefix == "le":
        bound = first_end if whole else high
        return lambda a, b: a <= bound
    if prefix == "sa":
        return lambda a, b: a > high
    return lambda a, b: b < low


class DateCondition(Condition):
    """One date, or a lower and an upper bound, of a date parameter.

    Attributes:
        dates: The bounds.
        by_day: Whether calendar days are compared: no bound names a time of day.
    """

    rank = 2

    def __init__(self, parameter: SearchParameter, dates: list[Date]) -> None:
        super().__init__(parameter)
        self.dates = dates
        self.by_day = all(d.by_day for d in dates)
        self._tests = [date_test(d, self.by_day) for d in dates]

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """The positions within the bounds."""
        column: DateColumn = rows.column(self.parameter)
        lows, highs = (column.first, column.last) if self.by_day else (column.low, column.high)
        found = _all(rows, candidates)
        for test in self._tests:
            found = [i for i in found if test(lows[i], highs[i])]
        if column.more:
            spans = {i: self._several(column, i) for i in column.more}
            found = sorted([i for i in found if i not in spans] + [i for i in _all(rows, candidates) if spans.get(i)])
        return found

    def _several(self, column: DateColumn, row: int) -> bool:
        pairs = [(s.first, s.last) if self.by_day else (s.low, s.high) for s in column.more[row]]
        return any(all(test(a, b) for test in self._tests) for a, b in pairs)


def _compares(prefix: str, bound: float) -> Callable[[float], bool]:
    if prefix == "ne":
        return lambda v: v != bound
    if prefix == "gt":
        return lambda v: v > bound
    if prefix == "ge":
        return lambda v: v >= bound
    if prefix == "lt":
        return lambda v: v < bound
    if prefix == "le":
        return lambda v: v <= bound
    if prefix == "ap":
        margin = abs(bound) * 0.1
        return lambda v: bound - margin <= v <= bound + margin
    return lambda v: v == bound


def quantity_test(wanted: Quantity) -> Callable[[tuple[float, str, str, str]], bool]:
    """A test of one stored quantity; the unit that is asked for is the stored code."""
    fits = _compares(wanted.prefix, wanted.value)
    system, unit = wanted.system, wanted.unit

    def test(value: tuple[float, str, str, str]) -> bool:
        if not fits(value[0]):
            return False
        return unit is None or (value[3] == unit and (system is None or value[1] == system))

    return test


class QuantityCondition(Condition):
    """Quantities by value, system and unit."""

    rank = 3

    def __init__(self, parameter: SearchParameter, quantities: list[Quantity]) -> None:
        super().__init__(parameter)
        self.quantities = quantities
        self._tests = [quantity_test(q) for q in quantities]

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """The positions with a fitting quantity."""
        values = rows.column(self.parameter).rows
        tests = self._tests
        return [i for i in _all(rows, candidates) if any(test(v) for v in values[i] for test in tests)]


class NumberCondition(Condition):
    """Numbers."""

    rank = 3

    def __init__(self, parameter: SearchParameter, numbers: list[Quantity]) -> None:
        super().__init__(parameter)
        self._tests = [_compares(n.prefix, n.value) for n in numbers]

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """The positions with a fitting number."""
        values = rows.column(self.parameter).rows
        return [i for i in _all(rows, candidates) if any(test(v) for v in values[i] for test in self._tests)]


class CompositeCondition(Condition):
    """Pairs of values that must stand in the same element."""

    rank = 3

    def __init__(self, parameter: SearchParameter, alternatives: list[list[Callable[[Any], bool]]]) -> None:
        super().__init__(parameter)
        self.alternatives = alternatives

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """The positions with a fitting pair."""
        values = rows.column(self.parameter).rows

        def fits(parts: tuple[tuple[Any, ...], ...]) -> bool:
            return any(
                all(any(test(v) for v in part) for test, part in zip(tests, parts, strict=True)) for tests in self.alternatives
            )

        return [i for i in _all(rows, candidates) if any(fits(parts) for parts in values[i])]
