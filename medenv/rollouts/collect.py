"""The one way in which runs are filled: what is stored already is read, the rest is played and stored, and both are counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from medenv.rollouts.attempts import Attempts, Fork
from medenv.rollouts.budget import Budget
from medenv.rollouts.engines.base import Engine
from medenv.rollouts.runner import pump
from medenv.rollouts.startup import StartupCheck
from medenv.rollouts.store import Key, RunFolder, RunFolderError, key_of
from medenv.tasks import Task
from medenv.trajectories import Status, Trajectory

__all__ = ["Plan", "collect", "read_stored"]


@dataclass(frozen=True)
class Plan:
    """What a run shall hold in the end.

    Attributes:
        tasks: The tasks, or places in other episodes to go on from; indexed as they are needed, so that a sequence may make them then.
        seed: Of the run.
        samples: Attempts at each task.
        retry_infrastructure: Whether stored infrastructure errors are played again.
        max_cost: What all its episodes together may cost in US dollars; None for no limit.
    """

    tasks: Sequence[Task | Fork]
    seed: int = 0
    samples: int = 1
    retry_infrastructure: bool = False
    max_cost: float | None = None

    @property
    def episodes(self) -> int:
        """How many episodes that makes."""
        return len(self.tasks) * self.samples


def read_stored(plan: Plan, folder: RunFolder, count: Callable[[Trajectory], object]) -> set[Key]:
    """Go through the episodes that a run holds.

    Args:
        plan: What it shall hold.
        folder: The run.
        count: Called with each episode that stays.

    Returns:
        The keys of those that are not to be played again.

    Raises:
        RunFolderError: A row is damaged, or an attempt stands twice.
        RunWriteError: Infrastructure errors can't be moved out of the way.
    """
    done: dict[Key, int] = {}
    again: set[int] = set()
    for number, one in folder.numbered():
        if one.status is Status.INFRASTRUCTURE_ERROR and plan.retry_infrastructure:
            again.add(number)
            continue
        key = key_of(one)
        if key in done:
            raise RunFolderError(
                f"{folder.trajectories}, line {number}: sample {key[1]} of task {key[0]!r} with seed {key[2]} already stands in "
                f"line {done[key]}; 'medenv runs repair {folder.path}' sets the later one aside"
            )
        done[key] = number
        count(one)
    if again:
        folder.supersede(again)
    return set(done)


async def collect(
    plan: Plan,
    engine: Engine,
    folder: RunFolder,
    done: set[Key],
    count: Callable[[Trajectory], object],
    spent: float = 0.0,
) -> bool:
    """Play what a run lacks, storing each episode as it is finished.

    Args:
        plan: What it shall hold.
        engine: Where episodes are played; opened and closed here.
        folder: The run.
        done: Keys of what it holds; see `read_stored`.
        count: Called with each new episode, once it is stored.
        spent: What the stored episodes cost.

    Returns:
        Whether everything was played; False if the budget ended the run.

    Raises:
        CannotStartError: The first episodes all ended before the agent's first reply; two of them are stored.
        FatalProviderError: The provider refuses every request.
        RunWriteError: The disk is full or fails.
        ValueError: There is a budget, and the agent doesn't tell what its replies cost.
    """
    budget = None if plan.max_cost is None else Budget(plan.max_cost, spent)
    start = StartupCheck()
    attempts = Attempts(plan.tasks, plan.samples, plan.seed, done, budget, start)

    def deliver(trajectory: Trajectory) -> None:
        for one in start.see(trajectory):
            folder.append(one)
            count(one)

    try:
        await engine.open()
        await pump(engine, attempts, deliver)
    finally:
        await engine.close()
    return not attempts.short_of_money
