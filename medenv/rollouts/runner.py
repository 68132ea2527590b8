"""Runs an agent over tasks, many episodes at once, and hands on each trajectory as it is finished.

Episodes share nothing but the charts, so how many run at once changes no result.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterable

from medenv.agents import ContextLimitError, FatalProviderError, Policy, ProviderError
from medenv.episode import Benchmark
from medenv.fhir import BackendError
from medenv.protocol.trajectory import Status, Trajectory
from medenv.tasks import Task

__all__ = ["play", "run"]


async def play(benchmark: Benchmark, policy: Policy, task: Task, seed: int = 0, sample: int = 0) -> Trajectory:
    """Play one episode to its end and grade it.

    Args:
        benchmark: Charts and grader.
        policy: The agent.
        task: One of the benchmark's tasks.
        seed: Of the run; the agent is given the sum of seed and sample.
        sample: Which attempt at the task this is, from 0.

    Returns:
        The graded trajectory; a fault of server or provider gives one with status ``infrastructure_error`` and no verdict.

    Raises:
        FatalProviderError: The provider refuses every request, so that no episode can be played.
    """
    provenance = {"agent": policy.describe(), "seed": seed, "sample": sample}
    try:
        episode = benchmark.start(task, provenance)
    except BackendError as error:
        return benchmark.lost(task, str(error), provenance)
    player = policy.start(task, seed + sample)
    try:
        while not episode.done:
            reply = await player.act(episode.messages)
            episode.step(reply.text, reply.usage)
    except ContextLimitError as error:
        episode.fail(str(error), Status.CONTEXT_LIMIT)
    except FatalProviderError:
        episode.session.close()
        raise
    except (ProviderError, BackendError) as error:
        episode.fail(str(error))
    return benchmark.finish(episode)


async def run(
    benchmark: Benchmark,
    policy: Policy,
    tasks: Iterable[Task],
    *,
    seed: int = 0,
    samples: int = 1,
    done: Collection[tuple[str, int]] = (),
    concurrency: int = 8,
) -> AsyncGenerator[Trajectory, None]:
    """Play every task, up to `concurrency` episodes at once.

    Args:
        benchmark: Charts and grader.
        policy: The agent.
        tasks: What to play.
        seed: Of the run; the agent is given the sum of seed and sample.
        samples: Attempts at each task.
        done: Task id and sample of attempts that are not to be played again.
        concurrency: Most episodes under way at a time; never more than the backend has room for.

    Yields:
        Each graded trajectory as soon as it is finished.

    Raises:
        ValueError: `concurrency` is less than 1.
        FatalProviderError: The provider refuses every request; what was finished has been yielded.
    """
    if concurrency < 1:
        raise ValueError(f"concurrency is {concurrency}; it must be at least 1")
    capacity = benchmark.backend.capacity
    concurrency = concurrency if capacity is None else min(concurrency, capacity)
    waiting = ((task, sample) for task in tasks for sample in range(samples) if (task.id, sample) not in done)
    under_way: list[asyncio.Task[Trajectory]] = []
    try:
        while True:
            while len(under_way) < concurrency and (attempt := next(waiting, None)) is not None:
                under_way.append(asyncio.create_task(play(benchmark, policy, attempt[0], seed, attempt[1])))
            if not under_way:
                return
            await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            finished = [one for one in under_way if one.done()]
            under_way = [one for one in under_way if one not in finished]
            # In the order begun, so that equal runs are equal files; good ones first, so that nothing finished
            # is lost when another of the same moment is fatal.
            for one in sorted(finished, key=lambda done: done.exception() is not None):
                yield one.result()
    finally:
        for one in under_way:
            one.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
