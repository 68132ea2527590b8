"""How an episode begins that goes on from the middle of another one: the turns that it takes over, and whose they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from medenv.errors import InputError
from medenv.rollouts.store import key_of
from medenv.trajectories import Status, Trajectory

__all__ = ["Prefix", "kept_turns"]


@dataclass(frozen=True, slots=True)
class Prefix:
    """The first turns of a stored episode.

    Attributes:
        parent: The episode, up to where the new one goes on.
        run: The name of its run.
    """

    parent: Trajectory
    run: str

    @classmethod
    def of(cls, parent: Trajectory, turn: int, run: str) -> Prefix:
        """Take over the first turns of an episode.

        Args:
            parent: The episode.
            turn: How many of its replies stay; from the end if negative.
            run: The name of its run.

        Raises:
            ValueError: There is no reply after these to be given anew.
        """
        kept = kept_turns(parent, turn)
        if kept is None:
            raise InputError(
                f"the episode of task {parent.task.id!r} has {len(parent.turns)} turns, so it can't be forked at turn {turn}"
            )
        running = Status.RUNNING
        return cls(
            replace(
                parent, turns=parent.turns[:kept], status=running, result=None, changes=(), error=None, verdict=None
            ),
            run,
        )

    @property
    def provenance(self) -> dict[str, object]:
        """What a trajectory says of it: run, episode (task, sample and seed) and turn."""
        return {"run": self.run, "episode": "/".join(map(str, key_of(self.parent))), "turn": len(self.parent.turns)}


def kept_turns(parent: Trajectory, turn: int) -> int | None:
    """How many of an episode's replies a fork at a turn keeps, counted from 0, or from the end if negative; None if there are too few."""
    count = len(parent.turns)
    kept = turn if turn >= 0 else count + turn
    return kept if 0 <= kept < count else None
