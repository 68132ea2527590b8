"""What a run has to play: attempts at tasks, each known by task, sample and seed, handed out one at a time."""

from __future__ import annotations

from asyncio import Event
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from medenv.protocol.trajectory import Trajectory
from medenv.rollouts.budget import Budget
from medenv.rollouts.store import Key
from medenv.tasks import Task

__all__ = ["Attempt", "Attempts"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One episode to be played.

    Attributes:
        task: The task.
        sample: Which attempt at it this is, from 0.
        seed: Of the run.
    """

    task: Task
    sample: int
    seed: int

    @property
    def key(self) -> Key:
        """What it is known by in a stored run."""
        return self.task.id, self.sample, self.seed


class Attempts:
    """Hands out attempts to whoever is free, and stops when the budget is spent.

    Args:
        tasks: The tasks, gone through once.
        samples: Attempts at each.
        seed: Of the run.
        done: Keys of attempts that are not to be played.
        budget: What may be spent; None for no limit.
    """

    def __init__(
        self,
        tasks: Iterable[Task],
        samples: int = 1,
        seed: int = 0,
        done: Collection[Key] = (),
        budget: Budget | None = None,
    ) -> None:
        self._waiting = self._all(tasks, samples, seed, done)
        self._budget = budget
        self._under_way = 0
        self._news = Event()
        self.short_of_money = False

    @staticmethod
    def _all(tasks: Iterable[Task], samples: int, seed: int, done: Collection[Key]) -> Iterator[Attempt]:
        for task in tasks:
            for sample in range(samples):
                if (task.id, sample, seed) not in done:
                    yield Attempt(task, sample, seed)

    async def take(self) -> Attempt | None:
        """The next attempt, once the budget allows it; None when there is no more to play."""
        while self._budget is not None and not self._budget.allows(self._under_way):
            if not self._under_way:
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
        if self._budget is not None:
            self._budget.spend(trajectory)
            self._news.set()
