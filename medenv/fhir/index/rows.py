"""Some resources of one type as rows, with columns of index values that are filled when a search first asks for them.

The same rows serve the store (a patient's resources, or a stretch of a type) and a session's own changes, which grow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from medenv.fhir.definitions import SearchParameter
from medenv.fhir.index.dates import Span
from medenv.fhir.index.extract import extract, normalize, texts
from medenv.fhir.shape import Shape

__all__ = ["Column", "DateColumn", "Rows", "StringColumn", "TokenColumn", "ValueColumn"]

_NOTHING = (float("nan"),) * 4  # no comparison holds for it


class Column:
    """Index values of one parameter, filled up to some row."""

    __slots__ = ("filled",)

    def __init__(self) -> None:
        self.filled = 0

    def add(self, row: int, values: list[Any]) -> None:
        """Take in the index values of the next row."""
        raise NotImplementedError

    def missing(self, n: int) -> list[int]:
        """The rows below ``n`` without any value."""
        raise NotImplementedError


class TokenColumn(Column):
    """Rows by code, by system and by both; of references and uris by their text alone."""

    __slots__ = ("by_code", "by_pair", "by_system", "rows")

    def __init__(self) -> None:
        super().__init__()
        self.by_code: dict[str, list[int]] = {}
        self.by_pair: dict[tuple[str, str], list[int]] = {}
        self.by_system: dict[str, list[int]] = {}
        self.rows: list[tuple[tuple[str, str], ...]] = []

    def add(self, row: int, values: list[Any]) -> None:
        """Take in ``(system, code)`` pairs."""
        self.rows.append(tuple(values))
        if len(values) == 1:
            system, code = pair = values[0]
            self.by_code.setdefault(code, []).append(row)
            self.by_pair.setdefault(pair, []).append(row)
            self.by_system.setdefault(system, []).append(row)
            return
        for code in dict.fromkeys(c for _, c in values):
            self.by_code.setdefault(code, []).append(row)
        for pair in values:
            self.by_pair.setdefault(pair, []).append(row)
        for system in dict.fromkeys(s for s, _ in values):
            self.by_system.setdefault(system, []).append(row)

    def missing(self, n: int) -> list[int]:
        """The rows below ``n`` without any value."""
        return [i for i in range(n) if not self.rows[i]]


class StringColumn(Column):
    """Rows by text, each with its normalised form."""

    __slots__ = ("by_text", "rows")

    def __init__(self) -> None:
        super().__init__()
        self.by_text: dict[tuple[str, str], list[int]] = {}
        self.rows: list[tuple[tuple[str, str], ...]] = []

    def add(self, row: int, values: list[Any]) -> None:
        """Take in strings."""
        pairs = tuple((normalize(v), v) for v in values)
        self.rows.append(pairs)
        for pair in pairs:
            self.by_text.setdefault(pair, []).append(row)

    def missing(self, n: int) -> list[int]:
        """The rows below ``n`` without any value."""
        return [i for i in range(n) if not self.rows[i]]


class DateColumn(Column):
    """The bounds of each row's span in four lists; a row without one has bounds that no comparison meets."""

    __slots__ = ("first", "high", "last", "low", "more")

    def __init__(self) -> None:
        super().__init__()
        self.low: list[float] = []
        self.high: list[float] = []
        self.first: list[float] = []
        self.last: list[float] = []
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
        """The rows below ``n`` without any value."""
        return [i for i in range(n) if self.low[i] != self.low[i] and i not in self.more]

    def spans(self, row: int) -> list[tuple[float, float]]:
        """The spans of a row in milliseconds."""
        if row in self.more:
            return [(s.low, s.high) for s in self.more[row]]
        return [(self.low[row], self.high[row])] if self.low[row] == self.low[row] else []


class ValueColumn(Column):
    """Each row's index values as they are: quantities, numbers, composites."""

    __slots__ = ("rows",)

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[Any]] = []

    def add(self, row: int, values: list[Any]) -> None:
        """Take in index values of any kind."""
        self.rows.append(values)

    def missing(self, n: int) -> list[int]:
        """The rows below ``n`` without any value."""
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
        shapes: Their shapes.
        texts: Their values, each resource's joined by newlines.
        stored: Whether they are a store's, and so the same for every session.
    """

    __slots__ = ("_columns", "pids", "shapes", "stored", "texts", "type")

    def __init__(
        self, type_: str, pids: list[int], shapes: list[Shape], texts_: list[str], stored: bool = False
    ) -> None:
        self.stored = stored
        self.type, self.pids, self.shapes, self.texts = type_, pids, shapes, texts_
        self._columns: dict[tuple[str, str], Column] = {}

    def __len__(self) -> int:
        return len(self.pids)

    def column(self, parameter: SearchParameter, kind: str = "") -> Any:
        """The column of a parameter, filled for every row.

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

    def _fill(self, column: Column, parameter: SearchParameter, kind: str) -> None:
        how: Callable[[Shape, SearchParameter], Callable[[list[str]], list[Any]]] = texts if kind == "text" else extract
        last: Shape | None = None
        read: Callable[[list[str]], list[Any]] = list
        for row in range(column.filled, len(self.pids)):
            shape = self.shapes[row]
            if shape is not last:
                last, read = shape, how(shape, parameter)
            values = read(self.texts[row].split("\n"))
            column.add(row, [("", v) for v in values] if kind in _PAIRED else values)
        column.filled = len(self.pids)

    def append(self, pid: int, shape: Shape, values: str) -> None:
        """Add a resource."""
        self.pids.append(pid)
        self.shapes.append(shape)
        self.texts.append(values)

    def copy(self) -> Rows:
        """Rows of their own, without columns."""
        return Rows(self.type, list(self.pids), list(self.shapes), list(self.texts))
