"""Any policy without asyncio, for a loop of one's own around `gym.make` or an `Episode`.

It keeps an event loop for itself, so that connections live as long as the policy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from medenv.agents.function_policy import Answering, as_policy
from medenv.agents.policy import Player, Policy, Reply, ask
from medenv.protocol.conversation import Conversation
from medenv.protocol.reply import Message
from medenv.tasks import Task

__all__ = ["Blocking", "BlockingPlayer"]


class Blocking:
    """A policy whose players answer at once.

    Args:
        policy: Any policy or function. To be used from one thread, and not from within a running event loop, such as a notebook's or that
            of an async function: there players are awaited themselves.
    """

    def __init__(self, policy: Policy | Answering) -> None:
        self.policy = as_policy(policy)
        self._loop = asyncio.new_event_loop()

    def start(self, task: Task, seed: int = 0) -> BlockingPlayer:
        """Begin an episode."""
        return BlockingPlayer(self.policy.start(task, seed), self._loop)

    def close(self) -> None:
        """Free what the policy holds. Closing twice is fine, and so is closing within a running event loop."""
        if self._loop.is_closed():
            return
        if _is_running():
            # A thread has no loop that runs, and `with` in a notebook must leave nothing open, whatever ended it.
            with ThreadPoolExecutor(1) as thread:
                thread.submit(self._close).result()
        else:
            self._close()

    def _close(self) -> None:
        try:
            self._loop.run_until_complete(self.policy.close())
        finally:
            self._loop.close()

    def __enter__(self) -> Blocking:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class BlockingPlayer:
    """Plays one episode."""

    def __init__(self, player: Player, loop: asyncio.AbstractEventLoop) -> None:
        self._player, self._loop = player, loop

    def act(self, messages: Sequence[Message]) -> Reply:
        """Return the agent's next reply to a conversation, e.g. ``episode.conversation``, and wait for it.

        Raises:
            ProviderError: No reply could be had.
            RuntimeError: An event loop is running in this thread.
        """
        if _is_running():
            raise RuntimeError(
                "an event loop is running here, as in a notebook or an async function, and a blocking player would stop it: "
                "there write `player = policy.start(task, seed)` and `await medenv.agents.ask(player, conversation)`"
            )
        reply = self._loop.run_until_complete(ask(self._player, Conversation.of(messages)))
        return Reply(reply) if isinstance(reply, str) else reply


def _is_running() -> bool:
    """Whether this thread is within an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
