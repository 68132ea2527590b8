"""The seam to a FHIR server: what every backend (embedded, container, remote) offers to an episode.

A backend opens sessions; a session is one episode's private view of the server, where its writes are seen and no one else's.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal

from medenv.errors import InfrastructureError, InputError

__all__ = ["LONGEST_URL", "Backend", "BackendError", "Change", "NoSession", "Response", "Session", "below_base"]

LONGEST_URL = 8_000
"""Characters; a longer one doesn't fit into the 8 KiB that Tomcat, HAPI's web server, reads of a request's head, and is a 400."""

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")


class BackendError(InfrastructureError):
    """The server itself failed (down, timed out, broken answer): infrastructure, never an agent's behaviour."""


@dataclass(frozen=True, slots=True)
class Response:
    """A server's answer to one request.

    Attributes:
        status: HTTP status code.
        headers: Header names in lower case.
        body: The body as text; ``""`` when there is none.
    """

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Change:
    """The net change of one resource that was written since the session was opened.

    ``stored`` and ``versions`` hold a resource with its ``meta`` reduced to what a client can set (profile, security, tag, extension, and
    a source of the client's own), and without ``meta`` where nothing of that is there; numbers as `medenv.fhir.jsontext.plain` has them.

    Attributes:
        kind: ``create``, ``update`` or ``delete`` by how it now is beside how it was; ``undone`` if that is the same: it was created and
            deleted again, or changed and changed back.
        type: The resource type.
        id: The resource's id.
        submitted: The payload of its last write as the client sent it; None if that isn't known.
        stored: The resource as it now is; None if it isn't there.
        versions: What its earlier writes since the session was opened had stored, oldest first, None for a deletion; empty for a resource
            that was written once. The last write's outcome is ``stored``.
    """

    kind: Literal["create", "update", "delete", "undone"]
    type: str
    id: str
    submitted: str | None = None
    stored: Mapping[str, Any] | None = None
    versions: Sequence[Mapping[str, Any] | None] = ()


class Session(ABC):
    """One episode's private view of a FHIR server.

    A ``url`` is percent-encoded and either relative to the server's base (``Patient/S1``, ``Observation?code=K``, ``?_getpages=..``)
    or absolute below it; a URL of any other host is a ``ValueError``, so nothing else can be reached.
    """

    base: str
    """The server's base URL, without a trailing slash: ``http://localhost:8080/fhir``."""

    @abstractmethod
    def request(
        self, method: str, url: str, body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send one request and return the server's answer.

        Args:
            method: ``GET``, ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
            url: Where to, see the class.
            body: The request body as text.
            headers: Extra request headers; a body without a Content-Type is sent as ``application/fhir+json``.

        Raises:
            BackendError: The server failed to answer.
            ValueError: The URL is not below this server's base.
        """

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Response:
        """Read or search."""
        return self.request("GET", url, None, headers)

    def post(self, url: str, body: str, headers: Mapping[str, str] | None = None) -> Response:
        """Create a resource, or post a transaction bundle to the base (``url=""``)."""
        return self.request("POST", url, body, headers)

    def put(self, url: str, body: str, headers: Mapping[str, str] | None = None) -> Response:
        """Update a resource."""
        return self.request("PUT", url, body, headers)

    def delete(self, url: str, headers: Mapping[str, str] | None = None) -> Response:
        """Delete a resource."""
        return self.request("DELETE", url, None, headers)

    @abstractmethod
    def fork(self) -> Session:
        """Return an independent session with the same state now; neither sees the other's later writes."""

    @abstractmethod
    def pristine(self) -> Session:
        """Return the chart as it was when this session was opened, without the episode's own writes."""

    @property
    @abstractmethod
    def written(self) -> int:
        """How many versions of resources this session's requests have stored in all, since it was opened or reset.

        A create, an update, a deletion and a change of a resource's meta count one each, in a bundle or by themselves. What the server
        refused counts nothing, nor does an update that changes nothing and so makes no version.
        """

    @abstractmethod
    def changes(self) -> list[Change]:
        """Return the net change of each resource that this session's requests have written, in the order of their first write."""

    @abstractmethod
    def reset(self) -> None:
        """Forget every write of this session; costs only what was written."""

    def close(self) -> None:
        """Free what the session holds. Closing twice is fine."""
        return None

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def below_base(url: str, base: str) -> str:
    """Return the part of a request's URL that stands below the base; a fragment, which is never sent, is dropped.

    Args:
        url: Relative to the base, or absolute. Only what begins with a scheme is absolute: ``Patient/http://x`` is not.
        base: The base URL, without a trailing slash.

    Raises:
        ValueError: It is on another server.
    """
    if _ABSOLUTE.match(url):
        if not url.startswith(base) or url[len(base) : len(base) + 1] not in ("", "/", "?", "#"):
            raise InputError(f"{url[:200]!r} is not below {base}; only this server can be asked")
        url = url[len(base) :]
    return url.partition("#")[0]


class NoSession(Session):
    """What stands in a session's place where none could be opened: every request fails.

    Args:
        base: The base URL that it would have had.
        reason: Why there is none.
    """

    def __init__(self, base: str, reason: str) -> None:
        self.base, self.reason = base, reason

    def request(
        self, method: str, url: str, body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Fail."""
        raise BackendError(self.reason)

    def fork(self) -> NoSession:
        """Return the same."""
        return self

    def pristine(self) -> NoSession:
        """Return the same."""
        return self

    @property
    def written(self) -> int:
        """Nothing."""
        return 0

    def changes(self) -> list[Change]:
        """Fail."""
        raise BackendError(self.reason)

    def reset(self) -> None:
        """Fail."""
        raise BackendError(self.reason)


class Backend(ABC):
    """A FHIR server that gives every episode a session of its own.

    Attributes:
        waits: Whether its sessions wait for something outside the process, so that whoever plays many episodes asks them in threads.
    """

    waits: bool = True

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """A hash of the resources' text in order, e.g. ``sha256:1f..``: which data an episode ran on."""

    @property
    def capacity(self) -> int | None:
        """How many sessions may be open at a time, forks aside; None for no limit."""
        return None

    @abstractmethod
    def open(self) -> Session:
        """Open a session on the pristine chart.

        Raises:
            BackendError: The server can't be reached.
        """

    def close(self) -> None:
        """Free what the backend holds. Closing twice is fine."""
        return None

    def __enter__(self) -> Backend:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
