"""What a run has to play: attempts at tasks, each known by task, sample and seed, handed out one at a time."""

from __future__ import annotations

from asyncio import Event
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

from medenv.agents.seeds import agent_seed
from medenv.rollouts.budget import Budget
from medenv.rollouts.prefix import Prefix
from medenv.rollouts.startup import StartupCheck
from medenv.rollouts.store import Key
from medenv.tasks import Task
from medenv.trajectories import Trajectory

__all__ = ["Attempt", "Attempts", "Fork"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One episode to be played.

    Attributes:
        task: The task.
        sample: Which attempt at it this is, from 0.
        seed: Of the run.
        prefix: What it takes over from another episode; None for one that begins at the prompt.
    """

    task: Task
    sample: int
    seed: int
    prefix: Prefix | None = None

    @property
    def agent_seed(self) -> int:
        """The seed that the agent is given; one that goes on from an episode doesn't repeat that episode's."""
        if self.prefix is None:
            return agent_seed(self.seed, self.sample)
        said = f"{self.seed}/{self.sample}/{self.prefix.provenance}"
        return int.from_bytes(blake2b(said.encode(), digest_size=4).digest(), "big") >> 1

    @property
    def key(self) -> Key:
        """What it is known by in a stored run."""
        return self.task.id, self.sample, self.seed


@dataclass(frozen=True, slots=True)
class Fork:
    """A place in a stored episode from which others go on.

    Attributes:
        prefix: What they take over.
        index: Which of its task's forks this is, from 0.
        count: How many forks the task has; their samples take turns, so that more can be asked for later.
    """

    prefix: Prefix
    index: int = 0
    count: int = 1

    def attempt(self, number: int, seed: int) -> Attempt:
        """One of the continuations, from 0."""
        return Attempt(self.prefix.parent.task, number * self.count + self.index, seed, self.prefix)


class Attempts:
    """Hands out attempts to whoever is free, and stops when the budget is spent.

    Args:
        tasks: The tasks, or places in episodes to go on from; gone through once.
        samples: Attempts at each.
        seed: Of the run.
        done: Keys of attempts that are not to be played.
        budget: What may be spent; None for no limit.
        start: Says whether the run gets started; None to play on whatever happens.
    """

    def __init__(
        self,
        tasks: Iterable[Task | Fork],
        samples: int = 1,
        seed: int = 0,
        done: Collection[Key] = (),
        budget: Budget | None = None,
        start: StartupCheck | None = None,
    ) -> None:
        self._waiting = self._all(tasks, samples, seed, done)
        self._budget, self._start = budget, start
        self._under_way = 0
        self._news = Event()
        self.short_of_money = False

    @staticmethod
    def _all(tasks: Iterable[Task | Fork], samples: int, seed: int, done: Collection[Key]) -> Iterator[Attempt]:
        for one in tasks:
            for number in range(samples):
                attempt = one.attempt(number, seed) if isinstance(one, Fork) else Attempt(one, number, seed)
                if attempt.key not in done:
                    yield attempt

    async def take(self) -> Attempt | None:
        """Wait until the budget allows another attempt and return it; None when there is no more to play.

        Raises:
            CannotStartError: The first episodes were all lost, and none is under way any more.
        """
        while True:
            if self._start is not None and self._start.in_doubt:
                if not self._under_way:
                    raise self._start.failure()
            elif self._budget is None or self._budget.allows(self._under_way):
                break
            elif not self._under_way:
                self.short_of_money = next(self._waiting, None) is not None or self.short_of_money
                return None
            self._news.clear()
            await self._news.wait()
        attempt = next(self._waiting, None)
        self._under_way += attempt is not None
        return attempt

    def finished(self, trajectory: Trajectory) -> None:
        """Count an attempt that was taken as played.

        Raises:
            ValueError: There is a budget, and the agent doesn't tell what its replies cost.
        """
        self._under_way -= 1
        try:
            if self._budget is not None:
                self._budget.spend(trajectory)
        finally:
            self._news.set()
