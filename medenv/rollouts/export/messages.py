"""Conversations as rows hold them: plain messages of one shape, the functions as JSON text, and who said what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from medenv.protocol.reply import Message, arguments_object
from medenv.rollouts.export.convert import NotConvertibleError
from medenv.trajectories import Trajectory

__all__ = ["Form", "completion", "history", "messages", "tools_text"]


@dataclass(frozen=True, kw_only=True)
class Form:
    """How a row's messages are written.

    Attributes:
        reasoning: Whether they hold what the model thought.
        text_arguments: Whether the arguments of calls stay JSON text, in OpenAI's form, rather than become objects.
    """

    reasoning: bool = False
    text_arguments: bool = False


DEFAULT = Form()


def messages(trajectory: Trajectory, form: Form = DEFAULT) -> list[Message]:
    """Return the whole conversation.

    Raises:
        NotConvertibleError: A call's arguments are no JSON object, and the form wants one.
    """
    return _formed(trajectory, trajectory.messages, 0, form)


def history(trajectory: Trajectory, turn: int, form: Form = DEFAULT) -> list[Message]:
    """Return the messages that the agent had before one of its replies.

    Args:
        trajectory: The episode.
        turn: Which reply, from 0.
        form: How messages are written.

    Raises:
        NotConvertibleError: See `messages`.
    """
    return _formed(trajectory, trajectory.conversation(turn).messages, 0, form)


def completion(trajectory: Trajectory, turn: int | None = None, form: Form = DEFAULT) -> list[Message]:
    """Return one reply; or, without a turn, all that came after the opening, observations included.

    Raises:
        NotConvertibleError: See `messages`.
    """
    if turn is not None:
        return _formed(trajectory, [trajectory.turns[turn].said], turn, form)
    opening = len(trajectory.conversation(0))
    return _formed(trajectory, trajectory.messages[opening:], 0, form)


def _formed(trajectory: Trajectory, said: Sequence[Message], turn: int, form: Form) -> list[Message]:
    """Messages with the same members each, as tables want them."""
    formed = []
    for message in said:
        one: dict[str, Any] = {"role": message["role"], "content": message["content"] or ""}
        if trajectory.protocol == "tools":
            calls = message.get("tool_calls")
            one["tool_calls"] = (
                calls if form.text_arguments or calls is None else [_with_object(call) for call in calls]
            )
            one["tool_call_id"] = message.get("tool_call_id")
        if message["role"] == "assistant":
            if form.reasoning:
                one["reasoning_content"] = trajectory.turns[turn].reasoning
            turn += 1
        elif form.reasoning:
            one["reasoning_content"] = None
        formed.append({name: value for name, value in one.items() if value is not None})
    return formed


def _with_object(call: Mapping[str, Any]) -> dict[str, Any]:
    arguments = arguments_object(call["function"]["arguments"])
    if arguments is None:
        raise NotConvertibleError("a call's arguments are no JSON object, which chat templates need (--arguments text)")
    return {**call, "function": {**call["function"], "arguments": arguments}}


def tools_text(trajectory: Trajectory) -> str | None:
    """Write the functions as JSON text; return None in a text protocol.

    A table would fill the schemas of all functions with each other's members, so they are kept as text; TRL reads it so.
    """
    tools = trajectory.conversation(0).tools
    return orjson.dumps(list(tools)).decode() if tools else None
