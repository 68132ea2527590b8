"""The engine in this process: episodes take turns while their agents wait for answers."""

from __future__ import annotations

from medenv.agents import ContextLimitError, FatalProviderError, Policy, ProviderError, as_policy
from medenv.agents.plain import Answering
from medenv.agents.policy import ask
from medenv.episode import Benchmark, Episode
from medenv.fhir import BackendError
from medenv.protocol.trajectory import Status, Trajectory
from medenv.rollouts.attempts import Attempt
from medenv.rollouts.engines.base import Engine, lost, provenance
from medenv.rollouts.replaying import retrace
from medenv.tasks import Task

__all__ = ["LocalEngine", "play", "play_attempt", "play_on"]


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
    """As `play`, for any attempt: one with a beginning takes it over first.

    Raises:
        FatalProviderError: The provider refuses every request, so that no episode can be played.
        ReplayError: What was to be taken over doesn't come out as it is recorded.
    """
    try:
        if attempt.beginning is None:
            episode = benchmark.start(attempt.task)
        else:
            *_, episode = retrace(benchmark, attempt.beginning.parent, {})
    except BackendError as error:
        return lost(benchmark, policy, attempt, str(error))
    return await play_on(benchmark, policy, attempt, episode)


async def play_on(benchmark: Benchmark, policy: Policy, attempt: Attempt, episode: Episode) -> Trajectory:
    """Play an episode from where it stands to its end, and grade it."""
    player = policy.start(attempt.task, attempt.agent_seed)
    try:
        while not episode.done:
            episode.step(await ask(player, episode.conversation))
    except ContextLimitError as error:
        episode.fail(str(error), Status.CONTEXT_LIMIT)
    except FatalProviderError:
        episode.session.close()
        raise
    except (ProviderError, BackendError) as error:
        episode.fail(str(error))
    return benchmark.finish(episode, provenance(policy, attempt))


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
            raise ValueError(f"concurrency is {concurrency}; it must be at least 1")
        capacity = benchmark.backend.capacity
        self.concurrency = concurrency if capacity is None else min(concurrency, capacity)
        self._benchmark, self._policy = benchmark, policy

    async def episode(self, attempt: Attempt) -> Trajectory:
        """Play an attempt."""
        return await play_attempt(self._benchmark, self._policy, attempt)
