"""A policy that answers many episodes at once, as a model on a device of one's own wants it.

Whatever conversations wait while one batch is being answered make up the next.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from medenv.agents.policy import Player, Policy, Reply
from medenv.agents.worker import Worker
from medenv.protocol.conversation import Conversation
from medenv.tasks import Task

__all__ = ["BatchPolicy", "BatchRequest"]


@dataclass(frozen=True, slots=True, eq=False)
class BatchRequest:
    """One episode's wish for a reply.

    Attributes:
        conversation: What was said so far, with the functions there are.
        seed: The episode's.
        task: What the episode is about, for the record only.
    """

    conversation: Conversation
    seed: int
    task: Task


class BatchPolicy(Policy):
    """Implement `act_batch`; the rest is done here.

    `act_batch` runs in one thread of its own, one batch at a time. How many episodes wait is the runner's ``concurrency``.
    """

    batch_size: int = 64
    """Most conversations of a batch."""

    @abstractmethod
    def act_batch(self, requests: Sequence[BatchRequest]) -> Sequence[Reply | str]:
        """Return the replies to a batch, one a request and in their order.

        Raises:
            ProviderError: None could be had; every episode of the batch ends as an infrastructure error. To end one episode alone,
                put a `ProviderError` (or `ContextLimitError`) in the place of its reply.
        """

    def start(self, task: Task, seed: int) -> Player:
        """Begin an episode."""
        return _Waiting(self, task, seed)

    async def reply(self, request: BatchRequest) -> Reply | str:
        """Wait in line for the reply to one request."""
        state = self.__dict__.get("_line")
        loop = asyncio.get_running_loop()
        if state is None or state.loop is not loop:
            state = self.__dict__["_line"] = _Line(self, loop)
        return await state.ask(request)

    async def close(self) -> None:
        """Let the thread end. Closing twice is fine."""
        state = self.__dict__.pop("_line", None)
        if state is not None:
            state.worker.close()


class _Line:
    """Those who wait, and the task that serves them."""

    def __init__(self, policy: BatchPolicy, loop: asyncio.AbstractEventLoop) -> None:
        self.loop, self.worker = loop, Worker(1, f"medenv-{policy.name}")
        self._policy = policy
        self._waiting: list[tuple[BatchRequest, asyncio.Future[Reply | str]]] = []
        self._serving: asyncio.Task[None] | None = None

    async def ask(self, request: BatchRequest) -> Reply | str:
        future: asyncio.Future[Reply | str] = self.loop.create_future()
        self._waiting.append((request, future))
        if self._serving is None or self._serving.done():
            self._serving = self.loop.create_task(self._serve())
        return await future

    async def _serve(self) -> None:
        while self._waiting:
            # Episodes that have just been answered step and ask again within these turns of the loop.
            for _ in range(3):
                await asyncio.sleep(0)
            size = max(1, self._policy.batch_size)
            batch = [one for one in self._waiting if not one[1].done()][:size]
            self._waiting = [one for one in self._waiting if one not in batch and not one[1].done()]
            if batch:
                await self._answer(batch)

    async def _answer(self, batch: list[tuple[BatchRequest, asyncio.Future[Reply | str]]]) -> None:
        futures = [future for _, future in batch]
        replies: list[Any] = []
        try:
            replies = list(await self.worker.call(self._policy.act_batch, [request for request, _ in batch]))
            if len(replies) != len(batch):
                raise ValueError(f"act_batch gave {len(replies)} replies to {len(batch)} requests")
        except asyncio.CancelledError:
            for future in futures:
                future.cancel()
            raise
        except Exception as error:
            replies = [error] * len(batch)
        for future, reply in zip(futures, replies, strict=True):
            if future.done():
                continue
            if isinstance(reply, Exception):
                future.set_exception(reply)
            else:
                future.set_result(reply)


class _Waiting(Player):
    def __init__(self, policy: BatchPolicy, task: Task, seed: int) -> None:
        self._policy, self._task, self._seed = policy, task, seed

    async def act(self, messages: Conversation) -> Reply | str:
        return await self._policy.reply(BatchRequest(messages, self._seed, self._task))
