"""A server on loopback that answers as a test says, for what no well-behaved server does."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

EMPTY = json.dumps({"resourceType": "Bundle", "type": "searchset", "total": 0})


class Misbehaving:
    """What the server does and what it was asked.

    Attributes:
        answer: Gives status and body for a method and target; or ``"reset"`` or ``"hang"``.
        asked: Method, target, headers and body of each request.
    """

    def __init__(self) -> None:
        self.answer: Callable[[str, str], tuple[int, str] | str] = lambda method, target: (200, EMPTY)
        self.asked: list[tuple[str, str, dict[str, str], str]] = []
        self.released = threading.Event()
        self.url = ""

    def methods(self) -> list[str]:
        """The requests' methods, the search for what may be asked at the beginning aside."""
        return [method for method, target, _, _ in self.asked if "_history" not in target and "_summary" not in target]


@contextmanager
def misbehaving() -> Iterator[Misbehaving]:
    """A running server."""
    plan = Misbehaving()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            plan.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            answer = plan.answer(self.command, self.path)
            if answer == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()
                return
            if answer == "hang":
                plan.released.wait(60)
                self.close_connection = True
                return
            status, text = answer
            self.send_response(status)
            self.send_header("content-type", "application/fhir+json")
            self.send_header("content-length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

        def log_message(self, *_: object) -> None:
            return

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                return
            except ValueError:  # the closed file of a connection that was reset
                return

        def finish(self) -> None:
            try:
                super().finish()
            except (OSError, ValueError):
                return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    plan.url = f"http://127.0.0.1:{server.server_address[1]}/fhir"
    try:
        yield plan
    finally:
        plan.released.set()
        server.shutdown()
        server.server_close()
