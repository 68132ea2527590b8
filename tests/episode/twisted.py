"""A server over HTTP with something about it made wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from medenv.fhir import EmbeddedBackend, Response

__all__ = ["Twist", "twisted", "without"]

Ask = Callable[[str, str], Response]
Twist = Callable[[Ask, str, str], Response]
"""Is given what asks the real server, the method and the URL below the base, and answers."""


def straight(ask: Ask, method: str, url: str) -> Response:
    """Answer as the real server does."""
    return ask(method, url)


def without(*names: str, refuse: bool = False) -> Twist:
    """Make a server that ignores search parameters, or refuses them."""

    def twist(ask: Ask, method: str, url: str) -> Response:
        path, _, query = url.partition("?")
        pairs = parse_qsl(query, keep_blank_values=True)
        if method == "GET" and any(name in names for name, _ in pairs):
            if refuse:
                return Response(400, json.dumps({"resourceType": "OperationOutcome", "issue": []}))
            kept = urlencode([(name, value) for name, value in pairs if name not in names])
            return ask(method, f"{path}?{kept}")
        return ask(method, url)

    return twist


@contextmanager
def twisted(resources: Iterable[Mapping[str, Any]], twist: Twist = straight) -> Iterator[str]:
    """Serve; gives the base URL."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode() or None
            url = self.path.removeprefix(urlsplit(base).path).lstrip("/")
            headers: Mapping[str, str] = {k.lower(): v for k, v in self.headers.items() if k.lower() == "content-type"}
            with lock:
                found = twist(lambda method, url: session.request(method, url, body, headers), self.command, url)
            raw = found.body.encode()
            self.send_response(found.status)
            for name in ("location", "etag"):
                if name in found.headers:
                    self.send_header(name, found.headers[name])
            self.send_header("content-type", found.headers.get("content-type", "application/fhir+json"))
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer  # noqa: N815  names that http.server asks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        base = f"http://127.0.0.1:{server.server_address[1]}/fhir"
        session = EmbeddedBackend.from_resources(resources, base).open()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield base
        finally:
            server.shutdown()
            thread.join()
