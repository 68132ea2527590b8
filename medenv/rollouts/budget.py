"""Money: what episodes cost, and when no more may be begun."""

from __future__ import annotations

from medenv.errors import InputError
from medenv.trajectories import Trajectory

__all__ = ["Budget", "cost_of"]


def cost_of(trajectory: Trajectory) -> float | None:
    """Sum an episode's cost in US dollars over its replies, as the agent told it; None if it told none."""
    costs = [turn.usage["cost"] for turn in trajectory.turns if turn.usage and turn.usage.get("cost") is not None]
    return sum(costs) if costs else None


class Budget:
    """A limit on what a run may cost in all.

    An episode is begun only if what was spent, and as much as the dearest episode so far for it and each one under way, stays within
    the limit. The first episode is played alone, to learn what one costs.

    Args:
        limit: In US dollars.
        spent: What was spent before, in US dollars.

    Attributes:
        spent: In US dollars, so far.
    """

    def __init__(self, limit: float, spent: float = 0.0) -> None:
        self.limit = limit
        self.spent = spent
        self._dearest: float | None = None
        self._in_the_dark = False

    def allows(self, under_way: int) -> bool:
        """Whether another episode may be begun.

        Args:
            under_way: Episodes begun and not finished.
        """
        if self._in_the_dark:
            return False
        if self._dearest is None:
            return under_way == 0 and self.spent < self.limit
        return self.spent + self._dearest * (under_way + 1) <= self.limit

    def spend(self, trajectory: Trajectory) -> None:
        """Count a finished episode.

        Raises:
            ValueError: It doesn't tell what it cost.
        """
        cost = cost_of(trajectory)
        if cost is None and trajectory.turns:
            self._in_the_dark = True
            raise InputError(
                "the agent doesn't tell what its replies cost, so that --max-cost can't be kept; "
                "give the model's prices, or leave --max-cost out"
            )
        if cost is not None:
            self.spent += cost
            self._dearest = max(cost, self._dearest or 0.0)
