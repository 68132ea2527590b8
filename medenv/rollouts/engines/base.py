"""What every engine offers: to play an attempt, some number of them at once."""

from __future__ import annotations

from abc import ABC, abstractmethod

from medenv.agents import Policy
from medenv.episode import Benchmark
from medenv.rollouts.attempts import Attempt
from medenv.trajectories import Trajectory

__all__ = ["Engine", "failed_attempt", "provenance"]


class Engine(ABC):
    """Plays attempts.

    Attributes:
        concurrency: How many `episode` calls may be under way at a time.
    """

    concurrency: int

    async def open(self) -> None:
        """Get ready; called once, before the first episode."""
        return None

    @abstractmethod
    async def episode(self, attempt: Attempt) -> Trajectory:
        """Play an attempt to its end and grade it.

        Raises:
            FatalProviderError: No later episode can succeed either.
        """

    async def close(self) -> None:
        """Free everything at once, without waiting for episodes under way. Closing twice is fine."""
        return None


def provenance(policy: Policy, attempt: Attempt) -> dict[str, object]:
    """Make a trajectory's provenance: the agent, the attempt's seed and sample, and, if forked, where from."""
    fork = {} if attempt.prefix is None else {"fork": attempt.prefix.provenance}
    return {"agent": policy.describe(), "seed": attempt.seed, "sample": attempt.sample, **fork}


def failed_attempt(benchmark: Benchmark, policy: Policy, attempt: Attempt, reason: str) -> Trajectory:
    """Record an attempt that couldn't be played, since a worker died or a server failed, as an infrastructure error."""
    return benchmark.infrastructure_failure(attempt.task, reason, provenance(policy, attempt))
