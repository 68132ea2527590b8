"""Where a hidden result could be so that a search could miss it: the times, values and kinds that the searches tell apart.

Between two bounds that searches name, all times are alike to them; so one on each side of every bound stands for all.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import orjson

from medenv.fhir import definitions
from medenv.grading.strict.search_log import LoggedRequest
from medenv.tasks.chart import instant

__all__ = ["is_time", "kinds_told_apart", "numbers_between", "times_between"]

_TIME = re.compile(
    r"(?:[a-z]{2}|[<>=]{1,2})?(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+\- ]\d\d:\d\d)?)?)?)?"
)
_NUMBER = re.compile(r"-?\d{1,12}(?:\.\d{1,12})?(?:[eE][+-]?\d{1,2})?")
_NEARLY = re.compile(r"(?:ap|~)\s*(-?\d{1,12}(?:\.\d{1,12})?(?:[eE][+-]?\d{1,2})?)")
_AROUND = (timedelta(seconds=-1), timedelta(), timedelta(seconds=1))
"""On either side of a bound, as finely as charts time results."""
_ELEMENT = re.compile(r"\b(?:Observation|Patient|Resource)\.(\w+)")


def times_between(start: datetime, end: datetime, log: Iterable[LoggedRequest], edges: Iterable[str]) -> list[datetime]:
    """Return times that stand for all in an interval.

    Args:
        start: The first.
        end: The last.
        log: Searches, whose parameters name bounds.
        edges: Times of the results between which stretches of a list were on screen.
    """
    found = {start, start + (end - start) / 2, end}
    for text in (*_texts(log), *edges):
        found.update(bound + step for bound in _bounds(text) for step in _AROUND)
    return sorted(at for at in found if start <= at <= end)


def _texts(log: Iterable[LoggedRequest]) -> Iterator[str]:
    """Yield the single values of all parameters."""
    for logged in log:
        for _, value in logged.params:
            yield from re.split(r"[,$|]", value)


def is_time(text: str) -> bool:
    """Return whether the value of a parameter is a time, with or without a prefix, and one whose bounds are known."""
    return bool(_bounds(text)) and not text.startswith("ap")  # how far "ap" reaches depends on the server's clock


@lru_cache(maxsize=16_384)  # the same searches and results come again with every episode of a task
def _bounds(text: str) -> Sequence[datetime]:
    """Return where a time in a parameter begins and ends.

    A partial date also stands for the day that HAPI takes it for as a bound: the last one for a lower, the first for an upper one.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return ()
    year, month, day, minute, second, zone = match.groups()
    try:
        if minute:
            at = instant(f"{year}-{month}-{day}T{minute}:{second or '00'}{(zone or '').replace(' ', '+')}")
            return at, at + timedelta(seconds=1 if second else 60)
        if day:
            return instant(f"{year}-{month}-{day}"), instant(f"{year}-{month}-{day}") + timedelta(days=1)
        first, last = int(month or 1), int(month or 12)
        end = instant(f"{year}-{last:02}-{calendar.monthrange(int(year), last)[1]:02}")
        begin = instant(f"{year}-{first:02}-01")
        return begin, begin + timedelta(days=1), end, end + timedelta(days=1)
    except (OverflowError, ValueError):
        return ()


def numbers_between(log: Iterable[LoggedRequest], edges: Iterable[str]) -> list[str]:
    """Return values, as JSON numbers, that stand for all that searches tell apart; ``""``, any value, if they name none.

    A number in a search stands for what rounds to it (FHIR R4, 3.1.1.5.5), so that half a unit of its last digit counts, too.

    Args:
        log: Searches, whose parameters name bounds or sort by value.
        edges: Values of the results between which stretches of a list were on screen.
    """
    texts: list[str] = []
    found: set[Decimal] = set()
    for logged in log:
        for name, value in logged.params:
            if "value" in name or "quantity" in name:
                texts += _NUMBER.findall(value)
                found.update(bound for text in _NEARLY.findall(value) for bound in _nearly(Decimal(text)))
            elif name == "_sort" and "value" in value:
                texts += edges
    for text in texts:
        number = Decimal(text)
        unit = Decimal(1).scaleb(int(number.as_tuple().exponent))
        found.update(number + unit * step / 4 for step in (-4, -2, -1, 0, 1, 2, 4))
    if not found:
        return [""]
    found |= {Decimal("0.01"), Decimal(10_000)}
    return [format(number, "f") for number in sorted(found) if number > 0]


def _nearly(number: Decimal) -> list[Decimal]:
    """Return numbers on either side of where "approximately" begins and ends: a tenth of the number off (FHIR R4, 3.1.1.4.1)."""
    unit = Decimal(1).scaleb(int(number.as_tuple().exponent))
    ends = (number * Decimal("0.9"), number * Decimal("1.1"))
    return [end + unit * step / 100 for end in ends for step in (-1, 0, 1)]


def kinds_told_apart(
    forms: Sequence[Mapping[str, Any]], type_: str, log: Iterable[LoggedRequest]
) -> Sequence[Mapping[str, Any]]:
    """Return those forms of a resource that some search could tell apart, one of each.

    Args:
        forms: Examples of all kinds.
        type_: Their resource type.
        log: The searches.
    """
    read = _elements_read(type_, log)
    if read is None:
        return forms
    found: dict[bytes, Mapping[str, Any]] = {}
    for form in forms:
        # Their values and times differ anyhow; a search that looks at either is given several.
        parts = {name: form.get(name) for name in sorted(read - {"effective", "value"})}
        if "value" in read:
            parts["value"] = {**form.get("valueQuantity", {}), "value": None}
        found.setdefault(orjson.dumps(parts), form)
    return list(found.values())


def _elements_read(type_: str, log: Iterable[LoggedRequest]) -> set[str] | None:
    """Return the elements that the searches' parameters read; None if that can't be told from their definitions."""
    known = definitions.search_parameters(type_)
    found: set[str] = set()
    for logged in log:
        if logged.type != type_:
            continue
        names = [name for name, _ in logged.params if name not in ("_sort", "_elements", "_summary")]
        names += [key.lstrip("-") for name, value in logged.params if name == "_sort" for key in value.split(",")]
        for name in names:
            parameter = known.get(re.split(r"[:.]", name)[0])
            paths = () if parameter is None else parameter.paths
            elements = {match[1] for path in paths for match in [_ELEMENT.search(path)] if match}
            if not elements:
                return None
            found |= elements
    return found
