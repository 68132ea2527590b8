"""Graders: pure functions from a finished episode to a verdict of named checks.

``official`` reproduces MedAgentBench's published verdicts, loopholes included; ``strict`` can't be gamed in those ways.
"""

from __future__ import annotations

import warnings
from typing import Any

from medenv.errors import InputError
from medenv.grading.official import Case, OfficialGrader, judge
from medenv.grading.reference_data import ReferenceData, ReferenceDataError, collect_reference_data
from medenv.grading.strict import CATEGORIES, StrictGrader
from medenv.grading.verdict import Check, Grader, UngradableError, Verdict

__all__ = [
    "CATEGORIES",
    "GRADERS",
    "Case",
    "Check",
    "Grader",
    "OfficialGrader",
    "ReferenceData",
    "ReferenceDataError",
    "StrictGrader",
    "UngradableError",
    "Verdict",
    "collect_reference_data",
    "judge",
    "load_grader",
]

_RENAMED = {
    "ChartFacts": "ReferenceData",
    "FactsError": "ReferenceDataError",
    "collect_facts": "collect_reference_data",
}


def __getattr__(name: str) -> Any:
    """Give what was renamed, with a warning."""
    if name not in _RENAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn(f"{__name__}.{name} is now {_RENAMED[name]}", DeprecationWarning, stacklevel=2)
    return globals()[_RENAMED[name]]


GRADERS: dict[str, type[Grader]] = {"official": OfficialGrader, "strict": StrictGrader}
"""The graders by name."""


def load_grader(name: str) -> Grader:
    """Return the grader of this name.

    Raises:
        ValueError: There is none; the message lists those there are.
    """
    try:
        return GRADERS[name]()
    except KeyError:
        raise InputError(f"unknown grader {name!r}; there are: {', '.join(GRADERS)}") from None
