"""The short way of the searches that are as they should be, which are most: conditions worked out once for equal words.

What it can't vouch for it leaves to `medenv.fhir.search.query`, which knows what HAPI refuses and in which order.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from medenv.fhir import definitions
from medenv.fhir.errors import FhirError
from medenv.fhir.search.conditions import RANK, Condition
from medenv.fhir.search.parameters import (
    Given,
    conditions_of,
    date_conditions,
    read_dates,
    read_values,
    reference_condition,
    split_name,
)

if TYPE_CHECKING:
    from medenv.fhir.chart import Chart

__all__ = ["plain_conditions"]

_REFERENCES = 4096
"""Conditions on references that are kept."""


def plain_conditions(chart: Chart, type_: str, params: list[tuple[str, str]]) -> list[Condition] | None:
    """The conditions of the frequent search that is as it should be, in the order to try them.

    What a parameter demands is worked out once for equal words, since nothing else bears on it but on dates.

    Args:
        chart: Where references lead.
        type_: The type that is searched.
        params: Its parameters, decoded.

    Returns:
        None if the search needs a closer look, as it does if anything is to be refused.
    """
    found: list[Condition] = []
    dates: dict[str, list[tuple[str, str]]] = {}
    known = definitions.search_parameters(type_)
    try:
        for name, value in params:
            parameter = known.get(name)
            if parameter is not None and parameter.type == "date":
                dates.setdefault(name, []).append(("", value))
                continue
            conditions = _alone(type_, name, value)
            if conditions is not None:
                found += conditions
                continue
            reference = _plain_reference(chart, type_, name, value)
            if reference is None:
                return None
            found.append(reference)
        for code, values in dates.items():
            found += date_conditions(known[code], read_dates(values))
    except FhirError:
        return None
    found.sort(key=RANK)
    return found


def _plain_reference(chart: Chart, type_: str, name: str, value: str) -> Condition | None:
    """The condition of a reference, None if the parameter is none; on the unchanged store worked out once for equal words."""
    shared = not chart.changes.count and "." not in name  # what a chain leads to may be long
    key = (chart.base, type_, name, value)
    known = chart.store.held.references
    found = known.get(key) if shared else None
    if found is None:
        code, qualifier = split_name(name)
        parameter = definitions.search_parameters(type_).get(code)
        if parameter is None or parameter.type != "reference" or qualifier == ":missing":
            return None
        found = reference_condition(chart, parameter, qualifier, value)
        if shared:
            if len(known) >= _REFERENCES:
                known.clear()
            known[key] = found
    return found


@lru_cache(maxsize=8192)
def _alone(type_: str, name: str, value: str) -> tuple[Condition, ...] | None:
    """The conditions of a parameter that leads to no other resource and on which no other parameter bears; None for one that does.

    Raises:
        FhirError: The value is refused.
    """
    code, qualifier = split_name(name)
    parameter = definitions.search_parameters(type_).get(code)
    if parameter is None or code[0] == "_" or parameter.type in ("date", "reference"):
        return None
    given = Given(parameter, [(qualifier, value)])
    read_values(given)
    return tuple(conditions_of(type_, given))
