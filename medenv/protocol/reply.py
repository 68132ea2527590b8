"""What an agent answers: text, or native function calls, with whatever the model's provider said about them.

`Reply` is plain data: a policy makes it, the episode reads it, and each of its parts is kept in the turn.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, TypedDict

from medenv.errors import InputError

__all__ = ["Message", "Reply", "Tokens", "ToolCall", "arguments_object", "encodable", "storable", "storable_parts"]

Message = dict[str, Any]
"""One message in the form of OpenAI's chat completions: ``{"role": "user" | "assistant" | "system", "content": text}``.

In the tools protocol an assistant's message may have ``tool_calls``, and the answer to each is ``{"role": "tool", "tool_call_id": id,
"content": text}``.
"""

DEEPEST = 100
"""Levels of objects and lists that are kept; orjson writes 254."""

_LARGEST = 2**63


class Tokens(TypedDict, total=False):
    """What a server tells of a reply's tokens; a key is left out where it doesn't.

    Attributes:
        prompt_ids: Ids of the prompt's tokens as the model saw it, chat template and all.
        ids: Ids of the reply's tokens, the end-of-turn token included where the server counts it.
        logprobs: Log-probability (natural) of each of the reply's tokens when it was sampled.
        texts: The reply's tokens as text.
    """

    prompt_ids: Sequence[int]
    ids: Sequence[int]
    logprobs: Sequence[float]
    texts: Sequence[str]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A native function call.

    Attributes:
        name: The function.
        arguments: Its arguments as JSON text, unchecked, as the model wrote it.
        id: The provider's name for this call; made up by the episode where it is empty.
    """

    name: str
    arguments: str
    id: str = ""

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and isinstance(self.arguments, str) and isinstance(self.id, str)):
            raise TypeError(f"a call's name, arguments (JSON text) and id are texts, not {self!r}"[:300])


@dataclass(frozen=True, slots=True)
class Reply:
    """The agent's next words.

    Attributes:
        text: What it writes, raw; beside native calls, the prose with them.
        usage: What that cost, as the provider counts it (``prompt_tokens``, ``completion_tokens``, ...), with ``cost`` in US dollars
            where a price is known; None if nothing is known.
        calls: Native function calls, for the tools protocol.
        reasoning: Thoughts that the provider shows apart from the text.
        tokens: Token ids and log-probabilities, where the server gives them.
        verbatim: What the provider must be sent back unchanged on the next turn, e.g. ``{"anthropic": [blocks]}``, keyed by the provider's
            name: JSON values.
    """

    text: str = ""
    usage: Mapping[str, Any] | None = None
    calls: Sequence[ToolCall] = ()
    reasoning: str | None = None
    tokens: Tokens | None = None
    verbatim: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise TypeError(f"a reply's text is a text, not {type(self.text).__name__}")

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> Reply:
        """Make a reply from an assistant's message of OpenAI's form.

        Args:
            message: With ``content`` (text or None) and perhaps ``tool_calls``, whose arguments are JSON text or an object.

        Raises:
            ValueError: It has another form.
        """
        content, calls = message.get("content"), message.get("tool_calls") or ()
        if not isinstance(content, str | None) or not isinstance(calls, list | tuple):
            raise InputError(f"no assistant's message (content a text, tool_calls a list): {str(message)[:200]}")
        try:
            read = tuple(_call(call) for call in calls)
        except (KeyError, TypeError):
            raise InputError(
                'a tool call has the form {"id": .., "function": {"name": .., "arguments": JSON text}}, not '
                + str(calls)[:200]
            ) from None
        return cls(content or "", calls=read)


def _call(call: Mapping[str, Any]) -> ToolCall:
    function, id_ = call["function"], call.get("id") or ""
    name, arguments = function["name"], function.get("arguments")
    if isinstance(arguments, Mapping):  # as the rows of datasets have them
        arguments = json.dumps(arguments, ensure_ascii=False)
    if not isinstance(name, str) or not isinstance(arguments, str | None) or not isinstance(id_, str):
        raise TypeError
    return ToolCall(name, arguments or "", id_)


def encodable(value: Any) -> Any:
    """Return JSON values with ``?`` for each lone surrogate in their texts, which no tokenizer and no client takes.

    JSON can hold one as an escape, so that a model can write what nobody can send once it is parsed.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {encodable(key): encodable(one) for key, one in value.items()}
    return [encodable(one) for one in value] if isinstance(value, list) else value


def storable_parts(reply: Reply) -> dict[str, Any]:
    """Return what a turn keeps of a reply beside its text and calls, as rows hold it and as it can be read again.

    What a provider or a policy gave in another form than `Reply` and `Tokens` describe is left out: it says nothing that one could
    read, and must not make a row that nobody can.

    Args:
        reply: The agent's.

    Returns:
        ``usage``, ``reasoning``, ``tokens`` and ``verbatim``, each None where there is none.
    """
    usage = storable(reply.usage) if isinstance(reply.usage, Mapping) else None
    if usage:
        usage = {name: value for name, value in usage.items() if name not in _COUNTED or _is_number(value)}
    tokens: dict[str, Any] | None = None
    if isinstance(reply.tokens, Mapping):
        tokens = {}
        for name, value in dict[str, Any](reply.tokens).items():
            holds = _HELD.get(name)
            if holds is None:
                tokens[name] = storable(value)
            elif isinstance(value, list | tuple) and all(map(holds, value)):
                tokens[name] = list(value)
    return {
        "usage": usage,
        "reasoning": storable(reply.reasoning) if isinstance(reply.reasoning, str) else None,
        "tokens": tokens,
        "verbatim": storable(reply.verbatim) if isinstance(reply.verbatim, Mapping) else None,
    }


_COUNTED = ("prompt_tokens", "completion_tokens", "cost")
"""Members of a usage that sums are made of."""


def _is_id(value: Any) -> bool:
    return type(value) is int and 0 <= value < _LARGEST


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_HELD: Mapping[str, Callable[[Any], bool]] = {
    "prompt_ids": _is_id,
    "ids": _is_id,
    "logprobs": _is_number,
    "texts": _is_text,
}
"""What the lists of `Tokens` hold."""


def arguments_object(text: str) -> dict[str, Any] | None:
    """Return a call's arguments as chat templates want them, an object; None where the text is no JSON object.

    Args:
        text: The arguments as the model wrote them.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return storable(value) if isinstance(value, dict) else None


def storable(value: Any, depth: int = 0) -> Any:
    """Replace all in a value that no row of a trajectory can hold.

    Lone surrogates become ``?``, integers beyond 64 bits floats, numbers beyond a double and NaN None, and what is nested deeper than
    `DEEPEST` a text that says so.
    """
    if isinstance(value, str):
        return encodable(value)
    if value is None:
        return None
    if isinstance(value, (dict, list, tuple, Mapping)) and depth >= DEEPEST:
        return "[nested too deeply]"
    if isinstance(value, (dict, Mapping)):  # whether it is a dict is told many times as fast
        return {storable(str(key)): storable(one, depth + 1) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable(one, depth + 1) for one in value]
    if isinstance(value, float) and not isfinite(value):
        return None
    if isinstance(value, int) and not isinstance(value, bool) and not -_LARGEST <= value < 2 * _LARGEST:
        return float(value) if abs(value) < 10**300 else None
    return value
