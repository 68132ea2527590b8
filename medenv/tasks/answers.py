"""Answers: the list that FINISH holds, read and compared.

Numbers must be numbers, and times may be written with any offset.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from medenv.tasks.chart import instant
from medenv.tasks.orders.quantities import plain_number

__all__ = ["NOTHING_FOUND", "NOT_FOUND", "numbers", "same_instant"]

NOT_FOUND = "Patient not found"
"""The answer where nobody has the name and birth date in question (official tasks)."""
NOTHING_FOUND: tuple[list[Any], ...] = ([], [-1], [NOT_FOUND])
"""Answers that say that there is nothing to report."""


def numbers(answer: Sequence[Any]) -> list[float] | None:
    """Return an answer's numbers; None if anything in it is none (text, a truth value, null, an infinite number)."""
    found = [plain_number(one) for one in answer]
    return None if None in found else [one for one in found if one is not None]


def same_instant(text: Any, wanted: str) -> bool:
    """Return whether a text is a date and time, at any offset, of the wanted instant."""
    try:
        return isinstance(text, str) and "T" in text and instant(text) == instant(wanted)
    except (OverflowError, ValueError):
        return False
