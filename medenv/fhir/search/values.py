"""Reading the values of search parameters: lists, prefixes, dates, quantities, and HAPI's words for those it refuses.

The texts and their numbers are HAPI 7.6.0's; its date parser is followed check by check, since which check fails first decides the text.
"""

from __future__ import annotations

import calendar
import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import NamedTuple

from medenv.fhir.errors import FhirError
from medenv.fhir.index.dates import Span, span, stored_span

__all__ = ["Date", "Quantity", "parse_date", "parse_quantity", "split_list", "split_unescaped", "unescape"]

_PREFIXES = {
    "": "eq", "eq": "eq", "ne": "ne", "gt": "gt", "ge": "ge", "lt": "lt", "le": "le", "sa": "sa", "eb": "eb", "ap": "ap",
    ">": "gt", ">=": "ge", "<": "lt", "<=": "le", "~": "ap", "=": "eq",
}  # fmt: skip
_START = re.compile(r"[0-9%-]", re.ASCII)


class Date(NamedTuple):
    """A date as a search names it.

    Attributes:
        prefix: ``eq ne gt ge lt le sa eb``; ``""`` if none was written.
        span: The unit it covers.
        by_day: Whether it names no time of day, so that calendar days are compared.
        precision: ``year month day minute second milli``.
    """

    prefix: str
    span: Span
    by_day: bool
    precision: str


class Quantity(NamedTuple):
    """A quantity as a search names it; without a unit the system is of no account.

    Attributes:
        prefix: As of a `Date`, or ``ap``.
        value: The number.
        system: The unit's system, None for any.
        unit: The unit's code, None for any.
        written: How HAPI's refusals quote it.
    """

    prefix: str
    value: float
    system: str | None
    unit: str | None
    written: str = ""


def split_unescaped(text: str, mark: str) -> list[str]:
    """Split at a mark that no backslash precedes; the parts stay escaped."""
    if mark not in text:
        return [text]
    if "\\" not in text:
        return text.split(mark)
    parts, part, escaped = [], "", False
    for c in text:
        if c == mark and not escaped:
            parts.append(part)
            part = ""
            continue
        part += c
        escaped = c == "\\" and not escaped
    return [*parts, part]


def split_list(text: str) -> list[str]:
    """Return the members of a comma list, without empty ones, still escaped."""
    return [part for part in split_unescaped(text, ",") if part]


def unescape(text: str) -> str:
    """Take off the backslashes before commas, dollars, bars and backslashes."""
    return re.sub(r"\\([,$|\\])", r"\1", text) if "\\" in text else text


def _prefix(text: str) -> tuple[str, str]:
    match = _START.search(text)
    if match is None:
        raise FhirError(400, f'HAPI-1940: Invalid date/time/quantity format: "{text}"')
    written = text[: match.start()]
    if written not in _PREFIXES:
        raise FhirError(400, f'HAPI-1941: Invalid prefix: "{written}"')
    return (_PREFIXES[written] if written else ""), text[match.start() :]


def parse_date(text: str) -> Date:
    """Read one date of a search; blanks have become ``+`` before.

    Nothing is remembered: most searches name an instant of their own.

    Raises:
        FhirError: HAPI-1940, 1941, 1882 or 1883.
    """
    text = text.replace(" ", "+") if " " in text else text
    plain = _PLAIN.fullmatch(text)
    if plain is not None:
        prefix, value, minute, second, fraction = plain.groups()
        precision = "milli" if fraction else "second" if second else "minute" if minute else "day"
        found = stored_span(value)
    if plain is None or found is None:
        prefix, value = _prefix(text)
        precision = _check_date(value)
        found = span(value if value[:4] != "0000" else "0001" + value[4:])  # Java has a year 0
    if found is None:
        raise _bad(value)
    if precision == "second":  # the whole second
        found = Span(found.low, found.low + 999, found.first, found.last)
    return Date(prefix, found, precision in ("year", "month", "day"), precision)


_PLAIN = re.compile(
    r"(eq|ne|gt|ge|lt|le|sa|eb|)(\d{4}-\d\d-\d\d(T\d\d:\d\d(:[0-5]\d(\.\d{1,9})?)?(?:Z|[+-][01]\d:[0-5]\d)?)?)",
    re.ASCII,
)
"""What needs no closer look if it is a date at all: the checks below only decide how a wrong one is refused."""


