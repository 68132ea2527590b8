"""What a search found: hits in order, found further only as far as they are asked for."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from medenv.fhir.chart import Chart
from medenv.fhir.index.rows import Rows

__all__ = ["Hit", "Hits", "ListedHits", "RecentHits", "RowHits", "hits_of"]

Hit = tuple[int, Rows, int]
"""An internal number, and where its resource stands: rows and a position."""


class Hits:
    """What a search found, in order, and found further only as far as it is asked for.

    It stays as it was found, whatever is written later, and may be asked from several threads.
    """

    def __init__(self, ready: list[Hit], more: Iterator[Hit] | None = None) -> None:
        self._ready, self._more = ready, more
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle what was found, all of it: neither a walk under way nor its lock can go along."""
        return type(self), (self.all(),)

    def first(self, n: int) -> list[Hit]:
        """Return the first so many hits, or all if there are fewer."""
        if self._more is not None and len(self._ready) < n:
            with self._lock:
                self._ready += islice(self._more, n - len(self._ready))
        return self._ready[:n]

    def reach(self, n: int) -> int:
        """Return how many of the first so many hits there are."""
        return len(self.first(n))

    def places(self, start: int, stop: int) -> list[tuple[Rows, Sequence[int]]]:
        """Return where some of the hits stand, by place: rows and the positions in them, in order."""
        found: list[tuple[Rows, list[int]]] = []
        for _, rows, at in self.first(stop)[start:]:
            if not found or found[-1][0] is not rows:
                found.append((rows, []))
            found[-1][1].append(at)
        return [(rows, positions) for rows, positions in found]

    def all(self) -> list[Hit]:
        """Return all hits."""
        if self._more is not None:
            with self._lock:
                self._ready += self._more
                self._more = None
        return self._ready

    def count(self) -> int:
        """Return how many there are."""
        return len(self.all())

    def pids(self, start: int, stop: int) -> list[int]:
        """Return the internal numbers of some of them, by place."""
        return [hit[0] for hit in self.first(stop)[start:]]

    @property
    def whole(self) -> bool:
        """Whether counting them takes no further search."""
        return self._more is None


class RowHits(Hits):
    """Hits that are positions of rows: nothing is made of them before it is shown."""

    def __init__(self, rows: Rows, positions: Sequence[int]) -> None:
        self._rows, self._positions, self._more = rows, positions, None

    def __reduce__(self) -> tuple[Any, ...]:
        return RowHits, (self._rows, self._positions)

    def first(self, n: int) -> list[Hit]:
        """Return the first so many hits, or all if there are fewer."""
        rows = self._rows
        return [(rows.pids[i], rows, i) for i in self._positions[: max(n, 0)]]

    def reach(self, n: int) -> int:
        """Return how many of the first so many hits there are."""
        return min(len(self._positions), max(n, 0))

    def places(self, start: int, stop: int) -> list[tuple[Rows, Sequence[int]]]:
        """Return where some of the hits stand, by place: rows and the positions in them, in order."""
        return [(self._rows, self._positions[start:stop])]

    def all(self) -> list[Hit]:
        """Return all hits."""
        return self.first(len(self._positions))

    def count(self) -> int:
        """Return how many there are."""
        return len(self._positions)

    def pids(self, start: int, stop: int) -> list[int]:
        """Return the internal numbers of some of them, by place."""
        return [self._rows.pids[i] for i in self._positions[start:stop]]


class RecentHits(Hits):
    """What a search had found, whatever it would find now."""


class ListedHits(Hits):
    """Resources of any types, by their internal numbers alone."""

    def __init__(self, pids: list[int]) -> None:
        super().__init__([])
        self._pids = array("q", pids)

    def __reduce__(self) -> tuple[Any, ...]:
        return ListedHits, (self._pids.tolist(),)

    def count(self) -> int:
        """Return how many there are."""
        return len(self._pids)

    def pids(self, start: int, stop: int) -> list[int]:
        """Return the internal numbers of some of them, by place."""
        return self._pids[start:stop].tolist()


def hits_of(chart: Chart, type_: str, pids: list[int]) -> Hits:
    """Return the hits that certain resources are, in that order; those that are no more are left out."""
    found = chart.records(pids)
    rows = Rows.empty(type_)
    for pid in pids:
        record = found.get(pid)
        if record is not None and record.template is not None:
            rows.append(pid, record.template, "\n".join(record.values))
    return RecentHits([(pid, rows, at) for at, pid in enumerate(rows.pids)])
