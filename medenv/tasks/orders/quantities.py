"""Equal meanings of FHIR's different spellings of amounts and times.

FHIR lets a sender choose between quantities, ranges and ratios, and between units' codes and words; a strict grader must not prefer one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from medenv.tasks.chart import instant

__all__ = ["UNITS", "plain_number", "quantity", "range_value", "ratio_per_hour", "same_minute"]

UCUM = "http://unitsofmeasure.org"

_SPELT: dict[tuple[str, float], str] = {
    ("g", 1.0): "g gm gms gr gram grams",
    ("g", 0.001): "mg mgs milligram milligrams",
    # Potassium has one charge, so that one mmol is one mEq.
    ("mEq", 1.0): "meq meqs milliequivalent milliequivalents mmol mmols millimole millimoles",
    ("h", 1.0): "h hr hrs hour hours",
    ("h", 1 / 60): "min mins minute minutes",
    ("mg/dL", 1.0): "mg/dl",
    ("mmol/L", 1.0): "mmol/l meq/l",
    ("mmHg", 1.0): "mm[hg] mmhg",
    ("%", 1.0): "% percent",
}
_SINGLE = {name: unit for unit, names in _SPELT.items() for name in names.split()}
UNITS: Mapping[str, tuple[str, float]] = {
    "mm hg": ("mmHg", 1.0),
    **_SINGLE,
    **{
        f"{amount}{by}{time}": ("g/h", grams / hours)
        for amount, (unit, grams) in _SINGLE.items()
        for time, (length, hours) in _SINGLE.items()
        for by in ("/", " per ")
        if (unit, length) == ("g", "h")
    },
}
"""By a unit's spelling in lower case the canonical unit and the factor that leads to it (UCUM, and what people write)."""

_QUANTITY = frozenset({"value", "unit", "system", "code"})


def plain_number(value: Any) -> float | None:
    """Return a finite JSON number; None for anything else, truth values and numbers beyond any float included."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:
        return None


def quantity(value: Any) -> tuple[float, str] | None:
    """Return a Quantity's value in the canonical unit, and that unit.

    None if it says anything else (a comparator, an extension), names no known unit, or unit and code contradict each other.
    """
    if not isinstance(value, Mapping) or not set(value) <= _QUANTITY or value.get("system", UCUM) != UCUM:
        return None
    number = plain_number(value.get("value"))
    said = [value[name] for name in ("unit", "code") if name in value]
    units = [UNITS.get(one.strip().lower()) if isinstance(one, str) else None for one in said]
    if number is None or not units or units[0] is None or any(unit != units[0] for unit in units):
        return None
    canonical, factor = units[0]
    return number * factor, canonical


def range_value(value: Any) -> tuple[float, str] | None:
    """Return what a Range with equal ends says, as `quantity` does; None for any other."""
    if not isinstance(value, Mapping) or set(value) != {"low", "high"}:
        return None
    low, high = quantity(value["low"]), quantity(value["high"])
    return low if low == high else None


def ratio_per_hour(value: Any) -> tuple[float, str] | None:
    """Return an amount and the hours that it is given over, as a rate: its value and its unit by the hour; None for another ratio."""
    if not isinstance(value, Mapping) or set(value) != {"numerator", "denominator"}:
        return None
    top, bottom = quantity(value["numerator"]), quantity(value["denominator"])
    if top is None or bottom is None or bottom[1] != "h" or bottom[0] <= 0:
        return None
    return top[0] / bottom[0], f"{top[1]}/h"


def same_minute(text: Any, wanted: datetime) -> bool:
    """Return whether a date and time, at any offset, lies in the wanted minute."""
    if not isinstance(text, str) or not re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d", text):
        return False
    try:
        return 0 <= (instant(text) - wanted).total_seconds() < 60
    except (OverflowError, ValueError):
        return False
