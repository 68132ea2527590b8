"""Playing a stored episode again, reply by reply, to see that it comes out the same, or to go on from one of its turns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from medenv.episode import Benchmark, Episode
from medenv.errors import DataError
from medenv.tasks.taskset import FIRST
from medenv.trajectories import Status, Trajectory

__all__ = ["Difference", "ReplayError", "replay", "retrace"]

_COMPARED = ("text", "kind", "observation", "method", "url", "response_status", "message")


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a replay and the record part.

    Attributes:
        turn: The turn, from 0; None for the opening or the end.
        what: ``prompt``, a field of the turn, ``status``, ``result``, ``error``, ``changes``, ``facts``, ``pristine`` or
            ``verdict``.
        recorded: What is stored.
        found: What came out now.
    """

    turn: int | None
    what: str
    recorded: Any
    found: Any

    def __str__(self) -> str:
        where = "" if self.turn is None else f" of turn {self.turn}"
        path, recorded, found = _apart(self.recorded, self.found)
        return f"the {self.what}{where}{path} was {recorded} and is now {found}"


class ReplayError(DataError):
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
            for name in (*_COMPARED, *(["writes"] if turn.writes is not None else [])):
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
    _same(trajectory, None, "error", trajectory.error, again.error)
    if again.status is not Status.INFRASTRUCTURE_ERROR:
        for what in ("changes", "facts", *(["pristine"] if trajectory.pristine is not None else [])):
            _same(trajectory, None, what, _plain(getattr(trajectory, what)), _plain(getattr(again, what)))
    if trajectory.verdict is not None and _judges(trajectory.verdict) == _judges(again.verdict or {}):
        _same(trajectory, None, "verdict", _plain(trajectory.verdict), _plain(again.verdict))
    return again


def _same(trajectory: Trajectory, turn: int | None, what: str, recorded: Any, found: Any) -> None:
    if recorded != found:
        raise ReplayError(trajectory, Difference(turn, what, recorded, found))


def _judges(verdict: Mapping[str, Any]) -> tuple[Any, Any]:
    return verdict.get("grader"), verdict.get("grader_version", FIRST)


def _plain(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


_AROUND = 40
"""Characters that are shown before and after the place where two texts part."""


def _apart(recorded: Any, found: Any, path: str = "") -> tuple[str, str, str]:
    """Where two values part: the way to the first difference, and what stands there in either."""
    if isinstance(recorded, Mapping) and isinstance(found, Mapping):
        for name in [*recorded, *(name for name in found if name not in recorded)]:
            if name not in recorded or name not in found or recorded[name] != found[name]:
                return _apart(recorded.get(name), found.get(name), f"{path}.{name}" if path else f" ({name}")
    if isinstance(recorded, list | tuple) and isinstance(found, list | tuple) and len(recorded) == len(found):
        for at, (one, other) in enumerate(zip(recorded, found, strict=True)):
            if one != other:
                return _apart(one, other, f"{path}[{at}]" if path else f" ([{at}]")
    close = ")" if path else ""
    if isinstance(recorded, str) and isinstance(found, str):
        pairs = enumerate(zip(recorded, found, strict=False))
        at = next((at for at, (one, other) in pairs if one != other), min(len(recorded), len(found)))
        return path + close, _excerpt(recorded, at), _excerpt(found, at)
    return path + close, _short(recorded), _short(found)


def _excerpt(text: str, at: int) -> str:
    start, end = max(0, at - _AROUND), at + _AROUND
    if len(text) <= 3 * _AROUND:
        start, end = 0, len(text)
    return ("..." if start else "") + repr(text[start:end]) + ("..." if end < len(text) else "")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "..."
