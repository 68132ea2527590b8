"""The Hugging Face Hub's session traces: JSON lines, the session first, then its messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from medenv.report.logs.common import file_name, outcome
from medenv.rollouts.export.provenance import player
from medenv.trajectories import Trajectory

__all__ = ["session"]


def session(trajectory: Trajectory, run: str) -> Iterator[dict[str, Any]]:
    """Convert an episode to the lines of a session.

    The last message is the environment's: how the episode ended, and the grader's checks as PASS and FAIL lines.

    Args:
        trajectory: The episode.
        run: The name of its run.

    Yields:
        JSON values, one a line.
    """
    yield {"type": "session", "harness": "medenv", "id": f"{run}/{file_name(trajectory)}"}
    model = player(trajectory.provenance)
    turns = iter(trajectory.turns)
    for said in trajectory.messages:
        message: dict[str, Any] = {"role": said["role"], "content": said.get("content") or ""}
        if said["role"] == "assistant":
            turn = next(turns)
            message["model"] = model
            if turn.reasoning is not None:
                message["reasoningContent"] = turn.reasoning
            if calls := said.get("tool_calls"):
                message["toolCalls"] = [
                    {
                        "id": call["id"],
                        "function": {
                            "name": call["function"]["name"],
                            "arguments": call["function"].get("arguments") or "",
                        },
                    }
                    for call in calls
                ]
        elif said["role"] == "tool":
            message["toolCallId"] = said["tool_call_id"]
        yield {"type": "message", "message": message}
    yield {"type": "message", "message": {"role": "system", "content": outcome(trajectory)}}
