"""Reading a chart through GETs alone: every page of a search, numbers as decimals, times as instants."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import quote

__all__ = ["Get", "Result", "UnclearError", "moment", "people_born_on", "person_with", "results"]

Get = Callable[[str], str]
"""Answers a URL, relative to the server's base or absolute, with the response's text."""

_PAGE = 100
_MOST_PAGES = 1000
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")


class UnclearError(Exception):
    """Neither the instruction nor the context says what is to be done with what stands in the chart, or the text wasn't understood."""


@dataclass(frozen=True)
class Result:
    """A laboratory result.

    Attributes:
        value: The number as the chart writes it.
        unit: Its unit.
        taken: The time as the chart writes it.
        at: The same as an instant.
    """

    value: Decimal
    unit: str
    taken: str
    at: datetime


def moment(text: str) -> datetime:
    """Return the instant that a FHIR dateTime with an offset names.

    Raises:
        UnclearError: It names no instant.
    """
    if not _MOMENT.fullmatch(text):
        raise UnclearError(f"{text!r} is no time with an offset")
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def person_with(get: Get, mrn: str) -> dict[str, Any]:
    """Return the one Patient with a medical record number.

    Raises:
        UnclearError: There is none, or several.
    """
    people = [
        one
        for one in _all(get, f"Patient?identifier={quote(mrn, safe='')}&_count={_PAGE}")
        if mrn in [identifier.get("value") for identifier in one.get("identifier", [])]
    ]
    if len(people) != 1:
        raise UnclearError(f"{len(people)} people have the MRN {mrn!r}")
    return people[0]


def people_born_on(get: Get, date: str) -> list[dict[str, Any]]:
    """Return every Patient whose date of birth is the given one, YYYY-MM-DD."""
    return [one for one in _all(get, f"Patient?birthdate={date}&_count={_PAGE}") if one.get("birthDate") == date]


def results(get: Get, mrn: str, code: str, unit: str) -> list[Result]:
    """Return all results of a test that a patient has, in the chart's order.

    Args:
        get: Answers GETs.
        mrn: The patient.
        code: The test's short name.
        unit: The unit that the context speaks of.

    Raises:
        UnclearError: A result isn't final, has no number, or is in another unit.
    """
    found = []
    for one in _all(get, f"Observation?patient={quote(mrn, safe='')}&_count={_PAGE}"):
        coded = one.get("code", {})
        names = [coded.get("text"), *(coding.get("code") for coding in coded.get("coding", []))]
        if code not in names:
            continue
        if one.get("subject", {}).get("reference") != f"Patient/{mrn}":
            raise UnclearError(f"Observation/{one.get('id')} came up for {mrn!r} and is about {one.get('subject')!r}")
        quantity = one.get("valueQuantity", {})
        if one.get("status") != "final" or "value" not in quantity or quantity.get("unit") != unit:
            raise UnclearError(f"Observation/{one.get('id')} is {one.get('status')!r} with {quantity!r}, not in {unit}")
        taken = one.get("effectiveDateTime", "")
        found.append(Result(Decimal(quantity["value"]), unit, taken, moment(taken)))
    return found


def _all(get: Get, url: str) -> list[dict[str, Any]]:
    """All resources that a search finds, page after page."""
    found = []
    for _ in range(_MOST_PAGES):
        bundle = _parsed(get(url))
        if bundle.get("resourceType") != "Bundle":
            raise UnclearError(f"{url} was answered with {bundle!r:.200}")
        found += [entry["resource"] for entry in bundle.get("entry", [])]
        following = [link["url"] for link in bundle.get("link", []) if link["relation"] == "next"]
        if not following:
            return found
        url = following[0]
    raise UnclearError(f"after {_MOST_PAGES} pages there are still more: {url}")


@lru_cache(maxsize=64)
def _parsed(text: str) -> dict[str, Any]:
    """A response as JSON values, to be read only; kept because a task is put in several wordings on one chart."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)
