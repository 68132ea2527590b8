"""Some resources of one type as rows, with columns of index values that are filled when a search first asks for them.

The same rows serve the store (a patient's resources, or a stretch of a type) and a session's own changes, which grow.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from medenv.fhir.definitions import SearchParameter
from medenv.fhir.index.dates import Span
from medenv.fhir.index.extract import displays, extract, normalize
from medenv.fhir.template import Template

__all__ = ["Column", "DateColumn", "Rows", "StringColumn", "TokenColumn", "ValueColumn"]

_GROWING = threading.Lock()
_NOTHING = (float("nan"),) * 4  # no comparison holds for it


class Column:
    """Index values of one parameter, filled up to some row."""

    __slots__ = ("_alike", "filled")

    def __init__(self) -> None:
        self.filled = 0
        self._alike: dict[tuple[Any, ...], tuple[Any, ...]] = {}  # many rows have equal values; they share one tuple

    def add(self, row: int, values: list[Any]) -> None:
        """Take in the index values of the next row."""
        raise NotImplementedError

    def missing(self, n: int) -> list[int]:
        """Return the rows below ``n`` without any value."""
        raise NotImplementedError


class TokenColumn(Column):
    """Rows by code, by system and by both; of references and uris by their text alone."""

    __slots__ = ("by_code", "by_pair", "by_system", "rows")

    def __init__(self) -> None:
        super().__init__()
        self.by_code: dict[str, array[int]] = {}
        self.by_pair: dict[tuple[str, str], array[int]] = {}
        self.by_system: dict[str, array[int]] = {}
        self.rows: list[tuple[tuple[str, str], ...]] = []

    def add(self, row: int, values: list[Any]) -> None:
        """Take in ``(system, code)`` pairs."""
        self.rows.append(self._alike.setdefault(key := tuple(values), key))
        if len(values) == 1:
            system, code = pair = values[0]
            self.by_code.setdefault(code, array("I")).append(row)
            self.by_pair.setdefault(pair, array("I")).append(row)
            self.by_system.setdefault(system, array("I")).append(row)
            return
        for code in dict.fromkeys(c for _, c in values):
            self.by_code.setdefault(code, array("I")).append(row)
        for pair in values:
            self.by_pair.setdefault(pair, array("I")).append(row)
        for system in dict.fromkeys(s for s, _ in values):
            self.by_system.setdefault(system, array("I")).append(row)

    def missing(self, n: int) -> list[int]:
        """Return the rows below ``n`` without any value."""
        return [i for i in range(n) if not self.rows[i]]


class StringColumn(Column):
    """Rows by text, each with its normalised form."""

    __slots__ = ("by_text", "rows")

    def __init__(self) -> None:
        super().__init__()
        self.by_text: dict[tuple[str, str], array[int]] = {}
        self.rows: list[tuple[tuple[str, str], ...]] = []

    def add(self, row: int, values: list[Any]) -> None:
        """Take in strings."""
        pairs = tuple((normalize(v), v) for v in values)
        pairs = self._alike.setdefault(pairs, pairs)
        self.rows.append(pairs)
        for pair in pairs:
            self.by_text.setdefault(pair, array("I")).append(row)

    def missing(self, n: int) -> list[int]:
        """Return the rows below ``n`` without any value."""
        return [i for i in range(n) if not self.rows[i]]


class DateColumn(Column):
    """The bounds of each row's span in four lists; a row without one has bounds that no comparison meets."""

    __slots__ = ("first", "high", "last", "low", "more")

    def __init__(self) -> None:
        super().__init__()
        self.low = array("d")
        self.high = array("d")
        self.first = array("d")
        self.last = array("d")
        self.more: dict[int, list[Span]] = {}

    def add(self, row: int, values: list[Any]) -> None:
        """Take in `Span` objects; all of a row that has several stand in `more`."""
        low, high, first, last = values[0] if len(values) == 1 else _NOTHING
        self.low.append(low)
        self.high.append(high)
        self.first.append(first)
        self.last.append(last)
        if len(values) > 1:
            self.more[row] = values

    def missing(self, n: int) -> list[int]:
        """Return the rows below ``n`` without any value."""
        return [i for i in range(n) if self.low[i] != self.low[i] and i not in self.more]

    def spans(self, row: int) -> list[tuple[float, float]]:
        """Return the spans of a row in milliseconds."""
        if row in self.more:
            return [(s.low, s.high) for s in self.more[row]]
        return [(self.low[row], self.high[row])] if self.low[row] == self.low[row] else []


