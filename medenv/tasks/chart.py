"""What a chart's resources say: readings with their times, birth dates, the newest value, the last 24 hours.

Gold answers come from these few functions, whether the resources were found by a grader or by an agent's GETs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

from medenv.fhir.jsontext import Number

__all__ = [
    "DAY",
    "Reading",
    "completed_years",
    "instant",
    "mean",
    "newest",
    "reading",
    "readings",
    "since",
    "year_before",
]

DAY = timedelta(hours=24)
Resource = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """One measured value.

    Attributes:
        value: The number as the chart holds it, in the chart's unit.
        text: effectiveDateTime as the chart spells it.
        at: effectiveDateTime as an instant with a zone.
    """

    value: int | float
    text: str
    at: datetime


@lru_cache(maxsize=16_384)
def instant(text: str) -> datetime:
    """Parse an ISO 8601 date or time; a missing zone is UTC, as on the server.

    Args:
        text: E.g. ``2023-11-13T10:15:00+00:00``, ``2023-11-13T10:15:00Z`` or ``2023-11-13``.

    Raises:
        ValueError: It is neither.
    """
    parsed = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)


def reading(observation: Resource) -> Reading | None:
    """Return the numeric value of an Observation, None if it has no number or no time."""
    quantity, text = observation.get("valueQuantity"), observation.get("effectiveDateTime")
    if not isinstance(quantity, (dict, Mapping)):
        return None
    value = quantity.get("value")
    if type(value) is Number:
        value = json.loads(value)
    if (type(value) is not float and type(value) is not int) or not isinstance(text, str):  # a truth value is no number
        return None
    return _reading(value, text)


@lru_cache(maxsize=16_384, typed=True)  # the same results are read for the gold answer, the evidence and the diagnosis
def _reading(value: int | float, text: str) -> Reading | None:
    try:
        return Reading(value, text, instant(text))
    except ValueError:
        return None


def readings(observations: Iterable[Resource]) -> list[Reading]:
    """Return the numeric values among Observations, in their order; those without a number or a time are left out."""
    return [found for observation in observations if (found := reading(observation)) is not None]


def newest(values: Sequence[Reading]) -> Reading | None:
    """Return the latest reading, of equal times the first listed (the official graders' rule); None if there is none."""
    return max(values, key=lambda reading: reading.at, default=None)


def since(values: Iterable[Reading], start: datetime) -> list[Reading]:
    """Return the readings at or after an instant. There is no upper bound, as in the official graders."""
    return [reading for reading in values if reading.at >= start]


def mean(values: Sequence[Reading]) -> float:
    """Return the arithmetic mean of at least one reading."""
    return sum(reading.value for reading in values) / len(values)


def completed_years(born: date, today: date) -> int:
    """Age in whole years; a birthday counts from its own day on, 29 February from 1 March in a year without it."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def year_before(now: str) -> datetime:
    """Return the same time a year ago; on 29 February that of the 28th (official grader)."""
    present = instant(now)
    try:
        return present.replace(year=present.year - 1)
    except ValueError:
        return present.replace(year=present.year - 1, day=28)  # 29 February
