"""What the page holds of an episode: a line of the index, words to search in, and the transcript."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from medenv.rollouts.export.provenance import player
from medenv.rollouts.store import key_of
from medenv.trajectories import Status, Trajectory, Turn

__all__ = ["VERDICTS", "Texts", "index_line", "search_words", "transcript", "verdict_of"]

VERDICTS = ("solved", "failed", "error", "ungraded")
"""What became of an episode; ``error`` is the infrastructure's."""

_ANSWER = 120
_SHARED_FROM = 512
"""Characters of a beginning that is worth keeping apart."""


def verdict_of(trajectory: Trajectory) -> str:
    """One of `VERDICTS`."""
    if trajectory.status is Status.INFRASTRUCTURE_ERROR:
        return "error"
    if trajectory.verdict is None:
        return "ungraded"
    return "solved" if trajectory.verdict.get("score") == 1.0 else "failed"


def index_line(trajectory: Trajectory, run: int, line: int) -> dict[str, Any]:
    """Make an episode's entry in the index, with the values that the list shows and filters by.

    Args:
        trajectory: The episode.
        run: Which of the page's runs it is of, from 0.
        line: Its line in the run.
    """
    task, verdict = trajectory.task, trajectory.verdict or {}
    _, sample, seed = key_of(trajectory)
    return {
        "run": run,
        "line": line,
        "task": task.id,
        "split": task.split,
        "type": task.type,
        "branch": verdict.get("branch") or task.branch,
        "sample": sample,
        "seed": seed,
        "model": player(trajectory.provenance),
        "verdict": VERDICTS.index(verdict_of(trajectory)),
        "failure": verdict.get("category"),
        "status": trajectory.status.value,
        "turns": len(trajectory.turns),
        "answer": _short(trajectory.result),
    }


def search_words(trajectory: Trajectory) -> str:
    """Join the text that the list's search looks into, in lower case; the server's answers are no part of it.

    Looked into are task, what the agent wrote, failed checks and errors.
    """
    task, verdict = trajectory.task, trajectory.verdict or {}
    parts = [
        task.id,
        task.instruction,
        task.mrn,
        player(trajectory.provenance),
        trajectory.error,
        trajectory.status.value,
    ]
    parts += [one for turn in trajectory.turns for one in (turn.text, turn.reasoning)]
    parts += [verdict.get("category"), verdict.get("branch")]
    parts += [
        f"{one['name']} {one['expected']} {one['found']}" for one in verdict.get("checks", ()) if not one["passed"]
    ]
    return "\n".join(str(one) for one in parts if one).lower()


class Texts:
    """Beginnings that many texts share, kept once: an episode's prompt is mostly the same in all."""

    def __init__(self) -> None:
        self.shared: list[str] = []

    def split(self, text: str) -> list[Any]:
        """Split a text into a shared beginning's number (-1 for none), the characters it has of that, and its rest."""
        for number, one in enumerate(self.shared[-8:], max(0, len(self.shared) - 8)):
            length = _common(one, text)
            if length >= _SHARED_FROM:
                return [number, length, text[length:]]
        if len(text) < _SHARED_FROM:
            return [-1, 0, text]
        self.shared.append(text)
        return [len(self.shared) - 1, len(text), ""]


def transcript(trajectory: Trajectory, texts: Texts) -> dict[str, Any]:
    """All that the reader shows of an episode; secrets of a provider are in no trajectory, and addresses are left out."""
    task, said = trajectory.task, trajectory.provenance
    return {
        "instruction": task.instruction,
        "context": task.context,
        "mrn": task.mrn,
        "now": task.now,
        "system": trajectory.system,
        "prompt": texts.split(trajectory.prompt),
        "turns": [_turn(turn) for turn in trajectory.turns],
        "result": trajectory.result
        if trajectory.result is None or isinstance(trajectory.result, str)
        else _json(trajectory.result),
        "error": trajectory.error,
        "facts": trajectory.facts,
        "changes": [dict(one) for one in trajectory.changes],
        "verdict": trajectory.verdict,
        "protocol": trajectory.protocol,
        "max_turns": trajectory.max_turns,
        "origin": {name: said[name] for name in ("medenv", "prompt", "data", "tasks") if name in said},
    }


def _turn(turn: Turn) -> dict[str, Any]:
    row = {
        "text": turn.text,
        "kind": turn.kind,
        "observation": turn.observation,
        "method": turn.method,
        "url": turn.url,
        "status": turn.response_status,
        "usage": turn.usage,
        "reasoning": turn.reasoning,
        "calls": _calls(turn.said.get("tool_calls") or ()),
    }
    return {name: value for name, value in row.items() if value not in (None, [])}


def _calls(calls: Sequence[Any]) -> list[list[str]]:
    return [[str(call["function"]["name"]), str(call["function"].get("arguments") or "")] for call in calls]


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    if other.startswith(one):
        return len(one)
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _short(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else _json(value)
    return text if len(text) <= _ANSWER else text[:_ANSWER] + "..."
