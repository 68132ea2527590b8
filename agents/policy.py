"""The seam to agents: a policy is configured once, and starts one player an episode.

A fault of whatever is behind a policy is a `ProviderError`, which ends an episode as an infrastructure error and never as a score.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medenv.protocol.trajectory import Message
from medenv.tasks import Task

__all__ = ["ContextLimitError", "FatalProviderError", "Player", "Policy", "ProviderError", "Reply"]


class ProviderError(RuntimeError):
    """What is behind the policy failed to give a reply: infrastructure, not the agent's behaviour. Holds no secret."""


class FatalProviderError(ProviderError):
    """No later request can succeed either (a refused key, an unknown model): the run had better stop."""


class ContextLimitError(ProviderError):
    """The conversation no longer fits the model: the official status ``agent context limit``."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The agent's next text.

    Attributes:
        text: What it writes, raw.
        usage: What that cost, as the provider counts it (e.g. ``prompt_tokens``), None if nothing is known.
    """

    text: str
    usage: Mapping[str, Any] | None = None


class Player(ABC):
    """Plays one episode."""

    @abstractmethod
    async def act(self, messages: Sequence[Message]) -> Reply:
        """The next text.

        Args:
            messages: The conversation so far; the last one is the user's (the prompt or an observation).

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
        """What produced the replies, for the record: JSON values without secrets."""
        return {"name": self.name}

    async def close(self) -> None:
        """Free what the policy holds. Closing twice is fine."""
        return None
