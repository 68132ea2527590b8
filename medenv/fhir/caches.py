"""Caches of answers: shared ones of the unchanged store, and those that HAPI gives again for a minute.

Both are bounded.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any

from medenv.fhir.backend import Response
from medenv.fhir.chart import Chart
from medenv.fhir.search.bundle import Page
from medenv.fhir.search.execute import execute
from medenv.fhir.search.hits import Hits, hits_of
from medenv.fhir.search.query import Search

__all__ = ["REUSED_MS", "AnswerCache", "RecentSearches"]

REUSED_MS = 60_000
"""How long HAPI answers an identical search from memory, in milliseconds."""

_KEPT = 256
"""Searches that are kept to be answered again; the oldest is forgotten."""


class AnswerCache:
    """Answers to searches of the unchanged store, shared by its sessions; bounded, and safe to use from many threads.

    An answer is kept when its request comes for the second time: most searches are asked once, and to keep those would cost
    more, in memory that is new to the process, than to work out the others twice.
    """

    def __init__(self, size: int = 4096) -> None:
        self._size = size
        self._seen: set[int] = set()
        self._held: dict[str, Response | tuple[Response, str, Page]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle as an empty cache: every answer in it can be worked out again."""
        return AnswerCache, (self._size,)

    def get(self, key: str) -> Response | tuple[Response, str, Page] | None:
        """Return the answer to a request; with its bundle's id and its later pages if it has any."""
        return self._held.get(key)

    def put(self, key: str, answer: Response | tuple[Response, str, Page]) -> None:
        """Keep an answer whose request came before; when the cache is full the older half goes."""
        mark = hash(key)
        if mark not in self._seen:
            if len(self._seen) >= 8 * self._size:
                self._seen = set()
            self._seen.add(mark)
            return
        if len(self._held) >= self._size:
            keys = list(self._held)
            self._held = {k: self._held[k] for k in keys[len(keys) // 2 :] if k in self._held}
        self._held[key] = answer


@dataclass(frozen=True)
class _Recent:
    """A search that HAPI would answer again from memory: its bundle's id, what it found, and when."""

    id: str
    pids: array[int]
    when: int


class RecentSearches:
    """The searches of a session that are answered from memory for a minute."""

    def __init__(self, held: dict[tuple[str, ...], _Recent] | None = None) -> None:
        self._held = held or {}

    def copy(self) -> RecentSearches:
        """Return a copy of its own."""
        return RecentSearches(dict(self._held))

    def answer(self, chart: Chart, search: Search, id_: str, now: int, fresh: bool) -> tuple[str, Hits]:
        """Return the bundle's id and the hits of a search, old ones if it was asked within the last minute.

        Args:
            chart: Where to search.
            search: The search.
            id_: The id of a new answer.
            now: The server's time in milliseconds.
            fresh: Whether an old answer won't do.
        """
        key = (search.type, *sorted(f"{n}={v}" for n, v in search.query.params if n not in ("_format", "_pretty")))
        held = self._held.get(key)
        if held is not None and not fresh and now - held.when <= REUSED_MS:
            return held.id, hits_of(chart, search.type, held.pids.tolist())
        hits = execute(chart, search)
        self._held.pop(key, None)
        self._held[key] = _Recent(id_, array("q", [hit[0] for hit in hits.all()]), now)
        if len(self._held) > _KEPT:
            del self._held[next(iter(self._held))]
        return id_, hits
