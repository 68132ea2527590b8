"""Graders: pure functions from a finished episode to a verdict of named checks.

``official`` reproduces MedAgentBench's published verdicts, loopholes included; ``strict`` can't be gamed in those ways.
"""

from __future__ import annotations

from medenv.grading.facts import FactsError, collect_facts
from medenv.grading.official import Case, OfficialGrader, judge
from medenv.grading.strict import CATEGORIES, StrictGrader
from medenv.grading.verdict import Check, Grader, UngradableError, Verdict

__all__ = [
    "CATEGORIES",
    "GRADERS",
    "Case",
    "Check",
    "FactsError",
    "Grader",
    "OfficialGrader",
    "StrictGrader",
    "UngradableError",
    "Verdict",
    "collect_facts",
    "judge",
    "load_grader",
]

GRADERS: dict[str, type[Grader]] = {"official": OfficialGrader, "strict": StrictGrader}
"""The graders by name."""


def load_grader(name: str) -> Grader:
    """The grader of this name.

    Raises:
        ValueError: There is none; the message lists those there are.
    """
    try:
        return GRADERS[name]()
    except KeyError:
        raise ValueError(f"unknown grader {name!r}; there are: {', '.join(GRADERS)}") from None
