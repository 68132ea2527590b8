"""The engine of worker processes on this machine, for agents that compute: one episode at a time in each.

A process that dies is replaced, and its episode played again.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from multiprocessing.connection import Connection

from medenv.agents import Policy
from medenv.episode import Benchmark
from medenv.errors import InputError
from medenv.rollouts.attempts import Attempt
from medenv.rollouts.engines.base import Engine, failed_attempt
from medenv.rollouts.engines.worker import Answer, Setup, Worker, read_answer
from medenv.trajectories import Trajectory

__all__ = ["TRIES", "ProcessEngine"]

TRIES = 3
"""How often an episode is begun before the death of its workers is taken for its own doing."""


class ProcessEngine(Engine):
    """Plays in processes of its own.

    Args:
        setup: What the workers play with.
        benchmark: The same charts and grader in this process.
        policy: The same agent.
        workers: How many processes.

    Raises:
        ValueError: There is to be no worker, or the backend can't be shared by processes.
    """

    def __init__(self, setup: Setup, benchmark: Benchmark, policy: Policy, workers: int) -> None:
        if workers < 1:
            raise InputError(f"workers is {workers}; it must be at least 1")
        if benchmark.backend.capacity is not None:
            raise InputError(
                "a container or remote server is used by one process; take the engine 'local', or the embedded backend"
            )
        self.concurrency = workers
        self._setup, self._benchmark, self._policy = setup, benchmark, policy
        self._slots: asyncio.LifoQueue[ProcessPoolExecutor] = asyncio.LifoQueue()
        # Spawned, not forked: a child that inherited the run's lock would keep it after this process is killed.
        self._context = multiprocessing.get_context("spawn")
        self._alive, self._end = self._context.Pipe(duplex=False)
        self._closed = False

    async def open(self) -> None:
        """Make a slot for each worker; its process starts with its first episode."""
        for _ in range(self.concurrency):
            self._slots.put_nowait(self._slot())

    def _slot(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, self._context, _begin, (self._setup, self._alive))

    async def episode(self, attempt: Attempt) -> Trajectory:
        """Play an attempt in a free process."""
        slot = await self._slots.get()
        try:
            for _ in range(TRIES):
                try:
                    answer = await asyncio.get_running_loop().run_in_executor(slot, _play, attempt)
                except BrokenExecutor:
                    slot.shutdown(wait=False)
                    slot = self._slot()
                else:
                    return read_answer(answer)
        finally:
            self._slots.put_nowait(slot)
        return failed_attempt(
            self._benchmark, self._policy, attempt, f"the worker process died {TRIES} times in this episode"
        )

    async def close(self) -> None:
        """End the processes at once."""
        if not self._closed:
            self._closed = True
            self._end.close()  # what every worker waits for
            while not self._slots.empty():
                self._slots.get_nowait().shutdown(wait=False, cancel_futures=True)
            self._alive.close()


_setup: Setup | None = None
_worker: Worker | None = None
_loop: asyncio.AbstractEventLoop | None = None


def _begin(setup: Setup, alive: Connection) -> None:
    """Make a process ready to become a worker: it ends when its parent does, and leaves Ctrl-C to it."""
    global _setup
    _setup = setup
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(alive,), daemon=True).start()


def _end_with(alive: Connection) -> None:
    try:
        alive.recv()
    except (EOFError, OSError):
        os._exit(1)


def _play(attempt: Attempt) -> Answer:
    global _worker, _loop
    if _worker is None or _loop is None:
        assert _setup is not None
        _worker, _loop = Worker(_setup), asyncio.new_event_loop()
    return _loop.run_until_complete(_worker.play(attempt))
