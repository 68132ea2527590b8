"""Running a command's coroutine so that Ctrl-C ends it at once, whatever it waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

__all__ = ["GRACE", "run_interruptible"]

T = TypeVar("T")

GRACE = 0.3
"""Seconds that cancelled work is given to tidy up."""


def run_interruptible(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop of its own.

    Unlike `asyncio.run` it leaves Ctrl-C to Python, so that even code that blocks the loop is interrupted, and waits for nothing
    afterwards: neither for slow answers nor for threads.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; what the coroutine had begun is cancelled.
    """
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(main)
    finally:
        try:
            _wind_up(loop)
        finally:
            loop.close()


def _wind_up(loop: asyncio.AbstractEventLoop) -> None:
    loop.set_exception_handler(lambda *_: None)  # what is cut off may complain, to nobody's use
    if left := asyncio.all_tasks(loop):
        for one in left:
            one.cancel()
        _wait(loop, left)
    _wait(loop, {loop.create_task(loop.shutdown_asyncgens())})


def _wait(loop: asyncio.AbstractEventLoop, tasks: set[asyncio.Task[Any]]) -> None:
    waiting = loop.create_task(asyncio.wait(tasks, timeout=GRACE))
    while not waiting.done():
        # A task that was itself hit by Ctrl-C ends with it once more.
        with suppress(KeyboardInterrupt):
            loop.run_until_complete(waiting)
