"""Plays episodes: one by itself, and many at once on any engine, handing on each trajectory as it is finished.

Episodes share nothing but the charts, so how many run at once, and where, changes no result.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterable

from medenv.agents import Policy, as_policy
from medenv.agents.function_policy import Answering
from medenv.episode import Benchmark
from medenv.rollouts.attempts import Attempts
from medenv.rollouts.engines.base import Engine
from medenv.rollouts.engines.local import LocalEngine
from medenv.tasks import Task
from medenv.trajectories import Trajectory

__all__ = ["pump", "run"]


async def pump(engine: Engine, attempts: Attempts, deliver: Callable[[Trajectory], object]) -> None:
    """Play attempts until there are no more, as many at once as the engine takes.

    Args:
        engine: Where episodes are played; opened already.
        attempts: What to play.
        deliver: Called with each graded trajectory, in this thread, before anything else of its episode can happen.

    Raises:
        FatalProviderError: The provider refuses every request; what was finished has been delivered.
    """

    async def work() -> None:
        while (attempt := await attempts.take()) is not None:
            trajectory = await engine.episode(attempt)
            deliver(trajectory)
            attempts.finished(trajectory)
            await asyncio.sleep(0)  # policies that never wait must let others have a turn

    workers = [asyncio.create_task(work()) for _ in range(engine.concurrency)]
    try:
        await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for one in workers:
            one.cancel()
        ended = await asyncio.gather(*workers, return_exceptions=True)
    for failure in ended:
        if isinstance(failure, Exception):
            raise failure


async def run(
    benchmark: Benchmark,
    policy: Policy | Answering,
    tasks: Iterable[Task],
    *,
    seed: int = 0,
    samples: int = 1,
    done: Collection[tuple[str, int]] = (),
    concurrency: int = 8,
) -> AsyncGenerator[Trajectory, None]:
    """Play every task in this process, up to `concurrency` episodes at once.

    Args:
        benchmark: Charts and grader.
        policy: The agent, or a function from the conversation to its next reply.
        tasks: What to play.
        seed: Of the run; see `medenv.agents.seeds.agent_seed` for what the agent is given.
        samples: Attempts at each task.
        done: Task id and sample of attempts that are not to be played again.
        concurrency: Most episodes under way at a time; never more than the backend has room for.

    Yields:
        Each graded trajectory as soon as it is finished.

    Raises:
        ValueError: `concurrency` is less than 1.
        FatalProviderError: The provider refuses every request; what was finished has been yielded.
    """
    engine = LocalEngine(benchmark, as_policy(policy), concurrency)
    attempts = Attempts(tasks, samples, seed, {(task, sample, seed) for task, sample in done})
    finished: asyncio.Queue[Trajectory | None] = asyncio.Queue()
    pumping = asyncio.create_task(pump(engine, attempts, finished.put_nowait))
    pumping.add_done_callback(lambda _: finished.put_nowait(None))
    try:
        while (one := await finished.get()) is not None:
            yield one
        await pumping
    finally:
        pumping.cancel()
        await asyncio.gather(pumping, return_exceptions=True)
