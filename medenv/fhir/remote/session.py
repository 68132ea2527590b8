"""One episode's session on a server over HTTP; its forks and its view of the chart before take turns on the same server.

The server is given back, as it was, when the last of them is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from medenv.fhir.backend import LONGEST_URL, BackendError, Change, Response, Session
from medenv.fhir.changes import change_of
from medenv.fhir.errors import FhirError
from medenv.fhir.remote.client import Client
from medenv.fhir.remote.server import Server, Write
from medenv.fhir.remote.tracking import Key
from medenv.fhir.write.reader import TOO_DEEP, depth_is_fine

__all__ = ["RemoteSession"]


class Scheduler:
    """Who is on a server, and whose state it holds.

    Attributes:
        server: The server.
        sessions: The open sessions on it.
        active: The one whose state the server holds.
    """

    def __init__(self, server: Server, leave: Callable[[], None]) -> None:
        self.server, self.leave = server, leave
        self.sessions: list[RemoteSession] = []
        self.active: RemoteSession | None = None


class RemoteSession(Session):
    """A session on a server that is this episode's until it is closed."""

    def __init__(self, scheduler: Scheduler, read_only: bool = False) -> None:
        """Open a session in the state before.

        Args:
            scheduler: The server and who is on it.
            read_only: Whether writes are refused.
        """
        self.base = scheduler.server.client.public
        self._scheduler, self._read_only = scheduler, read_only
        self._journal: dict[Key, tuple[Write, ...]] = {}
        self._held: dict[Key, Any] = {}
        self._closed = False
        scheduler.sessions.append(self)
        if scheduler.active is None:
            scheduler.active = self

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"an episode on {self.base} can't be pickled or copied, for its chart is that server's; copy the environment before the "
            "first reset, or play on the embedded server"
        )

    @property
    def client(self) -> Client:
        """Requests to the server that aren't the episode's."""
        return self._scheduler.server.client

    def request(
        self, method: str, url: str, body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send one request; see `Session.request`. Reads ask past the server's search cache.

        Raises:
            BackendError: The server failed to answer, or the session is closed.
            ValueError: The URL is on another server, or the session only reads.
        """
        if self._closed:
            raise BackendError(f"the session on {self.base} is closed; open another")
        if self._read_only and method not in ("GET", "HEAD"):
            raise ValueError(f"this view of the chart before only reads; {method} {url[:200]} was not sent")
        server = self._scheduler.server
        server.client.target(url)
        if (refused := _refusal(url, body)) is not None:
            return refused
        with server.lock:
            self._take_turn()
            answer, writes = server.request(method, url, body, headers)
            for one in writes:
                key = one.version.key
                self._journal[key] = (*self._journal.get(key, ()), one)
            return answer

    def _take_turn(self) -> None:
        scheduler = self._scheduler
        if scheduler.active is self:
            return
        if scheduler.active is not None:
            scheduler.active._keep()
        scheduler.active = None
        scheduler.server.assume(self._held)
        scheduler.active = self

    def _keep(self) -> None:
        """Note the state that the server holds for this session."""
        server = self._scheduler.server
        server.sync()
        touched = {k for k in server.before if server.now[k] != server.before[k]} | self._journal.keys()
        self._held = {key: server.now[key] for key in server.before if key in touched}

    def fork(self) -> RemoteSession:
        """Return an independent session with the same state now; the two take turns on the server."""
        with self._scheduler.server.lock:
            if self._scheduler.active is self:
                self._keep()
            other = RemoteSession(self._scheduler, self._read_only)
            other._journal, other._held = dict(self._journal), dict(self._held)
            return other

    def pristine(self) -> RemoteSession:
        """Return the chart as it was when this session was opened, for reading."""
        with self._scheduler.server.lock:
            return RemoteSession(self._scheduler, read_only=True)

    @property
    def written(self) -> int:
        """How many versions this session's requests have stored; see `Session.written`."""
        return sum(map(len, self._journal.values()))

    def changes(self) -> list[Change]:
        """Return the net change of each resource that this session's requests have written; see `Session.changes`."""
        scheduler = self._scheduler
        with scheduler.server.lock:
            if scheduler.active is self and not self._closed:
                self._keep()
            found = []
            # A resource that was found in the server's history alone was written last.
            for key in dict.fromkeys([*self._journal, *self._held]):
                writes = self._journal.get(key, ())
                before, now = scheduler.server.before.get(key), self._held.get(key)
                earlier = [one.version.resource for one in writes[:-1]]
                submitted = writes[-1].submitted if writes and now is not None else None
                change = change_of(key, before, earlier, now, submitted)
                if writes or change.kind != "undone":
                    found.append(change)
            return found

    def reset(self) -> None:
        """Undo every write of this session, and check that it is undone.

        Raises:
            BackendError: The server doesn't answer, or can't be put back.
        """
        scheduler = self._scheduler
        with scheduler.server.lock:
            if scheduler.sessions == [self]:
                scheduler.server.restore()
                scheduler.server.begin()
                scheduler.active = self
            elif scheduler.active is self:
                scheduler.server.assume({})
            self._journal, self._held = {}, {}

    def close(self) -> None:
        """Give the server back. One that can't be put back is looked after when it is next needed."""
        if self._closed:
            return
        scheduler = self._scheduler
        with scheduler.server.lock:
            self._closed = True
            scheduler.sessions.remove(self)
            if not scheduler.sessions:
                scheduler.active = None
                scheduler.leave()


def _refusal(url: str, body: str | None) -> Response | None:
    """Return the embedded server's answer to what exceeds its bounds, which no server over HTTP is to be broken with; None for the rest."""
    if len(url) > LONGEST_URL:
        return Response(400, "")
    if body is not None and not depth_is_fine(body):
        text = f"HAPI-0450: Failed to parse request body as JSON resource. Error was: HAPI-1861: {TOO_DEEP}"
        return FhirError(400, text).response()
    return None
