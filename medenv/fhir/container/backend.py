"""Episodes on servers in containers: one container an episode at a time, put back after each, or replaced where that can't be done.

A pool of containers plays as many episodes at once.
"""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Any, Literal

from medenv.errors import InputError
from medenv.fhir.backend import Backend, BackendError
from medenv.fhir.container.engine import KEPT, Engine, Spec
from medenv.fhir.container.lease import Lease
from medenv.fhir.embedded import DEFAULT_BASE
from medenv.fhir.remote.backend import fingerprint_of
from medenv.fhir.remote.client import Client, ClientOptions
from medenv.fhir.remote.load import LoadError, as_text, holds, load, of_patients
from medenv.fhir.remote.server import Server
from medenv.fhir.remote.session import RemoteSession, Scheduler

__all__ = ["ContainerBackend"]

OPTIONS = ClientOptions(credentials=False)
"""A container on loopback is ours: credentials for other servers are no business of its."""


class _Unit:
    """One place in the pool: a container, which may be replaced, and the server in it."""

    def __init__(self, backend: ContainerBackend) -> None:
        self.backend = backend
        self.container: Any = None
        self.lease: Lease | None = None
        self.server: Server | None = None

    def ready(self) -> Server:
        """Return the server, up and as it was at first.

        Raises:
            BackendError: There is none to be had.
        """
        if self.server is None or self.container is None or not self.backend.engine.alive(self.container):
            client = self.start()
            self.server = Server(
                client, lasting=True, own=True, renew=self.start, always_renew=self.backend.reset == "recreate"
            )
        self.server.begin()
        return self.server

    def start(self) -> Client:
        """Return a fresh container in place of the last, with the resources."""
        backend = self.backend
        self.end()
        if backend.reuse:
            self.container, self.lease = backend.kept()
        if self.container is None:
            self.container = backend.engine.start(backend.spec)
            backend.started.append(self.container)
        client = Client(backend.engine.url(self.container, backend.spec), backend.base, OPTIONS)
        try:
            backend.fill(client)
        except BaseException:
            client.close()
            self.end()
            raise
        return client

    def end(self) -> None:
        """Remove the container; one that the user keeps is replaced by one of our own, and left."""
        if self.lease is not None:
            self.lease.release()
            self.lease = None
        elif self.container is not None:
            self.backend.engine.remove(self.container)
        self.container = None


class ContainerBackend(Backend):
    """FHIR servers in Docker containers.

    Args:
        spec: What to start; the official image by default.
        size: How many containers, and so how many episodes at a time.
        reset: ``undo`` takes back what an episode wrote, and replaces the container where that fails; ``recreate`` replaces it
            after every episode that wrote.
        resources: Gives resources to load into a server that doesn't hold them, as texts or parsed.
        base: The base URL that agents are shown, whatever port the engine picks.
        reuse: Whether a container that the user keeps (``medenv container up``) with the same image is taken if it is free.
        progress: Told in a line what takes time.

    Raises:
        ValueError: An argument is wrong.
    """

    def __init__(
        self,
        spec: Spec | None = None,
        *,
        size: int = 1,
        reset: Literal["undo", "recreate"] = "undo",
        resources: Callable[[], Iterable[Mapping[str, Any] | str]] | None = None,
        base: str = DEFAULT_BASE,
        reuse: bool = True,
        progress: Callable[[str], None] = lambda line: None,
    ) -> None:
        if size < 1:
            raise InputError(f"a pool of {size} containers plays no episode; it needs at least 1")
        if reset not in ("undo", "recreate"):
            raise InputError(f"unknown reset {reset!r}; there are: undo, recreate")
        self.spec, self.reset, self.base = spec or Spec(), reset, base
        if size > 1 and self.spec.port is not None:
            raise InputError(f"{size} containers can't all have port {self.spec.port}; leave the port out")
        self.reuse = reuse and reset == "undo"
        self.engine = Engine(progress)
        self.started: list[Any] = []
        self._resources, self._progress = resources, progress
        self._lock, self._fingerprinting = Lock(), Lock()
        self._units = [_Unit(self) for _ in range(size)]
        self._free = list(self._units)
        self._fingerprint: str | None = None
        self._end = weakref.finalize(self, _remove_all, self.engine, self.started, os.getpid())

    @property
    def capacity(self) -> int:
        """How many episodes there can be at a time: one a container."""
        return len(self._units)

    @property
    def fingerprint(self) -> str:
        """A hash of how many resources of each type there are and of the first of them; starts a container if need be.

        Raises:
            BackendError: There is no container to be had.
        """
        with self._fingerprinting:  # many episodes begin at once, and one finds out
            if self._fingerprint is None:
                session = self.open()
                try:
                    self._fingerprint = fingerprint_of(session.client)
                finally:
                    session.close()
        return self._fingerprint

    def open(self) -> RemoteSession:
        """Open a session on a container of its own.

        Raises:
            BackendError: No container can be had, or all are in use.
        """
        with self._lock:
            if not self._free:
                raise BackendError(
                    f"all {len(self._units)} containers are in use, and episodes on one container would see each other's writes; "
                    "close a session first, or have a larger pool (size=N)"
                )
            unit = self._free.pop(0)
        try:
            server = unit.ready()
        except BaseException:
            self._free.append(unit)
            raise
        return RemoteSession(Scheduler(server, lambda: self._leave(unit)))

    def _leave(self, unit: _Unit) -> None:
        if unit.server is not None and self.reset == "undo":
            with contextlib.suppress(BackendError):  # told when the container is next wanted
                unit.server.restore()
        self._free.insert(0, unit)

    def kept(self) -> tuple[Any, Lease | None]:
        """Return a running container of this image that the user keeps and that no other process holds."""
        for one in self.engine.all():
            if KEPT in one.labels and one.attrs["Config"]["Image"] == self.spec.image and one.status == "running":
                lease = Lease.take(one.id)
                if lease is not None:
                    return one, lease
        return None, None

    def fill(self, client: Client) -> None:
        """Load the resources, unless the server holds them; beside what else it holds, they get ids of its own.

        Raises:
            BackendError: The server refused them, or holds a part of them.
        """
        resources = of_patients(map(as_text, self._resources()), None) if self._resources is not None else []
        if not resources or holds(client, resources):
            return
        total, note = len(resources), ""
        counted = client.json("Patient?_summary=count") or {}
        if others := int(counted.get("total", 0)):
            note = f" beside the {others} patients that {self.spec.image} holds"

        def told(count: int) -> None:
            self._progress(f"loading {count} of {total} resources{note}")

        try:
            load(client, resources, renumber=others > 0, progress=told)
        except LoadError:  # no record is written yet: the server can't give such ids, and episodes don't depend on them
            note += ", under the server's own ids"
            load(client, resources, renumber=True, progress=told)

    def close(self) -> None:
        """Remove the containers that this backend started. Closing twice is fine."""
        for unit in self._units:
            if unit.server is not None:
                unit.server.client.close()
                unit.server = None
            unit.end()
        self._end()
        self.engine.close()


def _remove_all(engine: Engine, started: list[Any], process: int) -> None:
    """Remove what was started, at the latest when the process ends; a forked child leaves it to its parent."""
    if os.getpid() == process:
        for one in started:
            engine.remove(one)
        started.clear()
