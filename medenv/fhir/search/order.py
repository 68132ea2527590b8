"""The order of a search's answer: by ``_sort``, or without it the order in which HAPI's database happens to find the rows.

What the database does was read off a running HAPI: it shows which index it walks along.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

from medenv.fhir.index.rows import DateColumn, Rows, StringColumn, TokenColumn, ValueColumn
from medenv.fhir.search.conditions import (
    Condition,
    ReferenceCondition,
    StringCondition,
    TextCondition,
    TokenCondition,
)
from medenv.fhir.search.hits import Hit
from medenv.fhir.search.query import Search, SortKey
from medenv.fhir.search.ranges import DateCondition, QuantityCondition

__all__ = ["arrange", "natural_key", "rows_read", "sort_hits"]

Numbers = Callable[[str], "int | None"]
"""Gives the internal number of a ``Type/id``."""


def _sort_values(key: SortKey, rows: Rows, at: int, numbers: Numbers | None = None) -> list[Any]:
    """Return the values of a sort key that a resource has; references count by the number of what they name, which HAPI stores."""
    parameter = key.parameter
    if parameter.type == "reference" and numbers is not None:
        found = [numbers(reference) for _, reference in rows.column(parameter).rows[at]]
        return [number for number in found if number is not None]
    if parameter.code == "_id":
        template = rows.templates[at]
        return [rows.text(at).split("\n")[template.id_slot]]
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


def sort_hits(hits: list[Hit], keys: Sequence[SortKey], numbers: Numbers | None = None) -> list[Hit]:
    """Return hits in the order of the keys; what has no value comes last either way, ties are by internal number.

    Of several values the least counts ascending, the greatest descending.
    """
    hits = sorted(hits, key=lambda hit: hit[0])
    for key in reversed(keys):
        pick = max if key.descending else min
        valued, without = [], []
        for hit in hits:
            values = _sort_values(key, hit[1], hit[2], numbers)
            if values:
                valued.append((pick(values), hit))
            else:
                without.append(hit)
        valued.sort(key=lambda pair: pair[0], reverse=key.descending)
        hits = [hit for _, hit in valued] + without
    return hits


_BY_NUMBER = frozenset({TokenCondition, ReferenceCondition, DateCondition})
"""Conditions that leave ascending numbers as soon as one of them names a code."""


def natural_key(search: Search) -> Any:
    """Return how HAPI's database orders a search without ``_sort``: a function of a hit, or None for internal numbers.

    A string's start is looked up in its index, so that shows through, and so does the index of a date or quantity where
    nothing but the patient narrows the search besides; anything else leaves ascending numbers.
    """
    conditions = search.conditions
    coded = False
    for condition in conditions:
        if condition.__class__ not in _BY_NUMBER:
            break
        coded = coded or (condition.__class__ is TokenCondition and not _any_code(condition))
    else:
        if coded:
            return None  # the most frequent case, told apart at once
    starts = [
        c for c in conditions if isinstance(c, StringCondition) and not isinstance(c, TextCondition) and not c.how
    ]
    if len(starts) == 1:
        text = starts[0].parameter
        return lambda hit: min((pair[0] for pair in hit[1].column(text).rows[hit[2]]), default="")
    others = [c for c in conditions if not isinstance(c, ReferenceCondition) and not _any_code(c)]
    alone = not any(isinstance(c, ReferenceCondition) for c in conditions)  # then even `ne` walks along the index
    dates = [c for c in others if isinstance(c, DateCondition)]
    ranges = [c for c in others if isinstance(c, QuantityCondition)]
    if len(dates) + len(ranges) < len(others):
        return None
    if len(dates) == 1 and (alone or all(d.prefix != "ne" for d in dates[0].dates)):
        date = dates[0].parameter
        if dates[0].by_day:
            return lambda hit: hit[1].column(date).first[hit[2]]
        return lambda hit: hit[1].column(date).low[hit[2]]
    if len(ranges) != 1 or dates or search.query.offset is not None:
        return None
    if all(q.prefix in ("gt", "ge", "lt", "le") or (q.prefix == "ne" and alone) for q in ranges[0].quantities):
        quantity = ranges[0].parameter
        return lambda hit: min((value[0] for value in hit[1].column(quantity).rows[hit[2]]), default=0.0)
    return None


def _any_code(condition: Condition) -> bool:
    """Return whether it is a token condition that any code of a system meets."""
    return isinstance(condition, TokenCondition) and not condition.coded


def rows_read(hits: list[Hit], keys: Sequence[SortKey], limit: int) -> tuple[int, bool]:
    """Return how far a limited number of SQL rows reaches: HAPI's sort joins give a resource one row for each value of a key.

    Args:
        hits: All hits, in the order of the answer.
        keys: The sort keys.
        limit: How many rows are read.

    Returns:
        How many resources those rows hold, and whether they are all the rows.
    """
    rows: list[tuple[tuple[Any, ...], int]] = []
    for place, (_, resource, at) in enumerate(hits):
        values = [_sort_values(key, resource, at) or [None] for key in keys]
        rows += [(combination, place) for combination in product(*values)]
    if len(rows) == len(hits):
        return min(limit, len(hits)), len(hits) <= limit
    for n in range(len(keys) - 1, -1, -1):
        valued = [row for row in rows if row[0][n] is not None]
        valued.sort(key=lambda row: row[0][n], reverse=keys[n].descending)
        rows = valued + [row for row in rows if row[0][n] is None]
    return len({place for _, place in rows[:limit]}), len(rows) <= limit


def arrange(hits: list[Hit], search: Search, numbers: Numbers) -> list[Hit]:
    """Return hits in the order of the answer.

    Args:
        hits: What was found.
        search: What was asked.
        numbers: Gives the internal number of what a reference names.
    """
    if search.query.sort:
        return sort_hits(hits, search.query.sort, numbers)
    hits = sorted(hits, key=lambda hit: hit[0])
    key = natural_key(search)
    return hits if key is None else sorted(hits, key=key)
