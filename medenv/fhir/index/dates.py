"""FHIR dates as ranges: from the first to the last millisecond, and from the first to the last calendar day.

HAPI compares calendar days where a search names no time of day, and instants otherwise; a day is counted as written, whatever its zone.
"""

from __future__ import annotations

import calendar
import re
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple

__all__ = ["Span", "day_before", "format_instant", "http_date", "parse_instant", "span", "stored_span"]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_FORM = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)
_DAY_MS = 86_400_000


class Span(NamedTuple):
    """A stretch of time.

    Attributes:
        low: Its first millisecond since 1970 UTC.
        high: Its last one.
        first: Its first calendar day as the number yyyymmdd.
        last: Its last one.
    """

    low: int
    high: int
    first: int
    last: int


@lru_cache(maxsize=16384)
def span(text: str) -> Span | None:
    """Return the stretch of time that a date, dateTime or instant covers.

    A stored dateTime is a point; a year, month or day lasts as long as it does. A missing zone is UTC.

    Args:
        text: ``2023``, ``2023-11``, ``2023-11-13``, ``2023-11-13T10:15:00+00:00``, fractions of a second allowed.

    Returns:
        The span; None if the text is no date.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        low_day = date(int(year), int(month or 1), int(day or 1))
        y, m = low_day.year, low_day.month
        if hour is None:
            high_day = low_day if day else date(y, m if month else 12, calendar.monthrange(y, m)[1] if month else 31)
            low = (low_day.toordinal() - _EPOCH_DAY) * _DAY_MS
            high = (high_day.toordinal() - _EPOCH_DAY + 1) * _DAY_MS - 1
            return Span(low, high, _number(low_day), _number(high_day))
        return _point(low_day, int(hour), int(minute), second, fraction, zone)
    except ValueError:
        return None


def _point(
    day: date, hour: int, minute: int, second: str | None, fraction: str | None, zone: str | None
) -> Span | None:
    if hour > 23 or minute > 59 or int(second or 0) > 60:
        return None
    ms = ((day.toordinal() - _EPOCH_DAY) * 86_400 + hour * 3600 + minute * 60 + int(second or 0)) * 1000
    ms += int((fraction or "0").ljust(3, "0")[:3])
    if zone and zone != "Z":
        offset = (int(zone[1:3]) * 60 + int(zone[4:6])) * 60_000
        ms -= offset if zone[0] == "+" else -offset
    number = _number(day)
    return Span(ms, ms if second is not None else ms + 59_999, number, number)


@lru_cache(maxsize=16384)
def _day(text: str) -> tuple[int, int]:
    """Return a day's first millisecond and its number.

    Raises:
        ValueError: It is no day.
    """
    day = date.fromisoformat(text)
    return (day.toordinal() - _EPOCH_DAY) * _DAY_MS, _number(day)


def stored_span(text: str) -> Span | None:
    """Return the same as `span`, without remembering, quick for what most charts and searches hold: seconds at Greenwich."""
    if (text[19:] == "+00:00" or text[19:] == "Z") and text[10] == "T":
        try:
            start, number = _day(text[:10])
            hour, minute, second = int(text[11:13]), int(text[14:16]), int(text[17:19])
        except ValueError:
            return span(text)
        if 0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60 and text[13] == text[16] == ":":
            ms = start + ((hour * 60 + minute) * 60 + second) * 1000
            return Span(ms, ms, number, number)
    return span(text)


def _number(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


def day_before(number: int, days: int = 1) -> int:
    """Return the calendar day some days before one, both as yyyymmdd."""
    return _number(date(number // 10_000, number // 100 % 100, number % 100) - timedelta(days))


@lru_cache(maxsize=4096)
def format_instant(ms: int) -> str:
    """Return milliseconds since 1970 as HAPI writes an instant: ``2026-11-23T01:54:20.536+00:00``."""
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")


def parse_instant(text: str) -> int:
    """Return milliseconds since 1970 of an instant.

    Raises:
        ValueError: The text is no date.
    """
    found = span(text)
    if found is None:
        raise ValueError(f"not an instant: {text!r}")
    return found.low


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@lru_cache(maxsize=4096)
def http_date(ms: int) -> str:
    """Return milliseconds since 1970 as an HTTP date: ``Mon, 23 Nov 2026 01:54:20 GMT``."""
    t = _EPOCH + timedelta(milliseconds=ms)
    return f"{_DAYS[t.weekday()]}, {t.day:02d} {_MONTHS[t.month - 1]} {t.year} {t:%H:%M:%S} GMT"
