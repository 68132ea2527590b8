"""Counts and accuracies of a run, a task type at a time and in all.

Episodes that ended in an infrastructure error are counted apart and are in no accuracy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from math import sqrt
from typing import Any

from medenv.protocol.trajectory import Status, Trajectory

__all__ = ["Counts", "Summary", "summarise", "wilson"]

Z95 = 1.959963984540054
"""The normal distribution's 97.5 % quantile."""


def wilson(passed: int, scored: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share (E. B. Wilson, JASA 1927).

    Args:
        passed: Successes.
        scored: Trials.

    Returns:
        Lower and upper bound, between 0 and 1; the whole range if there was no trial.
    """
    if not scored:
        return 0.0, 1.0
    share, square = passed / scored, Z95 * Z95
    middle = share + square / (2 * scored)
    spread = Z95 * sqrt(share * (1 - share) / scored + square / (4 * scored * scored))
    scale = 1 + square / scored
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


@dataclass(slots=True)
class Counts:
    """What became of some episodes.

    Attributes:
        episodes: How many there were.
        scored: How many have a verdict.
        passed: How many of these scored 1.
        statuses: How many ended in each status.
        turns: Agent turns in all.
    """

    episodes: int = 0
    scored: int = 0
    passed: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    turns: int = 0

    def add(self, trajectory: Trajectory) -> None:
        """Count one episode in."""
        self.episodes += 1
        self.turns += len(trajectory.turns)
        status = trajectory.status.value
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if trajectory.verdict is not None:
            self.scored += 1
            self.passed += trajectory.verdict["score"] == 1.0

    def ended(self, status: Status) -> int:
        """How many ended in this status."""
        return self.statuses.get(status.value, 0)

    @property
    def accuracy(self) -> float | None:
        """Share of the scored that passed, None if none was scored."""
        return self.passed / self.scored if self.scored else None

    @property
    def interval(self) -> tuple[float, float]:
        """The accuracy's 95 % Wilson interval."""
        return wilson(self.passed, self.scored)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for ``summary.json``."""
        return {**asdict(self), "accuracy": self.accuracy, "interval": list(self.interval)}


@dataclass(slots=True)
class Summary:
    """A run's scores.

    Attributes:
        total: All episodes.
        types: By task type.
        usage: Sums of what the provider counted (tokens), by its own names.
    """

    total: Counts
    types: dict[int, Counts]
    usage: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for ``summary.json``."""
        return {
            "total": self.total.to_dict(),
            "types": {str(number): counts.to_dict() for number, counts in sorted(self.types.items())},
            "usage": self.usage,
        }


def summarise(trajectories: Iterable[Trajectory]) -> Summary:
    """Count episodes up."""
    summary = Summary(Counts(), {}, {})
    for trajectory in trajectories:
        summary.total.add(trajectory)
        summary.types.setdefault(trajectory.task.type, Counts()).add(trajectory)
        for turn in trajectory.turns:
            _add_usage(summary.usage, turn.usage or {})
    return summary


def _add_usage(total: dict[str, float], usage: Mapping[str, Any]) -> None:
    for name, value in usage.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            total[name] = total.get(name, 0) + value
