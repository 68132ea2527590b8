"""A server on a socket, on loopback unless asked otherwise, and its clean end on a signal."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from medenv.errors import InfrastructureError, InputError
from medenv.fhir.http.connection import Application, Connection

__all__ = ["ListenError", "Server", "bind"]

_BACKLOG = 1024
"""Connections that may wait to be accepted."""

_GRACE = 5.0
"""Seconds that requests under way have to end when the server is told to stop."""


class ListenError(InfrastructureError, OSError):
    """No socket can listen on a port: it is taken, or may not be used."""


def bind(host: str, port: int, expose: bool = False) -> socket.socket:
    """Open a listening socket.

    Args:
        host: ``127.0.0.1``, ``localhost``, ``::1`` or another address of this machine.
        port: The port; 0 for any free one.
        expose: Whether an address that other machines may reach is allowed.

    Raises:
        InputError: The host is no address, or not a loopback address without `expose`.
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
        listener.listen(_BACKLOG)
    except OSError as e:
        listener.close()
        if e.errno == errno.EADDRINUSE:
            raise ListenError(f"port {port} on {address} is taken; choose another, or 0 for any free one") from None
        raise ListenError(f"can't listen on {address} port {port}: {e.strerror or e}") from None
    return listener


class Server:
    """Answers on a socket until it is told to stop, by `stop` or by SIGINT or SIGTERM, which are a normal end.

    Args:
        app: What answers.
        ready: Called once requests are being answered.
    """

    def __init__(self, app: Application, ready: Callable[[], None] = lambda: None) -> None:
        self._app, self._ready = app, ready
        self._connections: set[Connection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = threading.Event()
        self._stopping = asyncio.Event()

    def run(self, listener: socket.socket) -> None:
        """Serve on a socket of `bind`, in an event loop of its own."""
        asyncio.run(self.serve(listener))

    async def serve(self, listener: socket.socket) -> None:
        """Serve on a socket of `bind`; requests under way have five seconds to end."""
        self._loop = asyncio.get_running_loop()
        accepting = await self._loop.create_server(
            lambda: Connection(self._app, self._connections), sock=listener, backlog=_BACKLOG
        )
        with self._signals():
            self._ready()
            if not self._told.is_set():
                await self._stopping.wait()
            accepting.close()
            for connection in list(self._connections):
                connection.finish()
            if self._connections:
                await asyncio.wait([connection.closed for connection in self._connections], timeout=_GRACE)
            self._abort()

    def stop(self) -> None:
        """End `serve`, from any thread; the second call ends requests under way, too."""
        again = self._told.is_set()
        self._told.set()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._abort if again else self._stopping.set)

    def _abort(self) -> None:
        for connection in list(self._connections):
            connection.abort()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Let signals to end stop the server, where they can be caught."""
        before = {}
        if threading.current_thread() is threading.main_thread():
            for name in (signal.SIGINT, signal.SIGTERM):
                before[name] = signal.signal(name, lambda *_: self.stop())
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)
