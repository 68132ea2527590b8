"""Resolving a parsed search on a chart: which resources its references, chains and ``_has`` mean there."""

from __future__ import annotations

from medenv.fhir.chart import Chart
from medenv.fhir.index.extract import extract
from medenv.fhir.search.conditions import Condition, IdCondition, ReferenceCondition
from medenv.fhir.search.execute import execute
from medenv.fhir.search.query import Chain, Criterion, Ids, Query, References, ReverseChain, Search
from medenv.fhir.template import Record

__all__ = ["find_all", "resolve"]


def resolve(chart: Chart, query: Query) -> Search:
    """Resolve a search.

    Args:
        chart: Where references lead.
        query: The search.

    Returns:
        The search with conditions that hold as long as the chart isn't changed.
    """
    return Search(query, [_condition(chart, one) if isinstance(one, Criterion) else one for one in query.criteria])


def find_all(chart: Chart, query: Query) -> list[Record]:
    """Return all resources that a search finds, in order."""
    pids = [pid for pid, _, _ in execute(chart, resolve(chart, query)).all()]
    found = chart.records(pids)
    return [found[pid] for pid in pids]


def _condition(chart: Chart, criterion: Criterion) -> Condition:
    if isinstance(criterion, References):
        return _referring(chart, criterion)
    if isinstance(criterion, Ids):
        return IdCondition(criterion.parameter, _numbers(chart, criterion.type, criterion.ids))
    if isinstance(criterion, Chain):
        found = [f"{record.type}/{record.id}" for query in criterion.queries for record in find_all(chart, query)]
        return ReferenceCondition(criterion.parameter, found)
    assert isinstance(criterion, ReverseChain)
    return IdCondition(criterion.parameter, _referred(chart, criterion))


def _referring(chart: Chart, criterion: References) -> ReferenceCondition:
    """Return the condition to refer to some resources; on the unchanged store it is worked out once."""
    cache = chart.store.cache.references if chart.unchanged else None
    found = cache.get(criterion) if cache is not None else None
    if found is None:
        found = ReferenceCondition(criterion.parameter, _targets(chart, criterion))
        if cache is not None:
            cache.put(criterion, found)
    return found


def _targets(chart: Chart, criterion: References) -> list[str]:
    """Return the references, as they are stored, that the values of a reference parameter name.

    A number is an internal one whatever type stands before it; a bare id may be of any type that the parameter leads to.
    """
    found: list[str] = []
    for value in criterion.values:
        if value.whole:
            found.append(value.id)
            continue
        record = chart.by_number(value.id) if value.id[:1] != "0" else None
        if record is not None:
            found.append(f"{record.type}/{record.id}")
        elif value.type:
            found.append(f"{value.type}/{value.id}")
        else:  # a bare id is a Patient's, or that of a resource that is there: nothing else can be referred to
            targets = criterion.parameter.targets
            found += [f"{k}/{value.id}" for k in targets if k == "Patient" or chart.lookup(k, value.id) is not None]
    return found


def _numbers(chart: Chart, type_: str, ids: tuple[str, ...]) -> list[int]:
    """Return the internal numbers of the resources that ``_id`` names, by id or internal number."""
    found = []
    for id_ in ids:
        record = chart.lookup(type_, id_)
        if record is None and id_[:1] != "0":
            record = chart.by_number(id_)
        if record is not None and record.type == type_ and not record.deleted:
            found.append(record.pid)
    return found


def _referred(chart: Chart, criterion: ReverseChain) -> list[int]:
    """Return the internal numbers of the resources that those found by ``_has`` refer to."""
    found: dict[int, None] = {}
    for record in find_all(chart, criterion.query):
        if record.template is None:
            continue
        for reference in extract(record.template, criterion.link)(record.values):
            target, _, id_ = reference.partition("/")
            if target == criterion.type:
                there = chart.lookup(target, id_)
                if there is not None and not there.deleted:
                    found[there.pid] = None
    return list(found)