class ValueColumn(Column):
    """Each row's index values as they are: quantities, numbers, composites."""

    __slots__ = ("rows",)

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[Any, ...]] = []

    def add(self, row: int, values: list[Any]) -> None:
        """Take in index values of any kind."""
        self.rows.append(self._alike.setdefault(key := tuple(values), key))

    def missing(self, n: int) -> list[int]:
        """Return the rows below ``n`` without any value."""
        return [i for i in range(n) if not self.rows[i]]


_COLUMNS: dict[str, type[Column]] = {
    "token": TokenColumn,
    "string": StringColumn,
    "date": DateColumn,
    "text": StringColumn,
}
_PAIRED = ("reference", "uri")


class Rows:
    """Resources of one type.

    Attributes:
        type: Their type.
        pids: Their internal numbers, ascending in the store.
        templates: Their templates.
        stored: Whether they are a store's, and so the same for every session.
    """

    __slots__ = ("_columns", "_texts", "pids", "stored", "templates", "type")

    def __init__(self, type_: str, pids: array[int], templates: list[Template], texts: list[str]) -> None:
        self.type, self.pids, self.templates = type_, pids, templates
        self.stored = False
        self._texts: list[str] | None = texts
        self._columns: dict[tuple[str, str], Column] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the resources alone: columns are filled again when a search asks for them."""
        return Rows, (self.type, self.pids, self.templates, list(self.texts()))

    @classmethod
    def empty(cls, type_: str) -> Rows:
        """Return no rows yet."""
        return cls(type_, array("q"), [], [])

    def text(self, at: int) -> str:
        """Return one resource's values, joined by newlines."""
        return self.texts()[at]

    def texts_at(self, places: Sequence[int]) -> list[str]:
        """Return some resources' values, each joined by newlines."""
        texts = self.texts()
        return [texts[at] for at in places]

    def texts(self) -> list[str]:
        """Return all resources' values, each joined by newlines."""
        assert self._texts is not None
        return self._texts

    def __len__(self) -> int:
        return len(self.pids)

    def column(self, parameter: SearchParameter, kind: str = "") -> Any:
        """Return the column of a parameter, filled for every row.

        Args:
            parameter: A parameter of this type.
            kind: ``"text"`` for what ``:text`` searches; otherwise the parameter's own kind.

        Returns:
            A `TokenColumn` for tokens, references and uris, a `StringColumn`, a `DateColumn`, else a `ValueColumn`.
        """
        kind = kind or parameter.type
        key = (parameter.code, kind)
        column = self._columns.get(key)
        if column is not None and column.filled == len(self.pids):
            return column
        if column is None:
            column = (TokenColumn if kind in _PAIRED else _COLUMNS.get(kind, ValueColumn))()
            self._fill(column, parameter, kind)
            self._columns[key] = column  # only when it is whole: another thread may be reading
            return column
        with _GROWING:  # forked sessions share what they have both written
            if column.filled < len(self.pids):
                self._fill(column, parameter, kind)
        return column

    def _fill(self, column: Column, parameter: SearchParameter, kind: str) -> None:
        how: Callable[[Template, SearchParameter], Callable[[list[str]], list[Any]]]
        how = displays if kind == "text" else extract
        texts = self.texts()
        last: Template | None = None
        read: Callable[[list[str]], list[Any]] = list
        for row in range(column.filled, len(self.pids)):
            template = self.templates[row]
            if template is not last:
                last, read = template, how(template, parameter)
            values = read(texts[row].split("\n"))
            column.add(row, [("", v) for v in values] if kind in _PAIRED else values)
        column.filled = len(self.pids)

    def append(self, pid: int, template: Template, values: str) -> None:
        """Add a resource."""
        self.pids.append(pid)
        self.templates.append(template)
        self.texts().append(values)

    def copy(self) -> Rows:
        """Return rows of their own, without columns."""
        return Rows(self.type, array("q", self.pids), list(self.templates), list(self.texts()))
