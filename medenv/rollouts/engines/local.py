"""The engine in this process: episodes take turns while their agents wait for answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from weakref import WeakKeyDictionary

from medenv.agents import ContextLimitError, FatalProviderError, Policy, ProviderError, as_policy
from medenv.agents.function_policy import Answering, FunctionPolicy
from medenv.agents.llm.secret import without_keys
from medenv.agents.policy import Reply, ask
from medenv.episode import Benchmark, Episode
from medenv.episode.failures import report
from medenv.errors import InputError
from medenv.fhir import BackendError
from medenv.rollouts.attempts import Attempt
from medenv.rollouts.engines.base import Engine, failed_attempt, provenance
from medenv.rollouts.replaying import ReplayError, retrace
from medenv.tasks import Task
from medenv.trajectories import Status, Trajectory

__all__ = ["LocalEngine", "play", "play_attempt", "play_on"]

T = TypeVar("T")

_MOST_THREADS = 256
"""Requests to FHIR servers outside the process that may be under way at a time."""

_THREADS: WeakKeyDictionary[asyncio.AbstractEventLoop, ThreadPoolExecutor] = WeakKeyDictionary()
"""Where such requests wait, by event loop; the threads end with it."""


async def play(
    benchmark: Benchmark, policy: Policy | Answering, task: Task, seed: int = 0, sample: int = 0
) -> Trajectory:
    """Play one episode to its end and grade it.

    Args:
        benchmark: Charts and grader.
        policy: The agent, or a function from the conversation to its next reply.
        task: One of the benchmark's tasks.
        seed: Of the run; see `medenv.agents.seeds.agent_seed` for what the agent is given.
        sample: Which attempt at the task this is, from 0.

    Returns:
        The graded trajectory; a fault of server or provider gives one with status ``infrastructure_error`` and no verdict.

    Raises:
        FatalProviderError: The provider refuses every request, so that no episode can be played.
    """
    return await play_attempt(benchmark, as_policy(policy), Attempt(task, sample, seed))


async def play_attempt(benchmark: Benchmark, policy: Policy, attempt: Attempt) -> Trajectory:
    """As `play`, for any attempt: one with a prefix takes it over first.

    Raises:
        FatalProviderError: The provider refuses every request, so that no episode can be played.
        ReplayError: What was to be taken over doesn't come out as it is recorded.
    """
    try:
        if attempt.prefix is None:
            episode = await _waiting(benchmark, lambda: benchmark.start(attempt.task))
        else:
            parent = attempt.prefix.parent
            *_, episode = await _waiting(benchmark, lambda: [*retrace(benchmark, parent, {})])
    except ReplayError:
        raise
    except BackendError as error:
        return failed_attempt(benchmark, policy, attempt, str(error))
    except Exception as bug:
        return failed_attempt(benchmark, policy, attempt, report(bug))
    return await play_on(benchmark, policy, attempt, episode)


async def play_on(benchmark: Benchmark, policy: Policy, attempt: Attempt, episode: Episode) -> Trajectory:
    """Play an episode from where it stands to its end, and grade it.

    Whatever of medenv's fails on the way is this episode's infrastructure error, with the traceback, and no other episode's matter.

    Raises:
        FatalProviderError: The provider refuses every request.
        Exception: What an agent that isn't medenv's raised, for who wrote it to see.
    """
    asking = True
    try:
        player = policy.start(attempt.task, attempt.agent_seed)
        while not episode.done:
            asking = True
            said = await ask(player, episode.conversation)
            asking = False
            await _step(benchmark, episode, said)
    except ContextLimitError as error:
        episode.fail(str(error), Status.CONTEXT_LIMIT)
    except FatalProviderError:
        episode.session.close()
        raise
    except (ProviderError, BackendError) as error:
        episode.fail(str(error))
    except Exception as bug:
        if asking and not _own(policy):
            episode.session.close()
            raise
        episode.fail(without_keys(report(bug)))
    return await _waiting(benchmark, lambda: benchmark.finish(episode, provenance(policy, attempt)))


async def _step(benchmark: Benchmark, episode: Episode, said: Reply | str) -> None:
    await _waiting(benchmark, lambda: episode.step(said))


async def _waiting(benchmark: Benchmark, act: Callable[[], T]) -> T:
    """Do what may wait for a server in a thread, while other episodes go on; at once where no server is waited for."""
    if not benchmark.backend.waits:
        return act()
    loop = asyncio.get_running_loop()
    if loop not in _THREADS:
        _THREADS[loop] = ThreadPoolExecutor(_MOST_THREADS, "medenv-episode")
    done = loop.run_in_executor(_THREADS[loop], act)
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        await asyncio.wait([done])  # what it does to the server must be over before the server is put back
        raise


def _own(policy: Policy) -> bool:
    """Whether an agent is medenv's code."""
    return type(policy).__module__.partition(".")[0] == "medenv" and not isinstance(policy, FunctionPolicy)


class LocalEngine(Engine):
    """Plays in this process.

    Args:
        benchmark: Charts and grader.
        policy: The agent.
        concurrency: Most episodes under way at a time; never more than the backend has room for.

    Raises:
        ValueError: `concurrency` is less than 1.
    """

    def __init__(self, benchmark: Benchmark, policy: Policy, concurrency: int = 8) -> None:
        if concurrency < 1:
            raise InputError(f"concurrency is {concurrency}; it must be at least 1")
        capacity = benchmark.backend.capacity
        self.concurrency = concurrency if capacity is None else min(concurrency, capacity)
        self._benchmark, self._policy = benchmark, policy

    async def episode(self, attempt: Attempt) -> Trajectory:
        """Play an attempt."""
        return await play_attempt(self._benchmark, self._policy, attempt)
