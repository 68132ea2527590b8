"""Whether a run gets started at all: one whose first episodes all end before a reply is given up, and its reason told."""

from __future__ import annotations

import re

from medenv.errors import InfrastructureError
from medenv.trajectories import Trajectory

__all__ = ["CannotStartError", "Reasons", "StartupCheck", "reason_of"]

_SHOWN = 300
"""Characters of a reason that are kept."""
_KINDS = 1000
"""Kinds of reasons that are told apart."""
_VARYING = re.compile(r"\d+")
"""What differs between two tellings of one reason: ports, ids, seconds."""


class CannotStartError(InfrastructureError, RuntimeError):
    """No episode of a run can begin, as far as its first ones tell."""


def reason_of(trajectory: Trajectory) -> str:
    """Why an episode has no score, in a line."""
    return (trajectory.error or trajectory.status.value).strip().partition("\n")[0][:_SHOWN]


class Reasons:
    """Why episodes have no score, counted by kind: reasons that differ in numbers alone are one."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._first: dict[str, str] = {}

    def add(self, trajectory: Trajectory) -> None:
        """Count an episode in, if it has no verdict."""
        if trajectory.verdict is not None:
            return
        reason = reason_of(trajectory)
        kind = _VARYING.sub("0", reason)
        if kind in self._counts or len(self._counts) < _KINDS:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._first.setdefault(kind, reason)

    @property
    def commonest(self) -> tuple[str, int] | None:
        """The reason that most have, as the first of them told it, and how many do; None if there is none."""
        if not self._counts:
            return None
        kind = max(self._counts, key=lambda one: self._counts[one])
        return self._first[kind], self._counts[kind]


class StartupCheck:
    """Watches a run's first episodes.

    A provider or server that isn't there fails every episode in the same way, after all its tries, and before the agent's first reply.
    One such episode may be bad luck. After two, with none that got further, no more are begun until one under way does; if none of
    these does either, the run is given up.
    """

    ENOUGH = 2
    """Episodes that end so before no more are begun."""

    def __init__(self) -> None:
        self._lost = 0
        self._begun = False
        self._held: list[Trajectory] = []
        self._reasons = Reasons()

    def see(self, trajectory: Trajectory) -> list[Trajectory]:
        """Look at the next finished episode.

        Returns:
            The episodes to be stored now. Those that were lost while it is in doubt whether any can begin wait for that; in a run that
            is given up they are played when it is gone on with.
        """
        if self._begun:
            return [trajectory]
        if trajectory.verdict is not None or _own_turns(trajectory):
            self._begun = True
            return [*self._held, trajectory]
        self._lost += 1
        self._reasons.add(trajectory)
        if self._lost <= self.ENOUGH:
            return [trajectory]
        self._held.append(trajectory)
        return []

    @property
    def in_doubt(self) -> bool:
        """Whether no more episodes are to be begun before one under way got further."""
        return not self._begun and self._lost >= self.ENOUGH

    def failure(self) -> CannotStartError:
        """Make the error to raise when no episode under way got to a first reply; it names the commonest reason."""
        reason, _ = self._reasons.commonest or ("", 0)
        return CannotStartError(f"the first {self._lost} episodes ended before the agent's first reply: {reason}")


def _own_turns(trajectory: Trajectory) -> int:
    """Count the turns of an episode itself, without those that it took over from another."""
    fork = trajectory.provenance.get("fork")
    return len(trajectory.turns) - (int(fork.get("turn", 0)) if isinstance(fork, dict) else 0)
