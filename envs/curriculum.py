"""Which task comes next: a curriculum over types, branches, difficulties or single tasks, by schedule or by success."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs

from medenv.errors import InputError

__all__ = ["BySuccess", "Curriculum", "Evenly", "Record", "Schedule", "Stages", "Unlocked"]

ObsT = TypeVar("ObsT")
ActT = TypeVar("ActT")


class Record:
    """How episodes of each choice went.

    Several environments may share one, so that each learns of what all of them play.

    Args:
        choices: How many there are.
        window: Latest episodes of a choice that its success rate is taken over.

    Attributes:
        episodes: How many ended, of each choice.
    """

    def __init__(self, choices: int, window: int = 100) -> None:
        self.episodes = [0] * choices
        self._recent: list[deque[float]] = [deque(maxlen=window) for _ in range(choices)]

    def add(self, choice: int, score: float) -> None:
        """Take an episode in."""
        self.episodes[choice] += 1
        self._recent[choice].append(score)

    def rate(self, choice: int) -> float:
        """Return the mean score of the latest episodes of a choice; 0.0 before the first."""
        recent = self._recent[choice]
        return sum(recent) / len(recent) if recent else 0.0

    def full(self, choice: int) -> bool:
        """Whether as many episodes of a choice ended as its rate is taken over."""
        return len(self._recent[choice]) == self._recent[choice].maxlen


class Schedule(Protocol):
    """Says how often each choice is to be played next."""

    def weights(self, record: Record) -> Sequence[float]:
        """Non-negative weights, one for each choice, not all 0."""


class Evenly:
    """Every choice as often as any other."""

    def weights(self, record: Record) -> Sequence[float]:
        """All the same."""
        return [1.0] * len(record.episodes)


class Stages:
    """One choice after the other, each for a number of episodes; those before it stay.

    Args:
        lengths: Episodes in all before the second choice comes in, then before the third, and so on.
        review: The weight of earlier choices; the latest has 1.
    """

    def __init__(self, lengths: Sequence[int], review: float = 0.25) -> None:
        self.lengths, self.review = list(lengths), review

    def weights(self, record: Record) -> Sequence[float]:
        """Weigh the latest choice that has come in by 1, those before it by `review` and those after it by 0."""
        played, latest = sum(record.episodes), 0
        for length in self.lengths:
            if played < length:
                break
            played -= length
            latest += 1
        return _up_to(min(latest, len(record.episodes) - 1), len(record.episodes), self.review)


class Unlocked:
    """The next choice comes in once the latest succeeds often enough; those before it stay.

    Args:
        rate: The success rate that the latest must reach over a full window of `Record`.
        review: The weight of earlier choices; the latest has 1.
    """

    def __init__(self, rate: float = 0.8, review: float = 0.25) -> None:
        self.rate, self.review = rate, review

    def weights(self, record: Record) -> Sequence[float]:
        """As `Stages`."""
        count, latest = len(record.episodes), 0
        while latest < count - 1 and record.full(latest) and record.rate(latest) >= self.rate:
            latest += 1
        return _up_to(latest, count, self.review)


class BySuccess:
    """Every choice, the more often the less it succeeds.

    Args:
        least: The weight of a choice that always succeeds; one that never does has 1.
    """

    def __init__(self, least: float = 0.2) -> None:
        self.least = least

    def weights(self, record: Record) -> Sequence[float]:
        """Between `least` and 1, by failures."""
        return [self.least + (1 - self.least) * (1 - record.rate(choice)) for choice in range(len(record.episodes))]


def _up_to(latest: int, count: int, review: float) -> list[float]:
    return [review] * latest + [1.0] + [0.0] * (count - latest - 1)


class Curriculum(gymnasium.Wrapper[ObsT, ActT, ObsT, ActT], RecordConstructorArgs):
    """Draws the options of each `reset` from a list of choices.

    Args:
        env: An environment of medenv's, wrapped or not.
        choices: Options for `reset`, e.g. ``[{"difficulty": "easy"}, {"branch": "low", "difficulty": "hard"}]``. A value that is a list is
            drawn from evenly: ``{"task_id": [...]}`` plays a pool of tasks.
        schedule: Which choice how often; `Evenly` if None.
        record: How the choices went so far, shared with other environments; a new one if None.

    Raises:
        ValueError: There is no choice, or `record` has another number of them.

    Options that `reset` is given itself come first. ``info["choice"]`` is the choice's number; an episode counts with the grader's score,
    whatever other wrappers make of the reward.
    """

    def __init__(
        self,
        env: gymnasium.Env[ObsT, ActT],
        choices: Sequence[Mapping[str, Any]],
        schedule: Schedule | None = None,
        record: Record | None = None,
    ) -> None:
        if not choices:
            raise InputError("choices is empty; give one mapping of reset options at least")
        RecordConstructorArgs.__init__(self, choices=choices, schedule=schedule, record=record)
        gymnasium.Wrapper.__init__(self, env)
        self.choices = [dict(one) for one in choices]
        self.schedule: Schedule = schedule or Evenly()
        self.record = record or Record(len(self.choices))
        if len(self.record.episodes) != len(self.choices):
            raise InputError(f"record has {len(self.record.episodes)} choices, and there are {len(self.choices)}")
        self._rng = np.random.default_rng()
        self._choice = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[ObsT, dict[str, Any]]:
        """Begin an episode of the next choice."""
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        weights = np.array(self.schedule.weights(self.record), float)
        self._choice = int(self._rng.choice(len(weights), p=weights / weights.sum()))
        drawn = {
            name: value[int(self._rng.integers(len(value)))] if isinstance(value, (list, tuple)) else value
            for name, value in self.choices[self._choice].items()
        }
        observation, info = self.env.reset(seed=seed, options={**drawn, **(options or {})})
        return observation, {**info, "choice": self._choice}

    def step(self, action: ActT) -> tuple[ObsT, Any, bool, bool, dict[str, Any]]:
        """Act; the end of an episode is taken into the record."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        if terminated or truncated:
            self.record.add(self._choice, float(info["verdict"]["score"]))
        return observation, reward, terminated, truncated, {**info, "choice": self._choice}
