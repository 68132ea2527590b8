"""What a grader says: a score and the named checks it rests on, each with what was expected and what was found."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from medenv.errors import DataError
from medenv.tasks.taskset import versioned
from medenv.trajectories import Status, Trajectory

__all__ = ["Check", "Grader", "UngradableError", "Verdict", "check_gradable", "shown"]

_SHOWN = 200


class UngradableError(DataError):
    """The episode can't be graded: the infrastructure failed, or the chart's facts were not recorded."""


@dataclass(frozen=True, slots=True)
class Check:
    """One named assertion.

    Attributes:
        name: What was checked, unique within a verdict.
        passed: Whether it held.
        expected: The expectation as short text.
        found: What was found instead or as well, as short text.
    """

    name: str
    passed: bool
    expected: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A grader's judgement of one episode.

    Attributes:
        score: The reward, 1.0 or 0.0.
        grader: The grader's name.
        checks: All checks; the score is 1.0 if and only if each passed.
        branch: What the chart demanded, in the task type's words, if the grader got so far.
        category: Why the episode failed, one of `CATEGORIES`; None for the solved and where the grader doesn't say.
        partial: Diagnostics between 0 and 1 (evidence, answer, orders); never part of the score.
        grader_version: The grader's version, put in by `Grader.judge`.
    """

    score: float
    grader: str
    checks: Sequence[Check]
    branch: str | None = None
    category: str | None = None
    partial: Mapping[str, float] = field(default_factory=dict)
    grader_version: int = 1

    @property
    def passed(self) -> bool:
        """Return whether the episode was solved."""
        return self.score == 1.0

    @property
    def failures(self) -> list[Check]:
        """Return the checks that did not hold."""
        return [check for check in self.checks if not check.passed]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON, a dict with a key for each field."""
        # Written out: `dataclasses.asdict` copies each text, and that took a fifth of an episode's end.
        return {
            "score": self.score,
            "grader": self.grader,
            "checks": tuple(
                {"name": one.name, "passed": one.passed, "expected": one.expected, "found": one.found}
                for one in self.checks
            ),
            "branch": self.branch,
            "category": self.category,
            "partial": dict(self.partial),
            "grader_version": self.grader_version,
        }


class Grader(ABC):
    """A pure function from a trajectory to a verdict.

    Attributes:
        name: What it is called on the command line.
        version: Raised with every change that can alter a score; scores of different versions don't compare.
    """

    name: str
    version: ClassVar[int] = 1

    @property
    def title(self) -> str:
        """Return name and version, as reports state them."""
        return versioned(self.name, self.version)

    @abstractmethod
    def grade(self, trajectory: Trajectory) -> Verdict:
        """Judge one finished episode.

        Raises:
            UngradableError: The episode ended in an infrastructure error or lacks the chart's facts.
        """

    def judge(self, trajectory: Trajectory) -> Trajectory:
        """Return the trajectory with its verdict; an infrastructure error is left without one."""
        if trajectory.status is Status.INFRASTRUCTURE_ERROR:
            return replace(trajectory, verdict=None)
        verdict = {**self.grade(trajectory).to_dict(), "grader_version": self.version}
        return replace(trajectory, verdict=verdict)


def check_gradable(trajectory: Trajectory, *, needs_facts: bool) -> None:
    """Refuse an episode that no grader can judge.

    Args:
        trajectory: The episode.
        needs_facts: Whether the chart's facts decide it.

    Raises:
        UngradableError: It ended in an infrastructure error, is still running, or lacks the facts.
    """
    if trajectory.status in (Status.INFRASTRUCTURE_ERROR, Status.RUNNING):
        raise UngradableError(f"an episode that ended as {trajectory.status.value!r} has no score: {trajectory.error}")
    if needs_facts and trajectory.facts is None:
        raise UngradableError(f"the trajectory of task {trajectory.task.id!r} holds no facts of the chart")


def shown(value: Any) -> str:
    """Return a value as short JSON text for a check; anything Python's json can't write is shown by its repr."""
    try:
        text = value if isinstance(value, str) else json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        text = f"<{type(value).__name__}>"
    text = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return text.encode("utf-8", "replace").decode()
