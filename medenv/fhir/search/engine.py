"""Finding what a search asks for: in the store, where a patient or an id narrows it if it can, and in the session's changes.

A page needs few rows, so a walk along a whole type stops when it has them.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from medenv.fhir.index.rows import Rows
from medenv.fhir.search.conditions import Condition, IdCondition, ReferenceCondition
from medenv.fhir.search.order import Hit, arrange, natural_key
from medenv.fhir.search.query import Search, read_search
from medenv.fhir.shape import Record

if TYPE_CHECKING:
    from medenv.fhir.chart import Chart

__all__ = ["Hits", "ListedHits", "find", "hits_of", "inner_search", "kept"]


class Hits:
    """What a search found, in order, and found further only as far as it is asked for.

    It stays as it was found, whatever is written later, and may be asked from several threads.
    """

    def __init__(self, ready: list[Hit], more: Iterator[Hit] | None = None) -> None:
        self._ready, self._more = ready, more
        self._lock = threading.Lock()

    def first(self, n: int) -> list[Hit]:
        """The first so many hits, or all if there are fewer."""
        if self._more is not None and len(self._ready) < n:
            with self._lock:
                self._ready += islice(self._more, n - len(self._ready))
        return self._ready[:n]

    def reach(self, n: int) -> int:
        """How many of the first so many hits there are."""
        return len(self.first(n))

    def places(self, start: int, stop: int) -> list[tuple[Rows, Sequence[int]]]:
        """Where some of the hits stand, by place: rows and the positions in them, in order."""
        found: list[tuple[Rows, list[int]]] = []
        for _, rows, at in self.first(stop)[start:]:
            if not found or found[-1][0] is not rows:
                found.append((rows, []))
            found[-1][1].append(at)
        return [(rows, positions) for rows, positions in found]

    def all(self) -> list[Hit]:
        """All hits."""
        if self._more is not None:
            with self._lock:
                self._ready += self._more
                self._more = None
        return self._ready

    def count(self) -> int:
        """How many there are."""
        return len(self.all())

    def pids(self, start: int, stop: int) -> list[int]:
        """The internal numbers of some of them, by place."""
        return [hit[0] for hit in self.first(stop)[start:]]

    @property
    def whole(self) -> bool:
        """Whether counting them takes no further search."""
        return self._more is None


class RowHits(Hits):
    """Hits that are positions of rows: nothing is made of them before it is shown."""

    def __init__(self, rows: Rows, positions: Sequence[int]) -> None:
        self._rows, self._positions, self._more = rows, positions, None

    def first(self, n: int) -> list[Hit]:
        """The first so many hits, or all if there are fewer."""
        rows = self._rows
        return [(rows.pids[i], rows, i) for i in self._positions[: max(n, 0)]]

    def reach(self, n: int) -> int:
        """How many of the first so many hits there are."""
        return min(len(self._positions), max(n, 0))

    def places(self, start: int, stop: int) -> list[tuple[Rows, Sequence[int]]]:
        """Where some of the hits stand, by place: rows and the positions in them, in order."""
        return [(self._rows, self._positions[start:stop])]

    def all(self) -> list[Hit]:
        """All hits."""
        return self.first(len(self._positions))

    def count(self) -> int:
        """How many there are."""
        return len(self._positions)

    def pids(self, start: int, stop: int) -> list[int]:
        """The internal numbers of some of them, by place."""
        return [self._rows.pids[i] for i in self._positions[start:stop]]


class AgainHits(Hits):
    """Hits that are found again when they are asked for, in the chart as it was: a page link holds nothing but the search."""

    def __init__(self, chart: Chart, search: Search) -> None:
        super().__init__([])
        self._chart, self._search = chart.kept(), search

    def first(self, n: int) -> list[Hit]:
        """The first so many hits, or all if there are fewer."""
        return find(self._chart, self._search).first(n)

    def all(self) -> list[Hit]:
        """All hits."""
        return find(self._chart, self._search).all()

    def pids(self, start: int, stop: int) -> list[int]:
        """The internal numbers of some of them, by place."""
        return find(self._chart, self._search).pids(start, stop)

    def count(self) -> int:
        """How many there are."""
        return find(self._chart, self._search).count()

    @property
    def whole(self) -> bool:
        """Whether counting them takes no further search."""
        return find(self._chart, self._search).whole


def kept(hits: Hits, chart: Chart, search: Search) -> Hits:
    """Hits in a form that may be kept for later pages: light, and as they were found; a long walk is not made twice."""
    long_walk = hits.whole and not chart.store.is_small(search.type) and not isinstance(hits, RowHits)
    if long_walk or isinstance(hits, OldHits):
        return ListedHits([hit[0] for hit in hits.all()])
    return AgainHits(chart, search)


class OldHits(Hits):
    """What a search had found, whatever it would find now."""


class ListedHits(Hits):
    """Resources of any types, by their internal numbers alone."""

    def __init__(self, pids: list[int]) -> None:
        super().__init__([])
        self._pids = array("q", pids)

    def count(self) -> int:
        """How many there are."""
        return len(self._pids)

    def pids(self, start: int, stop: int) -> list[int]:
        """The internal numbers of some of them, by place."""
        return self._pids[start:stop].tolist()


def sorted_rows(chart: Chart, rows: Rows, positions: Sequence[int], search: Search) -> Hits:
    """Positions of rows in the order of a search's sort keys; one date, the usual key, is sorted without making hits."""
    key = search.sort[0]
    column = rows.column(key.parameter) if len(search.sort) == 1 and key.parameter.type == "date" else None
    if column is None or column.more:
        return Hits(arrange([(rows.pids[i], rows, i) for i in positions], search, chart.number_of))
    low = column.low
    valued = [i for i in positions if low[i] == low[i]]
    valued.sort(key=low.__getitem__, reverse=key.descending)
    return RowHits(rows, valued + [i for i in positions if low[i] != low[i]])


