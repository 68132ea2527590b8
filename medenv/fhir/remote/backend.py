"""Any FHIR R4 server by its base URL, one episode at a time; or many at once where the server keeps sessions apart.

Writes are undone after each episode and the undoing is checked, see `medenv.fhir.remote.server`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from threading import Lock
from typing import Any

from medenv.fhir.backend import Backend, BackendError
from medenv.fhir.remote.client import Client, ClientOptions, checked_base
from medenv.fhir.remote.load import as_text, holds, of_patients
from medenv.fhir.remote.server import Server
from medenv.fhir.remote.session import RemoteSession, Scheduler

__all__ = ["SESSION", "RemoteBackend", "fingerprint_of", "session_ender"]

SESSION = "{session}"
"""Stands in a base URL for the name of a session, where a server keeps sessions apart (``medenv serve --isolate``)."""

_TYPES = ("Patient", "Condition", "Observation", "Procedure", "MedicationRequest", "ServiceRequest")


class RemoteBackend(Backend):
    """A FHIR server that is reached over HTTP.

    A server that keeps one state for all who ask is lent to one episode at a time, since episodes on it would see each other's writes.
    ``http://127.0.0.1:8080/s/{session}/fhir`` gives every episode a session of its own on ``medenv serve --isolate``.

    Args:
        url: The base URL, with ``{session}`` where the server takes a session's name.
        base: The base URL that agents are shown; None for the server's own.
        options: Timeouts, retries, access.
        resources: Gives what the server must hold, as texts or parsed; the first session finds out.

    Raises:
        ValueError: The URL is no http or https URL.
    """

    def __init__(
        self,
        url: str,
        base: str | None = None,
        options: ClientOptions | None = None,
        resources: Callable[[], Iterable[Mapping[str, Any] | str]] | None = None,
    ) -> None:
        self.url, self._base, self._options = url, base, options
        self._wanted = resources
        self._isolated = SESSION in url
        self._lock, self._fingerprinting = Lock(), Lock()
        self._numbers = count(1)
        self._fingerprint: str | None = None
        if self._isolated:
            checked_base(url.replace(SESSION, "x"))
            if base is None:
                self._base = url.replace(f"/s/{SESSION}", "").replace(SESSION, "session")
            self._free: list[Server] = []
        else:
            self._free = [Server(Client(url, base, options))]
        self._servers = list(self._free)

    @property
    def capacity(self) -> int | None:
        """How many episodes there can be at a time; None for no limit."""
        return None if self._isolated else 1

    @property
    def fingerprint(self) -> str:
        """A hash of how many resources of each type there are and of the first of them: a server can't be read whole.

        Raises:
            BackendError: The server doesn't answer.
        """
        with self._fingerprinting:  # many episodes begin at once, and one finds out
            if self._fingerprint is None:
                if self._isolated:
                    server = self._make()
                    try:
                        self._fingerprint = fingerprint_of(server.client)
                    finally:
                        self._drop(server)
                else:
                    self._fingerprint = fingerprint_of(self._servers[0].client)
        return self._fingerprint

    def open(self) -> RemoteSession:
        """Open a session.

        Raises:
            BackendError: The server can't be reached or put back, lacks the resources, or another episode is on it.
        """
        with self._lock:
            if not self._free and not self._isolated:
                raise BackendError(
                    f"{self.url} is in use by another episode, which would see this one's writes; close it first, "
                    "or play one episode at a time"
                )
            server = self._free.pop() if self._free else self._make()
        try:
            self._check(server.client)
            server.begin()
        except BaseException:
            self._give_back(server)
            raise
        return RemoteSession(Scheduler(server, lambda: self._end(server)))

    def _check(self, client: Client) -> None:
        """Find out once whether the server holds what it must."""
        if self._wanted is None:
            return
        wanted = of_patients(map(as_text, self._wanted()), None)
        if wanted and not holds(client, wanted):
            raise BackendError(
                f"{self.url} does not hold the charts: none of their {len(wanted)} resources is there; fill it first "
                f"(medenv data export, medenv load); medenv check-server {self.url} says what it lacks"
            )
        self._wanted = None

    def _make(self) -> Server:
        name = f"medenv-{os.getpid()}-{next(self._numbers)}"
        url = self.url.replace(SESSION, name)
        client = Client(url, self._base, self._options)
        return Server(client, wipe=session_ender(client), lasting=True)

    def _end(self, server: Server) -> None:
        with contextlib.suppress(BackendError):  # told when the server is next wanted: this episode's outcome is known
            server.restore()
        self._give_back(server)

    def _give_back(self, server: Server) -> None:
        if self._isolated:
            self._drop(server)
        else:
            self._free.append(server)

    def _drop(self, server: Server) -> None:
        with contextlib.suppress(BackendError):
            server.wipe()
        server.client.close()

    def close(self) -> None:
        """Close the connections. Closing twice is fine."""
        for server in self._servers:
            server.client.close()


def session_ender(client: Client) -> Callable[[], None]:
    """Return what ends a named session, so that its name begins anew."""
    root = Client(client.wire.rpartition("/")[0], None, client.options)

    def end() -> None:
        answer = root.send("DELETE", "")
        if not answer.ok and answer.status != 404:
            raise BackendError(f"{root.wire} answers {answer.status} to DELETE; is the server run with --isolate?")

    return end


def fingerprint_of(client: Client) -> str:
    """Return ``sha256:`` and a hash of a server's counts and of the first ids of each type; see `RemoteBackend.fingerprint`.

    Raises:
        BackendError: The server doesn't answer.
    """
    digest = hashlib.sha256()
    for type_ in _TYPES:
        bundle = client.json(f"{type_}?_sort=_id&_count=20&_total=accurate") or {}
        ids = [entry["resource"]["id"] for entry in bundle.get("entry", [])]
        digest.update(f"{type_} {bundle.get('total')} {' '.join(ids)}\n".encode())
    return f"sha256:{digest.hexdigest()}"
