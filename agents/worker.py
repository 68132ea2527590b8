"""Runs blocking functions in threads of their own, so that episodes go on meanwhile.

The threads are daemons: Ctrl-C need not wait until a model has finished its batch.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from medenv.errors import InputError

__all__ = ["Worker"]

T = TypeVar("T")
_Job = tuple[Callable[[], Any], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]


class Worker:
    """A few threads that take calls in the order they come.

    Args:
        threads: How many; with 1, calls never run at the same time, and all on one thread.
        name: What the threads are called.
    """

    def __init__(self, threads: int = 1, name: str = "medenv-worker") -> None:
        if threads < 1:
            raise InputError(f"threads is {threads}; it must be at least 1")
        self._limit, self._name = threads, name
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._started = 0

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run a function in one of the threads and wait for what it returns or raises."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if self._started < self._limit:
            self._started += 1
            threading.Thread(target=self._run, name=f"{self._name}-{self._started}", daemon=True).start()
        self._jobs.put((lambda: function(*arguments), loop, future))
        return await future

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            call, loop, future = job
            if future.cancelled():
                continue
            try:
                result, error = call(), None
            except BaseException as raised:
                result, error = None, raised
            with suppress(RuntimeError):  # the loop has ended: nobody waits any more
                loop.call_soon_threadsafe(_settle, future, result, error)

    def close(self) -> None:
        """Let the threads end once they are idle. Closing twice is fine; a later call starts them anew."""
        for _ in range(self._started):
            self._jobs.put(None)
        self._started = 0


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, StopIteration):
        # A future can't hold it, and a bare one would end the generator that waits.
        future.set_exception(RuntimeError(f"the function raised StopIteration: {error}"))
    else:
        future.set_exception(error)
