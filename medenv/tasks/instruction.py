"""What an instruction and its context say, read as text: for policies that see nothing else."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from typing import Any

from medenv.tasks.reference import finish
from medenv.tasks.task import Task

__all__ = ["gives_mrn", "loinc_in", "mrn_in", "now_in", "only", "quoted_text"]

_MRN = re.compile(r"\bS\d{7}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\+\d\d:\d\d|Z)")
_LOINC = re.compile(r"\b\d{3,5}-\d\b(?!-)")
_QUOTED = re.compile(r'"(.+)"', re.DOTALL)


def gives_mrn(task: Task) -> bool:
    """Return whether the instruction gives the patient's MRN."""
    return _MRN.search(task.instruction) is not None


def mrn_in(task: Task) -> str:
    """Return the MRN that the instruction names.

    Raises:
        ValueError: It names none.
    """
    return _first(_MRN, task.instruction, "an MRN (S and seven digits)")


def now_in(task: Task) -> str:
    """Return the present time as the context states it."""
    return _first(_TIME, task.context, "a time")


def loinc_in(task: Task) -> str:
    """Return the LOINC code that the context states."""
    return _first(_LOINC, task.context, "a LOINC code")


def quoted_text(text: str) -> str:
    """Return what stands between the first and the last double quote.

    Raises:
        ValueError: Nothing is quoted.
    """
    match = _QUOTED.search(text)
    if match is None:
        raise ValueError(f"no text in double quotes in {text!r}")
    return match.group(1)


def _first(pattern: re.Pattern[str], text: str, what: str) -> str:
    match = pattern.search(text)
    if match is None:
        raise ValueError(f"no {what} in {text!r}")
    return match.group(0)


def only(answer: Sequence[Any]) -> Generator[str, str, None]:
    """Yield just the answer: a blind policy."""
    yield finish(answer)