def _bad(value: str, why: str = "") -> FhirError:
    if why:
        return FhirError(400, f'HAPI-1883: Invalid date/time format: "{value}": {why}')
    return FhirError(400, f'HAPI-1882: Invalid date/time format: "{value}"')


def _number(value: str, part: str, low: int, high: int) -> int:
    if not re.fullmatch(r"[+-]?\d+", part, re.ASCII) or not low <= int(part) <= high:
        raise _bad(value)
    return int(part)


def _char(value: str, at: int, wanted: str) -> None:
    if value[at] != wanted:
        raise _bad(value, f"Expected character '{wanted}' at index {at} but found {value[at]}")


def _length(value: str, least: int) -> None:
    if len(value) < least:
        raise _bad(value)


def _offset_at(value: str) -> int:
    found = [value.find(mark, 16) for mark in "+-Z"]
    at = max(found)
    if at != -1 and at - 2 != sum(found):  # more than one of them
        raise _bad(value)
    return at


def _check_date(value: str) -> str:
    _length(value, 4)
    year = _number(value, value[:4], 0, 9999)
    if len(value) == 4:
        return "year"
    _char(value, 4, "-")
    _length(value, 7)
    month = _number(value, value[5:7], 1, 12)
    if len(value) == 7:
        return "month"
    _char(value, 7, "-")
    _length(value, 10)
    _number(value, value[8:10], 1, calendar.monthrange(year or 4, month)[1])
    if len(value) == 10:
        return "day"
    _char(value, 10, "T")
    _length(value, 16)
    at = _offset_at(value)
    time = value[11:] if at == -1 else value[11:at]
    if at != -1:
        _check_zone(value, value[at:])
    _char(value, 13, ":")
    _number(value, value[11:13], 0, 23)
    _number(value, value[14:16], 0, 59)
    if len(time) <= 5:
        return "minute"
    _length(value, 19)
    _char(value, 16, ":")
    _number(value, value[17:19], 0, 60)
    if len(time) <= 8:
        return "second"
    _char(value, 19, ".")
    _length(value, 20)
    _number(value, value[20 : min(23, at if at != -1 else len(value))], 0, 999)
    return "milli"


def _check_zone(value: str, zone: str) -> None:
    if zone[0] == "Z":
        return
    if len(zone) != 6 or zone[3] != ":":
        raise _bad(value, 'Timezone offset must be in the form "Z", "-HH:mm", or "+HH:mm"')
    _number(value, zone[1:3], 0, 23)
    _number(value, zone[4:6], 0, 59)


@lru_cache(maxsize=8192)
def parse_quantity(text: str) -> Quantity:
    """Read one quantity of a search: ``gt4``, ``4||mmol/L``, ``4|system|code``; what follows a single bar is of no account.

    Raises:
        FhirError: HAPI-1940, 1941, or a 500 for what Java can't read as a decimal.
    """
    parts = split_unescaped(text, "|")
    prefix, number = _prefix(parts[0])
    try:
        if not _DECIMAL.fullmatch(number):
            raise InvalidOperation
        exact = Decimal(number)
        if abs(exact.adjusted()) > _LARGEST_EXPONENT:
            raise FhirError(500, "Exponent overflow.")
    except InvalidOperation:
        raise _java_decimal(number) from None
    system = unescape(parts[1]) if len(parts) > 1 else ""
    unit = unescape(parts[2]) if len(parts) > 2 else ""
    written = f"{prefix}{exact:f}|{system}|{unit}"
    return Quantity(prefix, float(exact), system or None if unit else None, unit or None, written)


_LARGEST_EXPONENT = 10_000
"""Powers of ten of a number that is searched for; a larger one is beyond any double, and as plain digits beyond any memory."""
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def _java_decimal(text: str) -> FhirError:
    """Return how Java's BigDecimal words what it can't read; HAPI passes that on as a 500."""
    strange = next((c for n, c in enumerate(text) if not (c.isdigit() or c in ".eE" or (c in "+-" and n == 0))), None)
    exponent = text.lower().partition("e")[2]
    if strange is not None and "e" not in text.lower().partition(strange)[0]:
        why = (
            f'Character {strange} is neither a decimal digit number, decimal point, nor "e" notation exponential mark.'
        )
    elif text.count(".") > 1:
        why = "Character array contains more than one decimal point."
    elif exponent:
        why = "Not a digit."
    else:
        issue = {"severity": "error", "code": "processing"}
        return FhirError(500, "", resource={"resourceType": "OperationOutcome", "issue": [issue]})
    return FhirError(500, why)
