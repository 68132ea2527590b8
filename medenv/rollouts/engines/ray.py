"""The engine on Ray: workers are actors, on this machine or on a cluster, and what dies with a worker is played again elsewhere.

Ray restarts actors and repeats their calls; medenv brings each node the charts once and stores what comes back in one place.
"""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from math import ceil
from typing import Any

from medenv.agents import Policy
from medenv.episode import Benchmark
from medenv.errors import InfrastructureError, InputError
from medenv.extras import import_optional
from medenv.rollouts.attempts import Attempt
from medenv.rollouts.engines.base import Engine, failed_attempt
from medenv.rollouts.engines.processes import TRIES
from medenv.rollouts.engines.staging import StagedFile, stage, unstage
from medenv.rollouts.engines.worker import Answer, Setup, Worker, read_answer
from medenv.trajectories import Trajectory

__all__ = ["RayEngine"]

CONNECT_SECONDS = 5.0
"""How long the head of a cluster may take to accept a connection."""


class _Actor:
    """A worker as Ray's actor; it makes its charts and its agent when it is first needed, also after a restart.

    Staged files come with every call: they are references, which Ray keeps alive and a restarted actor has not seen.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._worker: Worker | None = None

    async def ready(self, staged: tuple[StagedFile, ...]) -> str:
        """Get ready; gives what is wrong, or nothing."""
        try:
            self._made(staged)
        except (ValueError, LookupError, OSError, ImportError) as error:
            return f"{os.uname().nodename}: {error}"
        return ""

    async def play(self, attempt: Attempt, staged: tuple[StagedFile, ...]) -> Answer:
        """Play an attempt."""
        return await self._made(staged).play(attempt)

    def _made(self, staged: tuple[StagedFile, ...]) -> Worker:
        if self._worker is None:
            import ray

            self._worker = Worker(unstage(self._setup, staged, ray.get))
        return self._worker


class ClusterError(InfrastructureError, ConnectionError):
    """No Ray cluster answers."""


class RayEngine(Engine):
    """Plays on Ray.

    Args:
        setup: What the workers play with.
        benchmark: The same charts and grader in this process.
        policy: The same agent.
        address: Of a cluster that this machine is a node of (``auto``, ``host:6379``); None starts Ray on this machine.
        workers: How many actors; None for one a core of the cluster.
        concurrency: Episodes under way at a time in all; shared out evenly among the workers.
        gpus: GPUs that each worker is given.

    Raises:
        ValueError: Ray isn't installed, or the backend can't be shared by processes.
    """

    def __init__(
        self,
        setup: Setup,
        benchmark: Benchmark,
        policy: Policy,
        address: str | None = None,
        workers: int | None = None,
        concurrency: int = 16,
        gpus: float = 0.0,
    ) -> None:
        if benchmark.backend.capacity is not None:
            raise InputError(
                "a container or remote server is used by one process; take the engine 'local', or the embedded backend"
            )
        self._ray: Any = import_optional("ray", "ray")
        self._setup, self._benchmark, self._policy = setup, benchmark, policy
        self._address, self._workers, self._gpus = address, workers, gpus
        self.concurrency = concurrency
        self._actors: list[Any] = []
        self._staged: tuple[StagedFile, ...] = ()
        self._free: asyncio.Queue[Any] = asyncio.Queue()
        self._alone = asyncio.Lock()

    async def open(self) -> None:
        """Reach or start Ray, and start the workers.

        Raises:
            ClusterError: No cluster answers at the address.
            ValueError: A worker can't be made: another version of medenv there, other charts, an agent that lacks something.
        """
        ray = self._ray
        common: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if self._address is None:
            cpus = max(self._workers or 0, os.cpu_count() or 1)
            ray.init(num_cpus=cpus, include_dashboard=False, **common)
        else:
            _check_address(self._address)
            ray.init(address=self._address, **common)
        there_is = ray.cluster_resources()
        cores, gpus = int(there_is.get("CPU", 0)) or 1, there_is.get("GPU", 0.0)
        workers = min(self._workers or (int(gpus // self._gpus) if self._gpus else cores), self.concurrency)
        if workers * self._gpus > gpus or not workers:
            raise InputError(
                f"{max(workers, 1)} workers with {self._gpus} GPUs each need more than the {gpus:g} that Ray has; "
                "ask for fewer (--workers, --worker-gpus)"
            )
        each = ceil(self.concurrency / workers)
        self._staged = stage(self._setup, self._benchmark, ray.put)
        # With GPUs there is no spare worker: all tries are on shared ones.
        again = TRIES - 1 if self._gpus else TRIES - 2
        self._actors = [self._actor(each, again, float(workers <= cores)) for _ in range(workers)]
        for trouble in await asyncio.gather(*(self._ready(one) for one in self._actors)):
            if trouble:
                raise InputError(f"a worker can't play on {trouble}")
        for _ in range(each):
            for one in self._actors:
                self._free.put_nowait(one)

    def _actor(self, calls: int, again: int, cpus: float) -> Any:
        """Start a worker.

        Args:
            calls: How many episodes it plays at a time.
            again: How often one is repeated if the worker dies.
            cpus: Cores that it claims.
        """
        options = {
            "num_cpus": cpus,
            "num_gpus": self._gpus,
            "max_concurrency": calls + 1,
            "max_restarts": -1,
            "max_task_retries": again,
            "scheduling_strategy": "SPREAD",
        }
        return self._ray.remote(_Actor).options(**options).remote(self._setup)

    async def _ready(self, actor: Any) -> str:
        try:
            return await actor.ready.remote(self._staged)
        except self._ray.exceptions.RayError as error:
            return f"a node of the cluster: {str(error).strip().splitlines()[-1]}"

    async def episode(self, attempt: Attempt) -> Trajectory:
        """Play an attempt on a free worker; what its workers died in is tried a last time on one of its own.

        So an episode that kills workers takes those that shared them with it through, and only itself is given up.
        """
        actor = await self._free.get()
        try:
            return read_answer(await actor.play.remote(attempt, self._staged))
        except self._ray.exceptions.RayActorError:
            pass
        finally:
            self._free.put_nowait(actor)
        reason = f"the worker died {TRIES} times in this episode"
        if self._gpus:
            return failed_attempt(self._benchmark, self._policy, attempt, reason)
        async with self._alone:
            actor = self._actor(1, 0, 0.0)
            self._actors.append(actor)
            try:
                return read_answer(await actor.play.remote(attempt, self._staged))
            except self._ray.exceptions.RayActorError:
                return failed_attempt(self._benchmark, self._policy, attempt, reason)
            finally:
                self._actors.remove(actor)
                self._ray.kill(actor)

    async def close(self) -> None:
        """End the workers, and Ray if it was started here."""
        ray = self._ray
        if ray.is_initialized():
            for one in self._actors:
                with suppress(Exception):
                    ray.kill(one)
            self._actors, self._staged = [], ()
            ray.shutdown()


def _check_address(address: str) -> None:
    """Tell an address that can't be right before Ray tries it for minutes.

    Raises:
        ValueError: It is of another form.
        ClusterError: Nothing listens there.
    """
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "/" in host:
        raise InputError(
            f"{address!r} is no address of a Ray cluster; on one of its nodes give auto, or its head as host:port (port 6379 mostly)"
        )
    try:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(f"no Ray cluster answers at {address!r}: {error}") from None
