"""The order of a search's answer: by ``_sort``, or without it the order in which HAPI's database happens to find the rows.
"""

from __future__ import annotations

from typing import Any

from medenv.fhir.index.rows import DateColumn, Rows, StringColumn, TokenColumn, ValueColumn
from medenv.fhir.search.conditions import DateCondition, QuantityCondition, StringCondition, TextCondition, TokenCondition
from medenv.fhir.search.query import Search, SortKey

__all__ = ["Hit", "arrange", "natural_key", "sort_hits"]

Hit = tuple[int, Rows, int]
"""An internal number, and where its resource stands: rows and a position."""


def _sort_values(key: SortKey, rows: Rows, at: int) -> list[Any]:
    """The values of a sort key that a resource has."""
    parameter = key.parameter
    if parameter.code == "_id":
        shape = rows.shapes[at]
        return [rows.texts[at].split("\n")[shape.id_hole]]
    column = rows.column(parameter)
    if isinstance(column, DateColumn):
        return [low for low, _ in column.spans(at)]
    if isinstance(column, StringColumn):
        return [pair[0] for pair in column.rows[at]]
    if isinstance(column, TokenColumn):
        return list(column.rows[at])
    if isinstance(column, ValueColumn) and parameter.type == "quantity":
        return [value[0] for value in column.rows[at]]
    return list(column.rows[at]) if parameter.type == "number" else []


def sort_hits(hits: list[Hit], keys: list[SortKey]) -> list[Hit]:
    """Hits in the order of the keys; what has no value comes last either way, ties are by internal number.

    Of several values the least counts ascending, the greatest descending.
    """
    hits = sorted(hits, key=lambda hit: hit[0])
    for key in reversed(keys):
        pick = max if key.descending else min
        valued, without = [], []
        for hit in hits:
            values = _sort_values(key, hit[1], hit[2])
            if values:
                valued.append((pick(values), hit))
            else:
                without.append(hit)
        valued.sort(key=lambda pair: pair[0], reverse=key.descending)
        hits = [hit for _, hit in valued] + without
    return hits


def natural_key(search: Search) -> Any:
    """How HAPI's database orders a search without ``_sort``: a function of a hit, or None for internal numbers.

    An exact token, or the patient alone, leaves ascending numbers; otherwise the index that is scanned shows through.
    """
    conditions = search.conditions
    if any(isinstance(c, TokenCondition) and c.exact for c in conditions):
        return None
    dates = [c for c in conditions if isinstance(c, DateCondition)]
    if dates and all(d.prefix != "ne" for c in dates for d in c.dates):
        condition = dates[0]
        parameter = condition.parameter
        if condition.by_day:
            return lambda hit: hit[1].column(parameter).first[hit[2]]
        return lambda hit: hit[1].column(parameter).low[hit[2]]
    if len(conditions) != 1 or search.offset is not None:
        return None
    only = conditions[0]
    if isinstance(only, StringCondition) and not isinstance(only, TextCondition):
        return lambda hit: min((pair[0] for pair in hit[1].column(only.parameter).rows[hit[2]]), default="")
    if isinstance(only, QuantityCondition) and all(q.prefix in ("gt", "ge", "lt", "le") for q in only.quantities):
        return lambda hit: min((value[0] for value in hit[1].column(only.parameter).rows[hit[2]]), default=0.0)
    return None


def arrange(hits: list[Hit], search: Search) -> list[Hit]:
    """Hits in the order of the answer."""
    if search.sort:
        return sort_hits(hits, search.sort)
    hits = sorted(hits, key=lambda hit: hit[0])
    key = natural_key(search)
    return hits if key is None else sorted(hits, key=key)
