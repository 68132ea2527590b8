"""A connection that speaks HTTP/1.1 as Tomcat does.

It has Tomcat's limit on a request's head, its status line without a reason phrase, and its page where a request can't be parsed.
``httptools`` reads, and each request that has come in whole is answered at once, in order.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from typing import Protocol, cast

import httptools

from medenv.fhir.http.tomcat import HEAD_LIMIT, page

__all__ = ["BODY_LIMIT", "Application", "Connection", "Headers"]

BODY_LIMIT = 16 * 1024 * 1024
"""Bytes of a request body, before and after decompression. HAPI sets no limit; a server that may not die needs one."""

_KEEP_ALIVE = 75.0
"""Seconds that a connection may stand idle: more than clients usually keep theirs, so that the client closes, not we."""

Headers = list[tuple[bytes, bytes]]
"""Names in lower case, and values."""


class Application(Protocol):
    """Answers requests."""

    def respond(
        self, method: str, path: bytes, query: bytes, headers: Headers, version: str, body: bytes | None
    ) -> tuple[int, Headers, bytes]:
        """Return status, headers and body of the answer; the body of a request is None if it has more than `BODY_LIMIT` bytes."""
        ...


@dataclass(slots=True)
class _Request:
    """A request as it comes in.

    Attributes:
        url: Its target.
        headers: Its headers.
        chunks: What has come of its body; None if that is too large.
        method, version, keep: Known once its head is read; `keep` says whether the client wants to ask again on this connection.
    """

    url: bytes = b""
    headers: Headers = field(default_factory=list)
    chunks: list[bytes] | None = field(default_factory=list)
    method: str = ""
    version: str = "1.1"
    keep: bool = False

    def target(self) -> tuple[bytes, bytes]:
        """Return path and query; those of ``http://host/path`` are what follows the host."""
        if self.url.startswith(b"/"):
            path, _, query = self.url.partition(b"?")
            return path, query
        parsed = httptools.parse_url(self.url)
        return parsed.path or b"", parsed.query or b""


