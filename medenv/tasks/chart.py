"""What a chart's resources say: readings with their times, birth dates, the newest value, the last 24 hours.

Gold answers come from these few functions, whether the resources were found by a grader or by an agent's GETs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

from medenv.fhir.jsontext import Number

__all__ = ["DAY", "Reading", "completed_years", "instant", "mean", "newest", "readings", "since"]

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


def instant(text: str) -> datetime:
    """Parse an ISO 8601 date or time; a missing zone is UTC, as on the server.

    Args:
        text: E.g. ``2023-11-13T10:15:00+00:00``, ``2023-11-13T10:15:00Z`` or ``2023-11-13``.

    Raises:
        ValueError: It is neither.
    """
    parsed = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)


def readings(observations: Iterable[Resource]) -> list[Reading]:
    """The numeric values among Observations, in their order; those without a number or a time are left out."""
    found = []
    for observation in observations:
        quantity = observation.get("valueQuantity")
        value = quantity.get("value") if isinstance(quantity, Mapping) else None
        if isinstance(value, Number):
            value = json.loads(value)
        text = observation.get("effectiveDateTime")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not isinstance(text, str):
            continue
        try:
            found.append(Reading(value, text, instant(text)))
        except ValueError:
            continue
    return found


def newest(values: Sequence[Reading]) -> Reading | None:
    """The latest reading, of equal times the first listed (the official graders' rule); None if there is none."""
    return max(values, key=lambda reading: reading.at, default=None)


def since(values: Iterable[Reading], start: datetime) -> list[Reading]:
    """The readings at or after an instant. There is no upper bound, as in the official graders."""
    return [reading for reading in values if reading.at >= start]


def mean(values: Sequence[Reading]) -> float:
    """The arithmetic mean of at least one reading."""
    return sum(reading.value for reading in values) / len(values)


def completed_years(born: date, today: date) -> int:
    """Age in whole years; a birthday counts from its own day on."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
