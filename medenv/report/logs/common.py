"""What all forms share: the grader's checks as lines, names of episodes, counts of tokens, calls with their arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from medenv.rollouts.export.provenance import provenance_columns
from medenv.rollouts.store import key_of
from medenv.trajectories import Status, Trajectory, Turn

__all__ = ["calls_of", "check_lines", "file_name", "metadata", "outcome", "tokens_used"]

_COUNTS = ("prompt_tokens", "completion_tokens", "cached_tokens")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def check_lines(trajectory: Trajectory) -> list[str]:
    """List the grader's checks as ``PASS name`` or ``FAIL name``, with what was expected and found where told."""
    return [
        f"{'PASS' if check['passed'] else 'FAIL'} {check['name']}"
        + (f": expected {check['expected']}" if check["expected"] else "")
        + (f"; found {check['found']}" if check["found"] else "")
        for check in (trajectory.verdict or {}).get("checks", ())
    ]


def outcome(trajectory: Trajectory) -> str:
    """How the episode ended and what the grader said, in lines."""
    verdict = trajectory.verdict
    if trajectory.status is Status.INFRASTRUCTURE_ERROR:
        return f"ERROR the infrastructure failed, so there is no score: {trajectory.error or ''}"
    ended = f"The episode ended: {trajectory.status.value}" + (f" ({trajectory.error})" if trajectory.error else "")
    if verdict is None:
        return f"{ended}. It was not graded."
    category = f", {verdict['category']}" if verdict.get("category") else ""
    return "\n".join(
        [f"{ended}. Score {verdict['score']} by the grader {verdict['grader']}{category}.", *check_lines(trajectory)]
    )


def metadata(trajectory: Trajectory, run: str) -> dict[str, Any]:
    """Where an episode is from and how it ended; no address and no option of a provider."""
    said = {**provenance_columns(trajectory, run, None), "status": trajectory.status.value}
    said |= {"category": (trajectory.verdict or {}).get("category"), "error": trajectory.error}
    return {name: value for name, value in said.items() if value is not None}


def file_name(trajectory: Trajectory) -> str:
    """Make the name of an episode's file, without ending, from task id, sample and seed."""
    task, sample, seed = key_of(trajectory)
    return f"{_UNSAFE.sub('_', task)[:100].strip('.') or 'task'}-sample{sample}-seed{seed}"


def tokens_used(usage: Mapping[str, Any] | None) -> dict[str, int]:
    """Read a reply's token counts from its usage, by medenv's names; values that are no counts are left out."""
    found = {name: (usage or {}).get(name) for name in _COUNTS}
    return {
        name: int(value)
        for name, value in found.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**53
    }


def calls_of(turn: Turn) -> Iterator[tuple[str, str, dict[str, Any], str | None]]:
    """Iterate over a reply's native calls.

    Yields:
        Id, function, arguments, and the arguments' text where it is no JSON object.
    """
    for call in turn.said.get("tool_calls") or ():
        function = call["function"]
        text = function.get("arguments") or ""
        try:
            arguments = orjson.loads(text) if text else {}
        except orjson.JSONDecodeError:
            arguments = None
        if isinstance(arguments, dict):
            yield call["id"], function["name"], arguments, None
        else:
            yield call["id"], function["name"], {}, text
