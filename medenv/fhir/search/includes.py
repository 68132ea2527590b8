"""What ``_include`` and ``_revinclude`` add to a page.

Included resources follow the matches, each once.
"""

from __future__ import annotations

from collections.abc import Sequence

from medenv.fhir import definitions
from medenv.fhir.chart import Chart
from medenv.fhir.definitions import SearchParameter
from medenv.fhir.hashing import set_order
from medenv.fhir.index.extract import extract
from medenv.fhir.search.conditions import ReferenceCondition
from medenv.fhir.search.execute import execute
from medenv.fhir.search.parameters import known_parameters
from medenv.fhir.search.query import Include, Search
from medenv.fhir.template import Record

__all__ = ["included"]

_ROUNDS = 10
"""How often ``:iterate`` goes on; a chain of references in a chart is shorter."""


def included(chart: Chart, matches: list[Record], includes: Sequence[Include]) -> list[Record]:
    """Return the resources that a page's matches bring with them, those of ``_revinclude`` first, each in HAPI's order.

    Args:
        chart: Where to find them.
        matches: The page's matches.
        includes: What the search asks for.
    """
    seen = {(m.type, m.id) for m in matches}
    found: list[Record] = []
    for reverse in (True, False):  # `_include` follows what `_revinclude` found, too
        wanted = [include for include in includes if include.reverse == reverse]
        found += set_order(_rounds(chart, [*matches, *found], wanted, seen), lambda record: record.pid)
    return found


def _rounds(chart: Chart, level: list[Record], includes: Sequence[Include], seen: set[tuple[str, str]]) -> list[Record]:
    """Return what some resources bring with them, and what that brings with it where a search iterates."""
    found: list[Record] = []
    for turn in range(_ROUNDS):
        fresh: list[Record] = []
        for include in includes:
            if turn == 0 or include.iterate:
                for record in _follow(chart, level, include):
                    if (record.type, record.id) not in seen:
                        seen.add((record.type, record.id))
                        fresh.append(record)
        if not fresh:
            break
        found += fresh
        level = fresh
    return found


def _references(include: Include, kind: str) -> list[SearchParameter]:
    parameters = known_parameters(kind)
    if include.name == "*":
        return [p for p in parameters.values() if p.type == "reference"]
    return [parameters[include.name]] if include.name in parameters else []


def _follow(chart: Chart, level: list[Record], include: Include) -> list[Record]:
    if include.reverse:
        return _referring(chart, level, include)
    found = []
    for record in level:
        if record.template is None or include.type not in ("*", record.type):
            continue
        for parameter in _references(include, record.type):
            for reference in extract(record.template, parameter)(record.values):
                kind, _, id_ = reference.rpartition("/")
                if definitions.is_resource(kind) and include.target in ("", kind):
                    there = chart.lookup(kind, id_)
                    if there is not None and not there.deleted:
                        found.append(there)
    return found


def _referring(chart: Chart, level: list[Record], include: Include) -> list[Record]:
    targets = [f"{r.type}/{r.id}" for r in level]
    kinds = [include.type] if include.type != "*" else [t for t in definitions.types() if chart.has_type(t)]
    pids: dict[int, None] = {}
    for kind in kinds:
        for parameter in _references(include, kind):
            search = Search.of(kind, ReferenceCondition(parameter, targets))
            pids.update(dict.fromkeys(hit[0] for hit in execute(chart, search).all()))
    records = chart.records(list(pids))
    return [records[pid] for pid in pids]
