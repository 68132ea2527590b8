"""Conversations as rows hold them: plain messages of one shape, the functions as JSON text, and who said what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from medenv.protocol.reply import Message
from medenv.protocol.trajectory import Trajectory

__all__ = ["completion", "history", "messages", "tools_text"]


def messages(trajectory: Trajectory, reasoning: bool = False) -> list[Message]:
    """The whole conversation."""
    return _formed(trajectory, trajectory.messages, 0, reasoning)


def history(trajectory: Trajectory, turn: int, reasoning: bool = False) -> list[Message]:
    """What the agent had before one of its replies.

    Args:
        trajectory: The episode.
        turn: Which reply, from 0.
        reasoning: Whether to give what the model thought.
    """
    return _formed(trajectory, trajectory.conversation(turn).messages, 0, reasoning)


def completion(trajectory: Trajectory, turn: int | None = None, reasoning: bool = False) -> list[Message]:
    """One reply; or, without a turn, all that came after the opening, observations included."""
    if turn is not None:
        return _formed(trajectory, [trajectory.turns[turn].said], turn, reasoning)
    opening = len(trajectory.conversation(0))
    return _formed(trajectory, trajectory.messages[opening:], 0, reasoning)


def _formed(trajectory: Trajectory, said: Sequence[Message], turn: int, reasoning: bool) -> list[Message]:
    """Messages with the same members each, as tables want them."""
    formed = []
    for message in said:
        one: dict[str, Any] = {"role": message["role"], "content": message["content"] or ""}
        if trajectory.protocol == "tools":
            one["tool_calls"] = message.get("tool_calls")
            one["tool_call_id"] = message.get("tool_call_id")
        if message["role"] == "assistant":
            if reasoning:
                one["reasoning_content"] = trajectory.turns[turn].reasoning
            turn += 1
        elif reasoning:
            one["reasoning_content"] = None
        formed.append({name: value for name, value in one.items() if value is not None})
    return formed


def tools_text(trajectory: Trajectory) -> str | None:
    """The functions as JSON text; None in a text protocol.

    A table would fill the schemas of all functions with each other's members, so they are kept as text; TRL reads it so.
    """
    tools = trajectory.conversation(0).tools
    return orjson.dumps(list(tools)).decode() if tools else None