class Connection(asyncio.Protocol):
    """One client's connection.

    Requests that a client sends before it has read the answers to earlier ones wait here, and no more is read meanwhile: one is
    answered in each round of the event loop, none while the client doesn't read.

    Args:
        app: What answers.
        others: The server's open connections; holds this one while it is open.
    """

    def __init__(self, app: Application, others: set[Connection]) -> None:
        self._app, self._others = app, others
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[_Request | None] = deque()
        """Requests to be answered; None for what could not be parsed."""
        self._request = _Request()
        self._size = 0
        """Bytes of the head or the body that is being read."""
        self._reads_head = self._reads_body = self._scheduled = self._full = self._last = self._at_end = False
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        """When the last request was answered."""
        self.closed = self._loop.create_future()
        """Is done when the connection has ended."""

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: the client has connected."""
        self._transport = cast(asyncio.Transport, transport)
        self._others.add(self)
        self._timer = self._loop.call_later(_KEEP_ALIVE, self._close_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """End: what still waits is asked by nobody."""
        self._others.discard(self)
        self._waiting.clear()
        self._timer.cancel()
        if not self.closed.done():
            self.closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Read what has come, and answer the first request of it."""
        if self._at_end:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._at_end = True  # no other protocol is spoken: the request is answered, and what follows it is not HTTP
            if self._waiting and (asked := self._waiting[-1]) is not None:
                asked.keep = False
        except httptools.HttpParserError:
            self._end_with(None)
        if not self._scheduled:
            self._answer_next()
        if self._waiting or self._at_end:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Take it that the client sends no more; what it asked is answered, since it may still read."""
        self._at_end = True
        return bool(self._waiting)

    def pause_writing(self) -> None:
        """Answer nothing more until the client has read."""
        self._full = True

    def resume_writing(self) -> None:
        """Go on answering."""
        self._full = False
        if not self._scheduled:
            self._answer_next()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._request = _Request()
        self._size = 0
        self._reads_head, self._reads_body = True, False

    def on_url(self, url: bytes) -> None:
        """Take a part of its target."""
        self._count(len(url))
        if b"#" in url:
            raise ValueError("a request's target has no fragment")  # ends as a 400
        self._request.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        if self._reads_head:  # a chunked body may end with more of them, for which nobody asks
            self._count(len(name) + len(value) + 4)
            self._request.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Take the head as read; a client that waits for leave to send the body gets it."""
        request, parser = self._request, self._parser
        request.method = parser.get_method().decode("ascii")
        request.version = parser.get_http_version()
        request.keep = request.version == "1.1" and parser.should_keep_alive()
        request.target()  # a target that can't be parsed ends as a 400
        self._reads_head, self._reads_body, self._size = False, True, 0
        for name, value in request.headers:
            if name == b"content-length" and int(value) > BODY_LIMIT:
                self._refuse_body()
            elif name == b"expect" and self._reads_body and value.lower() == b"100-continue" and not self._waiting:
                self._transport.write(_status_line(100) + b"\r\n")

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        if not self._reads_body or self._request.chunks is None:
            return
        self._size += len(body)
        if self._size > BODY_LIMIT:
            self._refuse_body()
        else:
            self._request.chunks.append(body)

    def on_message_complete(self) -> None:
        """Let the request wait for its answer."""
        if self._reads_body:
            self._reads_body = False
            self._waiting.append(self._request)

    # What the server calls.

    def finish(self) -> None:
        """Close once the request under way is answered; at once if there is none."""
        self._last = True
        if not self._busy():
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def _count(self, more: int) -> None:
        self._size += more
        if self._size > HEAD_LIMIT:
            raise ValueError("the request's head is too large")  # ends as a 400

    def _refuse_body(self) -> None:
        self._request.chunks = None
        self._request.keep = False
        self._reads_body = False
        self._end_with(self._request)

    def _end_with(self, request: _Request | None) -> None:
        """Take this request as the connection's last."""
        if not self._at_end:
            self._at_end = True
            self._reads_head = self._reads_body = False
            self._waiting.append(request)

    def _answer_next(self) -> None:
        """Answer the request that waits longest; others in the next rounds of the loop."""
        self._scheduled = False
        if self._full or self._transport.is_closing():
            return
        if self._waiting:
            self._answer(self._waiting.popleft())
        if self._waiting:
            self._scheduled = True
            self._loop.call_soon(self._answer_next)
        elif self._at_end:
            self._transport.close()
        elif not self._transport.is_closing():
            self._since = self._loop.time()
            self._transport.resume_reading()

    def _answer(self, request: _Request | None) -> None:
        if request is None:
            malformed = page(400)
            body = malformed.body.encode()
            headers = [(n.encode(), v.encode()) for n, v in malformed.headers.items()]
            headers += [(b"content-length", b"%d" % len(body)), (b"connection", b"close")]
            status, keep = 400, False
        else:
            path, query = request.target()
            asked = None if request.chunks is None else b"".join(request.chunks)
            status, headers, body = self._app.respond(
                request.method, path, query, request.headers, request.version, asked
            )
            closes = (b"connection", b"close") in headers
            keep = request.keep and not self._last and not closes
            if not keep and not closes:
                headers.append((b"connection", b"close"))
        lines = [_status_line(status), b"date: ", _date(int(time.time())), b"\r\n"]
        for name, value in headers:
            lines += (name, b": ", value, b"\r\n")
        lines += (b"\r\n", body)
        self._transport.write(b"".join(lines))
        if not keep:
            self._waiting.clear()
            self._transport.close()

    def _busy(self) -> bool:
        return bool(self._waiting) or self._reads_head or self._reads_body

    def _close_if_idle(self) -> None:
        """Look again when it may be due: a timer for each request would cost more than reading its head."""
        left = self._since + _KEEP_ALIVE - self._loop.time()
        if left > 0 or self._busy():
            self._timer = self._loop.call_later(max(left, 1), self._close_if_idle)
        else:
            self._transport.close()


def _status_line(status: int) -> bytes:
    """Return the first line of an answer, without a reason phrase: Tomcat sends none, and clients show it (``requests.HTTPError``)."""
    return b"HTTP/1.1 %d \r\n" % status


@lru_cache(1)
def _date(seconds: int) -> bytes:
    """Return a point in time as the Date header has it."""
    return formatdate(seconds, usegmt=True).encode()
