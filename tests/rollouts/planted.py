"""Faults planted in medenv's own code while an agent plays: where they are and how they are taken out again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from unittest.mock import patch

from medenv.agents import Policy, load
from medenv.fhir.session import EmbeddedSession
from medenv.grading import StrictGrader

CANARY = "canary-7f3a9"

PLACES = {
    "the grader": (StrictGrader, "grade"),
    "a request": (EmbeddedSession, "request"),
    "what was changed": (EmbeddedSession, "changes"),
    "the chart before": (EmbeddedSession, "pristine"),
    "closing": (EmbeddedSession, "close"),
    "opening": (EmbeddedSession, "__init__"),
}
"""Methods of which some calls fail."""


@contextmanager
def planted(where: str, every: int = 3) -> Iterator[None]:
    """Let every third call fail."""
    owner, name = PLACES[where]
    sound, calls = getattr(owner, name), 0

    def faulty(self, *args, **more):
        nonlocal calls
        calls += 1
        if calls % every == 0:
            raise RuntimeError(f"planted {CANARY}")
        return sound(self, *args, **more)

    with patch.object(owner, name, faulty):
        yield


class Faulty(Policy):
    """The reference, in a process whose grader fails for one task."""

    def __init__(self, task: str) -> None:
        self._agent, sound = load("reference"), StrictGrader.grade
        self.name = self._agent.name

        def grade(self, trajectory):
            if trajectory.task.id == task:
                raise RuntimeError(f"planted {CANARY}")
            return sound(self, trajectory)

        patch.object(StrictGrader, "grade", grade).start()  # for the life of the worker

    def start(self, task, seed):
        """As the reference."""
        return self._agent.start(task, seed)


def faulty(task: str) -> partial[Faulty]:
    """What makes such an agent, for a `Setup`."""
    return partial(Faulty, task)
