"""A policy from a plain function, in one line: ``run(benchmark, my_function, tasks)``.

The function is given the conversation and returns text or a `Reply`; it may be async, and may block.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from medenv.agents.policy import Player, Policy, Reply
from medenv.agents.worker import Worker
from medenv.protocol.conversation import Conversation
from medenv.tasks import Task

__all__ = ["Answering", "FunctionPolicy", "as_policy"]

Answering: TypeAlias = Callable[[Conversation], "Reply | str | Awaitable[Reply | str]"]
"""A function from the conversation to the next reply."""


class FunctionPolicy(Policy):
    """What a function answers.

    Args:
        function: Plain or async.
        name: What it is called in reports; the function's name if None.
        threads: How many calls of a plain function may run at once, each in a thread of its own; 1 for one that isn't thread-safe.

    Raises:
        TypeError: It can't be called.
    """

    def __init__(self, function: Answering, name: str | None = None, threads: int = 1) -> None:
        if not callable(function):
            raise TypeError(f"a policy is a Policy or a function of the conversation, not {type(function).__name__}")
        self.name = name or str(getattr(function, "__name__", type(function).__name__))
        self._function = function
        is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)
        self._worker = None if is_async else Worker(threads, f"medenv-{self.name}")

    def start(self, task: Task, seed: int) -> Player:
        """Begin an episode; the function is told neither task nor seed."""
        return _Calling(self)

    async def answer(self, messages: Conversation) -> Reply | str:
        """Call the function with the conversation, in the worker's thread if there is one, and return its reply."""
        reply = self._function(messages) if self._worker is None else await self._worker.call(self._function, messages)
        return await reply if isinstance(reply, Awaitable) else reply

    async def close(self) -> None:
        """Let the threads end."""
        if self._worker is not None:
            self._worker.close()


class _Calling(Player):
    def __init__(self, policy: FunctionPolicy) -> None:
        self._policy = policy

    async def act(self, messages: Conversation) -> Reply | str:
        return await self._policy.answer(messages)


def as_policy(agent: Policy | Answering) -> Policy:
    """Return a policy as it is, or wrap a function in a `FunctionPolicy`.

    Raises:
        TypeError: It is neither.
    """
    return agent if isinstance(agent, Policy) else FunctionPolicy(agent)
