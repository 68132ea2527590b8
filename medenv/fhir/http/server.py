"""Serving the app with uvicorn, on loopback unless asked otherwise: binding, the size of a request's head, and a clean end on a signal."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from medenv.errors import InfrastructureError, InputError
from medenv.fhir.http.app import FhirApp
from medenv.fhir.http.tomcat import HEAD_LIMIT, page

__all__ = ["bind", "listen", "server_of"]

_KEEP_ALIVE = 75
"""Seconds that a connection may stand idle: more than clients usually keep theirs, so that the client closes, not we."""

_BODY = frozenset((b"content-length", b"transfer-encoding", b"expect"))
"""Headers of a request that has, or may have, a body."""

_GRACE = 5
"""Seconds that requests under way have to end when the server is told to stop."""


def _status_line(status: int) -> bytes:
    """Return the first line of an answer, without a reason phrase: Tomcat sends none, and clients show it (``requests.HTTPError``)."""
    return b"HTTP/1.1 %d \r\n" % status


class _Transport:
    """A connection as one answer writes to it: of what uvicorn writes, the reason phrase is left out."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._at_head = True

    def write(self, data: bytes) -> None:
        """Write; what comes first is the head of the answer, perhaps after that of a ``100 Continue``."""
        if self._at_head:
            line, _, rest = data.partition(b"\r\n")
            status = int(line.split(b" ", 2)[1])
            self._at_head = status < 200
            data = _status_line(status) + rest
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Protocol(HttpToolsProtocol):
    """HTTP/1.1 with Tomcat's limit on a request's head, its status line, and its page where a request can't be parsed.

    A GET is answered as soon as its head is read, without a task: that takes about half of uvicorn's own time for a request.
    """

    _head = 0
    _answered = False

    def on_message_begin(self) -> None:
        self._head = 0
        self._answered = False
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url), url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4, b"")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        app = self.config.app
        busy = self.cycle is not None and not self.cycle.response_complete
        if (
            not isinstance(app, FhirApp)
            or self.parser.get_method() != b"GET"
            or not self.url.startswith(b"/")
            or busy  # an earlier request of the connection is still under way
            or self.flow.write_paused
            or self.parser.should_upgrade()
            or any(name in _BODY for name, _ in self.headers)
        ):
            super().on_headers_complete()
            if self.cycle is not None and not isinstance(self.cycle.transport, _Transport):
                self.cycle.transport = cast(asyncio.Transport, _Transport(self.transport))
            return
        self._answered = True
        path, _, query = self.url.partition(b"?")
        version = self.parser.get_http_version()
        status, headers, body = app.respond("GET", path, query, self.headers, version)
        keep = version == "1.1" and self.parser.should_keep_alive() and (b"connection", b"close") not in headers
        if not keep:
            headers.append((b"connection", b"close"))
        lines = [_status_line(status)]
        for name, value in (*self.server_state.default_headers, *headers):
            lines += (name, b": ", value, b"\r\n")
        lines += (b"\r\n", body)
        self.transport.write(b"".join(lines))
        if not keep:
            self.transport.close()
        self.on_response_complete()

    def on_body(self, body: bytes) -> None:
        if not self._answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._answered:
            super().on_message_complete()

    def _count(self, more: int, url: bytes) -> None:
        self._head += more
        if self._head > HEAD_LIMIT or b"#" in url:
            raise ValueError("the request's head is too large, or its target has a fragment")  # ends as a 400

    def send_400_response(self, msg: str) -> None:
        answer = page(400)
        body = answer.body.encode()
        lines = [f"{n}: {v}" for n, v in answer.headers.items()]
        lines += [f"content-length: {len(body)}", "connection: close", "", ""]
        self.transport.write(_status_line(400) + "\r\n".join(lines).encode() + body)
        self.transport.close()


class _Server(uvicorn.Server):
    """A server that says when it is ready, and for which a signal to stop is a normal end."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True


class ListenError(InfrastructureError, OSError):
    """No socket can listen on a port: it is taken, or may not be used."""


def bind(host: str, port: int, expose: bool = False) -> socket.socket:
    """Open a listening socket.

    Args:
        host: ``127.0.0.1``, ``localhost``, ``::1`` or another address of this machine.
        port: The port; 0 for any free one.
        expose: Whether an address that other machines may reach is allowed.

    Raises:
        ValueError: The host is no address, or not a loopback address without `expose`.
        ListenError: The port is taken or may not be used.
    """
    address = "127.0.0.1" if host == "localhost" else host
    try:
        loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        raise InputError(f"host {host!r} is no address of a network interface; use 127.0.0.1 or ::1") from None
    if not loopback and not expose:
        raise InputError(
            f"host {host!r} is not a loopback address, and the server has no access control: use 127.0.0.1 or ::1, or add --expose "
            "where something else keeps others out, such as a container whose port is published on loopback"
        )
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where the protocol is named; with it an answer waits 40 ms for an ACK
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(1024)
    except OSError as e:
        listener.close()
        if e.errno == errno.EADDRINUSE:
            raise ListenError(f"port {port} on {address} is taken; choose another, or 0 for any free one") from None
        raise ListenError(f"can't listen on {address} port {port}: {e.strerror or e}") from None
    return listener


def server_of(app: FhirApp, ready: Callable[[], None] = lambda: None) -> uvicorn.Server:
    """Return a server that is not yet running: ``run(sockets=[...])`` runs it until a signal or ``should_exit``.

    Args:
        app: What answers.
        ready: Called once requests are being answered.
    """
    http: Any = _Protocol
    config = uvicorn.Config(
        app,
        http=http,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_GRACE,
    )
    return _Server(config, ready)


def listen(app: FhirApp, listener: socket.socket, ready: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGINT or SIGTERM comes.

    Args:
        app: What answers.
        listener: A socket of `bind`.
        ready: Called once requests are being answered.
    """
    server_of(app, ready).run(sockets=[listener])
