"""Playing a stored episode again, reply by reply, to see that it comes out the same, or to go on from one of its turns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from medenv.episode import Benchmark, Episode
from medenv.protocol.trajectory import Status, Trajectory

__all__ = ["Difference", "ReplayError", "replay", "retrace"]

_COMPARED = ("text", "kind", "observation", "method", "url", "response_status", "message")


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a replay and the record part.

    Attributes:
        turn: The turn, from 0; None for the opening or the end.
        what: ``prompt``, a field of the turn, ``status``, ``result`` or ``verdict``.
        recorded: What is stored.
        found: What came out now.
    """

    turn: int | None
    what: str
    recorded: Any
    found: Any

    def __str__(self) -> str:
        where = "" if self.turn is None else f" of turn {self.turn}"
        return f"the {self.what}{where} was {_short(self.recorded)} and is now {_short(self.found)}"


class ReplayError(ValueError):
    """An episode doesn't come out as it is recorded."""

    def __init__(self, trajectory: Trajectory, difference: Difference) -> None:
        super().__init__(f"the episode of task {trajectory.task.id!r} doesn't replay: {difference}")
        self.difference = difference


def retrace(
    benchmark: Benchmark, trajectory: Trajectory, provenance: Mapping[str, Any] | None = None
) -> Iterator[Episode]:
    """Take an episode's replies one after the other, on a fresh chart.

    Args:
        benchmark: What it was played on, see `medenv.rollouts.open_benchmark`.
        trajectory: The episode.
        provenance: What the new one shall say of its origin; the recorded one's if None.

    Yields:
        One and the same episode: before the first reply, and after each. Whoever takes it from here closes its session.

    Raises:
        ReplayError: Prompt or answers are others than recorded; the session is closed.
        BackendError: The server failed.
    """
    episode = benchmark.start(trajectory.task, trajectory.provenance if provenance is None else provenance)
    try:
        _same(trajectory, None, "prompt", trajectory.prompt, episode.prompt)
        _same(trajectory, None, "system message", trajectory.system, episode.system)
        yield episode
        for number, turn in enumerate(trajectory.turns):
            if episode.done:
                raise ReplayError(trajectory, Difference(number, "status", "running", episode.status.value))
            episode.step(turn.reply)
            found = episode.turns[number]
            for name in _COMPARED:
                _same(trajectory, number, name, getattr(turn, name), getattr(found, name))
            yield episode
    except BaseException:
        episode.session.close()
        raise


def replay(benchmark: Benchmark, trajectory: Trajectory) -> Trajectory:
    """Play a finished episode again and check that every answer and the verdict are as recorded.

    Args:
        benchmark: What it was played on.
        trajectory: The episode.

    Returns:
        The episode as played now.

    Raises:
        ReplayError: Something is otherwise; the message says what.
        BackendError: The server failed.
    """
    *_, episode = retrace(benchmark, trajectory)
    if trajectory.status in (Status.CONTEXT_LIMIT, Status.INFRASTRUCTURE_ERROR):
        # These ends are no doing of a reply.
        episode.fail(trajectory.error or "", trajectory.status)
    _same(trajectory, None, "status", trajectory.status.value, episode.status.value)
    _same(trajectory, None, "result", trajectory.result, episode.result)
    again = benchmark.finish(episode)
    if trajectory.verdict is not None and trajectory.verdict.get("grader") == benchmark.grader.name:
        _same(trajectory, None, "verdict", _plain(trajectory.verdict), _plain(again.verdict))
    return again


def _same(trajectory: Trajectory, turn: int | None, what: str, recorded: Any, found: Any) -> None:
    if recorded != found:
        raise ReplayError(trajectory, Difference(turn, what, recorded, found))


def _plain(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "..."