def matching(rows: Rows, conditions: list[Condition]) -> Sequence[int]:
    """The positions of rows that meet all conditions, ascending."""
    positions: Sequence[int] | None = None
    for condition in conditions:
        positions = condition.select(rows, positions)
        if not positions:
            return ()
    return range(len(rows)) if positions is None else positions


def _stored_sources(chart: Chart, search: Search) -> tuple[list[Rows] | None, list[Condition]]:
    """The parts of the store to look through, None for the whole type, and the conditions that are left to check."""
    conditions = search.conditions
    of_patients: ReferenceCondition | None = None
    for condition in conditions:
        if isinstance(condition, IdCondition):
            return [chart.store.rows_of(search.type, sorted(condition.pids))], conditions
        if of_patients is None and isinstance(condition, ReferenceCondition) and condition.patients is not None:
            of_patients = condition
    if of_patients is None or of_patients.patients is None:
        return None, conditions
    rest = [c for c in conditions if c is not of_patients]
    code, type_, store = of_patients.parameter.code, search.type, chart.store
    return [store.patients_rows(type_, code, patient) for patient in of_patients.patients], rest


def find(chart: Chart, search: Search) -> Hits:
    """Find what a search asks for.

    Args:
        chart: Where to look.
        search: The search.

    Returns:
        The hits in the order of the answer.
    """
    masked = chart.changes.masked
    own = _own_hits(chart, search) if chart.changes.rows else []
    sources, conditions = _stored_sources(chart, search)
    if sources is not None:
        if len(sources) == 1 and not own and not masked:
            rows = sources[0]
            if search.sort:
                return sorted_rows(chart, rows, matching(rows, conditions), search)
            here = RowHits(rows, matching(rows, conditions))
            key = natural_key(search)
            return here if key is None else Hits(sorted(here.all(), key=key))
        found: dict[int, Hit] = {}
        for rows in sources:
            for i in matching(rows, conditions):
                pid = rows.pids[i]
                if pid not in masked:
                    found[pid] = (pid, rows, i)
        return Hits(arrange([*found.values(), *own], search, chart.number_of))
    stored = _walk(chart, search.type, conditions, frozenset(masked))
    if search.sort or natural_key(search) is not None:
        return Hits(arrange([*stored, *own], search, chart.number_of))
    hits = Hits([], _merge(stored, sorted(own, key=lambda hit: hit[0])))
    if chart.store.is_small(search.type):
        hits.all()
    return hits


def _own_hits(chart: Chart, search: Search) -> list[Hit]:
    rows = chart.own_rows(search.type)
    if rows is None:
        return []
    return [(rows.pids[i], rows, i) for i in matching(rows, search.conditions) if chart.is_current(rows, i)]


def _walk(chart: Chart, type_: str, conditions: list[Condition], masked: frozenset[int]) -> Iterator[Hit]:
    for rows in chart.store.stretches(type_):
        for i in matching(rows, conditions):
            if rows.pids[i] not in masked:
                yield rows.pids[i], rows, i


def _merge(stored: Iterator[Hit], own: list[Hit]) -> Iterator[Hit]:
    at = 0
    for hit in stored:
        while at < len(own) and own[at][0] < hit[0]:
            yield own[at]
            at += 1
        yield hit
    yield from own[at:]


def hits_of(chart: Chart, type_: str, pids: list[int]) -> Hits:
    """The hits that certain resources are, in that order; those that are no more are left out."""
    found = chart.records(pids)
    rows = Rows.empty(type_)
    for pid in pids:
        record = found.get(pid)
        if record is not None and record.shape is not None:
            rows.append(pid, record.shape, "\n".join(record.values))
    return OldHits([(pid, rows, at) for at, pid in enumerate(rows.pids)])


def inner_search(chart: Chart, type_: str, params: list[tuple[str, str]]) -> list[Record]:
    """The resources that a search within a search finds, for chains and ``_has``.

    Raises:
        FhirError: What the search refuses.
    """
    pids = [pid for pid, _, _ in find(chart, read_search(chart, type_, params)).all()]
    found = chart.records(pids)
    return [found[pid] for pid in pids]
