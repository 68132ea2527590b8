"""Conditions on what has a size: dates, quantities, numbers, and composites of them with codes.

A prefix says how the asked and the stored value must lie to each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from medenv.fhir.definitions import SearchParameter
from medenv.fhir.index.rows import DateColumn, Rows
from medenv.fhir.search.conditions import Condition, Positions, every
from medenv.fhir.search.values import Date, Quantity

__all__ = [
    "CompositeCondition",
    "DateCondition",
    "NumberCondition",
    "QuantityCondition",
    "date_test",
    "quantity_test",
]

_DAY_MS = 86_400_000


def _bounds(date: Date, by_day: bool) -> tuple[float, float, float, float]:
    """Return a date's first and last day or millisecond, and what ``ge`` and ``le`` take instead.

    Of a year or month HAPI takes the last day for ``ge`` and the first for ``le``.
    """
    low, high = date.span[2:] if by_day else date.span[:2]
    if date.precision not in ("year", "month"):
        return low, high, low, high
    return (low, high, high, low) if by_day else (low, high, high - _DAY_MS + 1, low + _DAY_MS - 1)


def _within(date: Date, by_day: bool, lows: Sequence[float], highs: Sequence[float], rows: Positions) -> list[int]:
    """Return the rows whose span lies to a date as its prefix says."""
    low, high, from_, to = _bounds(date, by_day)
    match date.prefix:
        case "ge":
            return [i for i in rows if highs[i] >= from_]
        case "le":
            return [i for i in rows if lows[i] <= to]
        case "gt":
            return [i for i in rows if highs[i] > high]
        case "lt":
            return [i for i in rows if lows[i] < low]
        case "" | "eq":
            return [i for i in rows if lows[i] >= low and highs[i] <= high]
        case "ne":
            return [i for i in rows if lows[i] < low or highs[i] > high]
        case "sa":
            return [i for i in rows if lows[i] > high]
        case _:
            return [i for i in rows if highs[i] < low]


def date_test(date: Date, by_day: bool) -> Callable[[float, float], bool]:
    """Return a test of one stored span's two bounds, which are calendar days or milliseconds."""
    return lambda a, b: bool(_within(date, by_day, (a,), (b,), (0,)))


class DateCondition(Condition):
    """One date, or a lower and an upper bound, of a date parameter.

    Attributes:
        dates: The bounds.
        by_day: Whether calendar days are compared: no bound names a time of day.
    """

    rank = 2

    def __init__(self, parameter: SearchParameter, dates: list[Date]) -> None:
        self.parameter, self.dates = parameter, dates
        self.by_day = dates[0].by_day if len(dates) == 1 else all(d.by_day for d in dates)

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """Return the positions within the bounds."""
        column: DateColumn = rows.column(self.parameter)
        lows, highs = (column.first, column.last) if self.by_day else (column.low, column.high)
        found = every(rows, candidates)
        for date in self.dates:
            found = _within(date, self.by_day, lows, highs, found)
        if column.more:
            spans = {i: self._several(column, i) for i in column.more}
            found = sorted([i for i in found if i not in spans] + [i for i in every(rows, candidates) if spans.get(i)])
        return found

    def _several(self, column: DateColumn, row: int) -> bool:
        pairs = [(s.first, s.last) if self.by_day else (s.low, s.high) for s in column.more[row]]
        return any(all(_within(date, self.by_day, (a,), (b,), (0,)) for date in self.dates) for a, b in pairs)


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
    """Return a test of one stored quantity; the unit that is asked for is the stored code."""
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
        """Return the positions with a fitting quantity."""
        values = rows.column(self.parameter).rows
        tests = self._tests
        return [i for i in every(rows, candidates) if any(test(v) for v in values[i] for test in tests)]


class NumberCondition(Condition):
    """Numbers."""

    rank = 3

    def __init__(self, parameter: SearchParameter, numbers: list[Quantity]) -> None:
        super().__init__(parameter)
        self._tests = [_compares(n.prefix, n.value) for n in numbers]

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """Return the positions with a fitting number."""
        values = rows.column(self.parameter).rows
        return [i for i in every(rows, candidates) if any(test(v) for v in values[i] for test in self._tests)]


class CompositeCondition(Condition):
    """Pairs of values that must stand in the same element."""

    rank = 3

    def __init__(self, parameter: SearchParameter, alternatives: list[list[Callable[[Any], bool]]]) -> None:
        super().__init__(parameter)
        self.alternatives = alternatives

    def select(self, rows: Rows, candidates: Positions | None) -> Positions:
        """Return the positions with a fitting pair."""
        values = rows.column(self.parameter).rows

        def fits(parts: tuple[tuple[Any, ...], ...]) -> bool:
            return any(
                all(any(test(v) for v in part) for test, part in zip(tests, parts, strict=True))
                for tests in self.alternatives
            )

        return [i for i in every(rows, candidates) if any(fits(parts) for parts in values[i])]
