"""One episode's session on a server over HTTP; its forks and its view of the chart before take turns on the same server.

The server is given back, as it was, when the last of them is closed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

from medenv.fhir import jsontext
from medenv.fhir.backend import BackendError, Change, Response, Session
from medenv.fhir.remote.client import Client
from medenv.fhir.remote.server import Server
from medenv.fhir.remote.tracking import Key

__all__ = ["RemoteSession"]


class Turns:
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

    def __init__(self, turns: Turns, read_only: bool = False) -> None:
        """Open a session in the state before.

        Args:
            turns: The server and who is on it.
            read_only: Whether writes are refused.
        """
        self.base = turns.server.client.public
        self._turns, self._read_only = turns, read_only
        self._sent: dict[Key, str | None] = {}
        self._held: dict[Key, Any] = {}
        self._closed = False
        turns.sessions.append(self)
        if turns.active is None:
            turns.active = self

    @property
    def client(self) -> Client:
        """Requests to the server that aren't the episode's."""
        return self._turns.server.client

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
        server = self._turns.server
        with server.lock:
            server.client.target(url)
            self._take_turn()
            answer, sent = server.request(method, url, body, headers)
            self._sent.update(sent)
            return answer

    def _take_turn(self) -> None:
        turns = self._turns
        if turns.active is self:
            return
        if turns.active is not None:
            turns.active._keep()
        turns.active = None
        turns.server.assume(self._held)
        turns.active = self

    def _keep(self) -> None:
        """Note the state that the server holds for this session."""
        server = self._turns.server
        server.sync()
        touched = {
            k for k in server.before if server.now[k] != server.before[k]
        } | self._sent.keys() & server.now.keys()
        self._held = {key: server.now[key] for key in server.before if key in touched}

    def fork(self) -> RemoteSession:
        """An independent session with the same state now; the two take turns on the server."""
        with self._turns.server.lock:
            if self._turns.active is self:
                self._keep()
            other = RemoteSession(self._turns, self._read_only)
            other._sent, other._held = dict(self._sent), dict(self._held)
            return other

    def pristine(self) -> RemoteSession:
        """The chart as it was when this session was opened, for reading."""
        with self._turns.server.lock:
            return RemoteSession(self._turns, read_only=True)

    def changes(self) -> list[Change]:
        """What this session's writes have changed in all; see `Session.changes`."""
        turns = self._turns
        with turns.server.lock:
            if turns.active is self and not self._closed:
                self._keep()
            found = []
            # A resource that was found in the server's history alone was written last.
            for key in dict.fromkeys([*self._sent, *self._held]):
                before, now = _bare(turns.server.before.get(key)), _bare(self._held.get(key))
                if key not in self._held or before == now:
                    continue
                kind: Literal["create", "update", "delete"]
                kind = "create" if before is None else "delete" if now is None else "update"
                plain = None if now is None else json.loads(jsontext.compact(now))
                submitted = None if now is None else self._sent.get(key)
                found.append(Change(kind, key[0], key[1], submitted, plain))
            return found

    def reset(self) -> None:
        """Undo every write of this session, and check that it is undone.

        Raises:
            BackendError: The server doesn't answer, or can't be put back.
        """
        turns = self._turns
        with turns.server.lock:
            if turns.sessions == [self]:
                turns.server.restore()
                turns.server.begin()
                turns.active = self
            elif turns.active is self:
                turns.server.assume({})
            self._sent, self._held = {}, {}

    def close(self) -> None:
        """Give the server back. One that can't be put back is looked after when it is next needed."""
        if self._closed:
            return
        turns = self._turns
        with turns.server.lock:
            self._closed = True
            turns.sessions.remove(self)
            if not turns.sessions:
                turns.active = None
                turns.leave()


def _bare(resource: Any) -> Any:
    return None if resource is None else {k: v for k, v in resource.items() if k != "meta"}
