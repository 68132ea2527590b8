"""The conversation as an agent is given it: messages, the functions it may call, and what its provider wants back verbatim.

It is a sequence of messages in OpenAI's form, so that a simple policy need know nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

from medenv.protocol.reply import Message, encodable

__all__ = ["Conversation", "shown"]


def shown(message: Message) -> str:
    """Format a message for a person to read: its text, then its calls, one a line."""
    calls = [f"{call['function']['name']}({call['function']['arguments']})" for call in message.get("tool_calls") or ()]
    return "\n".join(([message["content"]] if message["content"] or not calls else []) + calls)


class Conversation(Sequence[Message]):
    """A conversation up to the agent's next reply.

    Args:
        messages: From the system or the user's first to the last observation.
        tools: The functions in OpenAI's form (``{"type": "function", "function": {"name", "description", "parameters"}}``); empty in a
            text protocol.
        verbatim: For each of the assistant's messages what its provider said must come back unchanged (see `Reply.verbatim`).
        base: The server's base URL without a trailing slash, where the protocol takes absolute URLs alone; ``""`` where relative ones
            will do.
    """

    __slots__ = ("base", "messages", "tools", "verbatim")

    def __init__(
        self,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, Any]] = (),
        verbatim: Sequence[Mapping[str, Any] | None] = (),
        base: str = "",
    ) -> None:
        self.messages = list(messages)
        self.tools = tuple(tools)
        self.verbatim = tuple(verbatim)
        self.base = base

    @classmethod
    def of(cls, messages: Sequence[Message]) -> Conversation:
        """Return the conversation itself, or make one of plain messages."""
        return messages if isinstance(messages, cls) else cls(messages)

    @property
    def prompt(self) -> str:
        """The user's first message."""
        return next((str(message["content"]) for message in self.messages if message["role"] == "user"), "")

    @property
    def replies(self) -> int:
        """How many replies the agent has given so far."""
        return sum(message["role"] == "assistant" for message in self.messages)

    def with_verbatim(self) -> Iterator[tuple[Message, Mapping[str, Any]]]:
        """Each message with its verbatim part, which is empty where there is none, and can be sent whatever the model wrote."""
        index = 0
        for message in self.messages:
            if message["role"] == "assistant":
                yield message, encodable((self.verbatim[index] if index < len(self.verbatim) else None) or {})
                index += 1
            else:
                yield message, {}

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> list[Message]: ...
    def __getitem__(self, index: int | slice) -> Message | list[Message]:
        return self.messages[index]

    def __len__(self) -> int:
        return len(self.messages)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Conversation):
            return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)
        return self.messages == other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Conversation({self.messages!r}, {len(self.tools)} tools)"
