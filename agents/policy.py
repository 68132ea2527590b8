"""The seam to agents: a policy is configured once, and starts one player an episode.

A fault of whatever is behind a policy is a `ProviderError`, which ends an episode as an infrastructure error and never as a score.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable
from typing import Any

from medenv.errors import ProviderError
from medenv.protocol.conversation import Conversation
from medenv.protocol.reply import Reply
from medenv.tasks import Task

__all__ = ["ContextLimitError", "FatalProviderError", "Player", "Policy", "ProviderError", "Reply", "ask"]


class FatalProviderError(ProviderError):
    """No later request can succeed either (a refused key, an unknown model): the run had better stop."""


class ContextLimitError(ProviderError):
    """The conversation no longer fits the model: the official status ``agent context limit``."""


class Player(ABC):
    """Plays one episode."""

    @abstractmethod
    def act(self, messages: Conversation) -> Reply | str | Awaitable[Reply | str]:
        """Return the next reply; a coroutine function, or a plain one that is quick, since all episodes wait for it.

        Args:
            messages: The conversation so far, a sequence of messages in OpenAI's form; the last one is the prompt or an observation. Its
                ``tools`` are the functions there are, none in a text protocol.

        Returns:
            The reply; a text stands for a `Reply` of it alone.

        Raises:
            ProviderError: No reply could be had.
        """


class Policy(ABC):
    """An agent, configured."""

    name: str
    """What it is called in reports."""

    @abstractmethod
    def start(self, task: Task, seed: int) -> Player:
        """Begin an episode.

        Args:
            task: The task; a model's policy looks at none of it, since the conversation says all.
            seed: Makes whatever is random in this episode repeatable.
        """

    def describe(self) -> dict[str, Any]:
        """Describe what produces the replies, for the record: JSON values without secrets."""
        return {"name": self.name}

    async def close(self) -> None:
        """Free what the policy holds. Closing twice is fine."""
        return None


async def ask(player: Player, messages: Conversation) -> Reply | str:
    """Get a player's next reply, whether it gives it at once or later."""
    reply = player.act(messages)
    return await reply if isinstance(reply, Awaitable) else reply
