"""Executing a resolved search: in the store, where a patient or an id narrows it if it can, and in the session's changes.

A page needs few rows, so a walk along a whole type stops when it has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from medenv.fhir.chart import Chart
from medenv.fhir.index.rows import Rows
from medenv.fhir.search.conditions import Condition, IdCondition, ReferenceCondition
from medenv.fhir.search.hits import Hit, Hits, RowHits
from medenv.fhir.search.order import arrange, natural_key
from medenv.fhir.search.query import Search

__all__ = ["execute"]


def execute(chart: Chart, search: Search) -> Hits:
    """Execute a search.

    Args:
        chart: Where to look.
        search: The search.

    Returns:
        The hits in the order of the answer.
    """
    masked = chart.masked
    own = _own_hits(chart, search) if not chart.unchanged else []
    sources, conditions = _stored_sources(chart, search)
    if sources is not None:
        if len(sources) == 1 and not own and not masked:
            rows = sources[0]
            if search.query.sort:
                return _sorted(chart, rows, _matching(rows, conditions), search)
            here = RowHits(rows, _matching(rows, conditions))
            key = natural_key(search)
            return here if key is None else Hits(sorted(here.all(), key=key))
        found: dict[int, Hit] = {}
        for rows in sources:
            for i in _matching(rows, conditions):
                pid = rows.pids[i]
                if pid not in masked:
                    found[pid] = (pid, rows, i)
        return Hits(arrange([*found.values(), *own], search, chart.number_of))
    stored = _walk(chart, search.type, conditions, frozenset(masked))
    if search.query.sort or natural_key(search) is not None:
        return Hits(arrange([*stored, *own], search, chart.number_of))
    if conditions:
        stored = _merge(stored, sorted(own, key=lambda hit: hit[0]))
    else:  # HAPI walks a whole type in the order of the last updates
        stored = chain(stored, own)
    hits = Hits([], stored)
    if chart.store.is_small(search.type):
        hits.all()
    return hits


def _sorted(chart: Chart, rows: Rows, positions: Sequence[int], search: Search) -> Hits:
    """Return positions of rows in the order of a search's sort keys; one date, the usual key, is sorted without making hits."""
    key = search.query.sort[0]
    column = rows.column(key.parameter) if len(search.query.sort) == 1 and key.parameter.type == "date" else None
    if column is None or column.more:
        return Hits(arrange([(rows.pids[i], rows, i) for i in positions], search, chart.number_of))
    low = column.low
    valued = [i for i in positions if low[i] == low[i]]
    valued.sort(key=low.__getitem__, reverse=key.descending)
    return RowHits(rows, valued + [i for i in positions if low[i] != low[i]])


def _matching(rows: Rows, conditions: Sequence[Condition]) -> Sequence[int]:
    """Return the positions of rows that meet all conditions, ascending."""
    positions: Sequence[int] | None = None
    for condition in conditions:
        positions = condition.select(rows, positions)
        if not positions:
            return ()
    return range(len(rows)) if positions is None else positions


def _stored_sources(chart: Chart, search: Search) -> tuple[list[Rows] | None, Sequence[Condition]]:
    """Return the parts of the store to look through, None for the whole type, and the conditions that are left to check."""
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


def _own_hits(chart: Chart, search: Search) -> list[Hit]:
    rows = chart.own_rows(search.type)
    if rows is None:
        return []
    return [(rows.pids[i], rows, i) for i in _matching(rows, search.conditions) if chart.is_current(rows, i)]


def _walk(chart: Chart, type_: str, conditions: Sequence[Condition], masked: frozenset[int]) -> Iterator[Hit]:
    for rows in chart.store.stretches(type_):
        for i in _matching(rows, conditions):
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
