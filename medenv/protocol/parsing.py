"""The one place where an agent's reply, in whatever form, becomes an action: text, tolerated text, or a native call.

In the tools protocol the first call counts; what is no call, or of an unknown function, is an invalid action, as other text is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medenv.protocol.actions import Action, Get, Invalid, parse
from medenv.protocol.reply import Message, Reply, ToolCall, storable
from medenv.protocol.tolerance import tolerated
from medenv.protocol.tools import CallError, UnknownFunctionError, as_text

__all__ = ["ParsedReply", "as_reply", "parse_reply"]


@dataclass(frozen=True, slots=True)
class ParsedReply:
    """A reply as the episode takes it.

    Attributes:
        text: The action as text, which trajectory and graders keep.
        action: The same, parsed.
        message: The assistant's message, where it is more than `text`.
        problem: Why a call can't be sent, None if it can.
    """

    text: str
    action: Action
    message: Message | None = None
    problem: str | None = None


def as_reply(said: str | Mapping[str, Any] | Reply, protocol: str = "text") -> Reply:
    """Whatever an agent or a framework hands over, as a reply.

    Args:
        said: A reply; an assistant's message in OpenAI's form; or text, which in the tools protocol may be such a message as JSON, or
            one call ``{"name": .., "arguments": {..}}``.
        protocol: The episode's.

    Raises:
        ValueError: A message of another form.
        TypeError: Something else.
    """
    if isinstance(said, Reply):
        return said
    if isinstance(said, Mapping):
        return Reply.from_message(said)
    if not isinstance(said, str):
        raise TypeError(f"an action is text, an assistant's message or a Reply, not {type(said).__name__}")
    if protocol == "tools" and said.lstrip().startswith("{"):
        try:
            return _from_json(json.loads(said), said)
        except (ValueError, RecursionError):
            pass  # text that isn't what it looks like
    return Reply(said)


def _from_json(message: Mapping[str, Any], said: str) -> Reply:
    if "tool_calls" in message:
        return Reply.from_message(message)
    name, arguments = message.get("name"), message.get("arguments", {})
    if isinstance(name, str):
        return Reply(calls=(ToolCall(name, arguments if isinstance(arguments, str) else json.dumps(arguments)),))
    return Reply(said)


def parse_reply(reply: Reply, protocol: str = "text", tolerances: Sequence[str] = (), number: int = 0) -> ParsedReply:
    """Parse the action in a reply.

    Args:
        reply: The agent's.
        protocol: ``text``, ``tools`` or ``official``.
        tolerances: What may be wrong with a text (see `medenv.protocol.tolerance`).
        number: Which of the episode's replies this is, from 0; names calls that came without an id.
    """
    said = storable(reply.text)
    if protocol != "tools":
        text = tolerated(said, tolerances) if tolerances else said
        return ParsedReply(text, parse(text), None if text == said else {"role": "assistant", "content": said})
    if not reply.calls:
        reason = "The reply calls no function. Call one of them, finish at the end."
        return ParsedReply(said, Invalid("no call", reason))
    message = _message(said, reply.calls, number)
    first = message["tool_calls"][0]["function"]
    call = ToolCall(first["name"], first["arguments"])
    try:
        text = as_text(call)
    except UnknownFunctionError as error:
        return ParsedReply(f"{call.name}({call.arguments})", Invalid("unknown function", f"{error}."), message)
    except CallError as error:
        return ParsedReply(error.text, Get(""), message, storable(str(error)))
    text = storable(text)  # an argument's escapes may stand for what no row can hold
    return ParsedReply(text, parse(text), message)


def _message(text: str, calls: Sequence[ToolCall], number: int) -> Message:
    return {
        "role": "assistant",
        "content": text or None,
        "tool_calls": [
            {
                "id": storable(call.id) or f"call_{number}_{index}",
                "type": "function",
                "function": {"name": storable(call.name), "arguments": storable(call.arguments)},
            }
            for index, call in enumerate(calls)
        ],
    }
