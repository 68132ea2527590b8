"""Counts and scores of a run, a task type at a time and in all.

Episodes that ended in an infrastructure error are counted apart and are in no score.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any

from medenv.report.statistics import interval_of, pass_at_k, pass_hat_k, wilson
from medenv.rollouts import Reasons
from medenv.tasks import TYPES
from medenv.trajectories import Status, Trajectory

__all__ = ["Counts", "Summary", "summarise"]


@dataclass(slots=True)
class Counts:
    """What became of some episodes.

    Attributes:
        episodes: How many there were.
        scored: How many have a verdict.
        passed: How many of these scored 1.
        statuses: How many ended in each status.
        categories: How many failed for each reason, as the grader names it.
        turns: Agent turns in all.
        branches: By branch, how many were scored and how many of these passed.
        required: Scored episodes that demand an order, and how many of these made exactly the right ones.
        unrequired: Scored episodes that demand none, and how many of these created something all the same.
    """

    episodes: int = 0
    scored: int = 0
    passed: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    categories: dict[str, int] = field(default_factory=dict)
    turns: int = 0
    branches: dict[str, list[int]] = field(default_factory=dict)
    required: list[int] = field(default_factory=lambda: [0, 0])
    unrequired: list[int] = field(default_factory=lambda: [0, 0])

    def add(self, trajectory: Trajectory) -> None:
        """Count one episode in."""
        self.episodes += 1
        self.turns += len(trajectory.turns)
        _count(self.statuses, trajectory.status.value)
        verdict = trajectory.verdict
        if verdict is None:
            _count(self.categories, "infrastructure")
            return
        passed = int(verdict["score"] == 1.0)
        self.scored += 1
        self.passed += passed
        if verdict.get("category"):
            _count(self.categories, verdict["category"])
        branch = verdict.get("branch") or trajectory.task.branch
        if branch is None:
            return
        _tally(self.branches.setdefault(branch, [0, 0]), passed)
        if any(one.name == branch and one.orders for one in TYPES[trajectory.task.type].branches):
            _tally(self.required, int(verdict.get("partial", {}).get("orders", passed) == 1.0))
        else:
            _tally(self.unrequired, int(any(turn.wrote for turn in trajectory.turns)))

    def ended(self, status: Status) -> int:
        """How many ended in this status."""
        return self.statuses.get(status.value, 0)

    @property
    def accuracy(self) -> float | None:
        """Share of the scored that passed, None if none was scored."""
        return _share(self.passed, self.scored)

    @property
    def interval(self) -> tuple[float, float]:
        """The accuracy's 95 % Wilson interval."""
        return wilson(self.passed, self.scored)

    @property
    def balanced(self) -> float | None:
        """The mean of the branches' accuracies: a branch weighs the same however often it occurs."""
        return fmean([passed / scored for scored, passed in self.branches.values()]) if self.branches else None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for ``summary.json``."""
        scores = {"accuracy": self.accuracy, "interval": list(self.interval), "branch_balanced": self.balanced}
        rates = {"order_recall": _share(*self.required[::-1]), "over_ordering": _share(*self.unrequired[::-1])}
        return {**asdict(self), **scores, **rates}


@dataclass(slots=True)
class Summary:
    """A run's scores.

    Attributes:
        total: All episodes.
        types: By task type.
        usage: Sums of what the provider counted (tokens), by its own names.
        attempts: By task id, the scores of its attempts in the order they were made.
        tasks: By id of all tasks that were played, scored or not, their type.
        reasons: Why episodes have no score.
    """

    total: Counts = field(default_factory=Counts)
    types: dict[int, Counts] = field(default_factory=dict)
    usage: dict[str, float] = field(default_factory=dict)
    attempts: dict[str, list[float]] = field(default_factory=dict)
    tasks: dict[str, int] = field(default_factory=dict)
    reasons: Reasons = field(default_factory=Reasons)

    def add(self, trajectory: Trajectory) -> None:
        """Count one episode in; nothing of it is kept but numbers and reasons. Every attempt counts, none replaces another."""
        self.total.add(trajectory)
        self.reasons.add(trajectory)
        self.types.setdefault(trajectory.task.type, Counts()).add(trajectory)
        self.tasks[trajectory.task.id] = trajectory.task.type
        if trajectory.verdict is not None:
            self.attempts.setdefault(trajectory.task.id, []).append(trajectory.verdict["score"])
        for turn in trajectory.turns:
            _add_usage(self.usage, turn.usage or {})

    @property
    def balanced(self) -> float | None:
        """The mean over task types of their branch-balanced accuracy."""
        found = [counts.balanced for counts in self.types.values() if counts.balanced is not None]
        return fmean(found) if found else None

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the accuracy; see `interval_of`."""
        return interval_of(list(self.attempts.values()))

    def type_interval(self, number: int) -> tuple[float, float]:
        """Compute the 95 % interval of one task type's accuracy; see `interval_of`."""
        return interval_of([scores for task, scores in self.attempts.items() if self.tasks[task] == number])

    @property
    def samples(self) -> int:
        """Attempts that every scored task has at least."""
        return min((len(scores) for scores in self.attempts.values()), default=1)

    @property
    def only_failures_repeated(self) -> bool:
        """Whether some tasks have more attempts than others, and all of those had failed at first: then the score flatters."""
        repeated = [scores for scores in self.attempts.values() if len(scores) > self.samples]
        return bool(repeated) and all(scores[0] < 1.0 for scores in repeated)

    def pass_rates(self) -> dict[str, float]:
        """pass@k and pass^k for every k up to the attempts each task has; empty for single attempts."""
        rates = {}
        for k in range(1, self.samples + 1) if self.samples > 1 else ():
            for name, rate in (("pass@", pass_at_k), ("pass^", pass_hat_k)):
                rates[f"{name}{k}"] = fmean([rate(len(s), sum(x == 1.0 for x in s), k) for s in self.attempts.values()])
        return rates

    def to_dict(self) -> dict[str, Any]:
        """Plain data for ``summary.json``."""
        return {
            "total": {**self.total.to_dict(), "interval": list(self.interval), "branch_balanced": self.balanced},
            "types": {
                str(number): {**counts.to_dict(), "interval": list(self.type_interval(number))}
                for number, counts in sorted(self.types.items())
            },
            "usage": self.usage,
            "samples": self.samples,
            "pass_rates": self.pass_rates(),
            "only_failures_repeated": self.only_failures_repeated,
        }


def summarise(trajectories: Iterable[Trajectory]) -> Summary:
    """Count episodes up; see `Summary.add`."""
    summary = Summary()
    for trajectory in trajectories:
        summary.add(trajectory)
    return summary


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _count(counts: dict[str, int], key: str) -> None:
    counts[key] = counts.get(key, 0) + 1


def _tally(pair: list[int], hit: int) -> None:
    pair[0] += 1
    pair[1] += hit


def _add_usage(total: dict[str, float], usage: Mapping[str, Any]) -> None:
    for name, value in usage.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            total[name] = total.get(name, 0) + value
