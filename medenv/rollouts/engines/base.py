"""What every engine offers: to play an attempt, some number of them at once."""

from __future__ import annotations

from abc import ABC, abstractmethod

from medenv.agents import Policy
from medenv.episode import Benchmark
from medenv.protocol.trajectory import Trajectory
from medenv.rollouts.attempts import Attempt

__all__ = ["Engine", "lost", "provenance"]


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
    """What a trajectory says of who played it."""
    fork = {} if attempt.beginning is None else {"fork": attempt.beginning.origin}
    return {"agent": policy.describe(), "seed": attempt.seed, "sample": attempt.sample, **fork}


def lost(benchmark: Benchmark, policy: Policy, attempt: Attempt, reason: str) -> Trajectory:
    """The trajectory of an attempt that could not be played, because its workers died or its server failed: an infrastructure error."""
    return benchmark.lost(attempt.task, reason, provenance(policy, attempt))
