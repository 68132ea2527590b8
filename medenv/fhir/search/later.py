"""Hits that are kept for the later pages of an answer: light, and as they were found."""

from __future__ import annotations

from typing import Any

from medenv.fhir.chart import Chart
from medenv.fhir.request import Params
from medenv.fhir.search.execute import execute
from medenv.fhir.search.hits import Hit, Hits, ListedHits, RecentHits, RowHits
from medenv.fhir.search.parse import parse
from medenv.fhir.search.query import Search
from medenv.fhir.search.resolve import resolve

__all__ = ["keep"]


def keep(hits: Hits, chart: Chart, search: Search) -> Hits:
    """Return hits in a form that may be kept for later pages; a long walk is not made twice."""
    long_walk = hits.whole and not chart.store.is_small(search.type) and not isinstance(hits, RowHits)
    if long_walk or isinstance(hits, RecentHits):
        return ListedHits([hit[0] for hit in hits.all()])
    return RepeatedHits(chart, search)


class RepeatedHits(Hits):
    """Hits that are found again when they are asked for, in the chart as it was: a page link holds nothing but the search."""

    def __init__(self, chart: Chart, search: Search) -> None:
        self._chart, self._search = chart.snapshot(), search

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the search as it was asked: its conditions hold functions, and are read again."""
        return _repeat, (self._chart, self._search.type, self._search.query.params)

    def first(self, n: int) -> list[Hit]:
        """Return the first so many hits, or all if there are fewer."""
        return execute(self._chart, self._search).first(n)

    def all(self) -> list[Hit]:
        """Return all hits."""
        return execute(self._chart, self._search).all()

    def pids(self, start: int, stop: int) -> list[int]:
        """Return the internal numbers of some of them, by place."""
        return execute(self._chart, self._search).pids(start, stop)

    def count(self) -> int:
        """Return how many there are."""
        return execute(self._chart, self._search).count()

    @property
    def whole(self) -> bool:
        """Whether counting them takes no further search."""
        return execute(self._chart, self._search).whole


def _repeat(chart: Chart, type_: str, params: Params) -> RepeatedHits:
    return RepeatedHits(chart, resolve(chart, parse(type_, params, chart.base)))
