"""What answers as HAPI 7.6.0 on Tomcat does, on sessions of an embedded backend.

Requests are answered on the event loop: each takes well under a millisecond, less than handing it to a thread would.
"""

from __future__ import annotations

import logging
import random
import re
import zlib
from urllib.parse import unquote

from medenv.fhir import definitions
from medenv.fhir.backend import Response
from medenv.fhir.embedded import EmbeddedBackend
from medenv.fhir.errors import FhirError, not_supported
from medenv.fhir.http.connection import BODY_LIMIT, Headers
from medenv.fhir.http.pool import SessionPool
from medenv.fhir.http.tomcat import base_of, page, target_problem
from medenv.fhir.read.refusals import unknown_type
from medenv.fhir.request import parse_query
from medenv.fhir.session import EmbeddedSession

__all__ = ["POWERED_BY", "FhirApp"]

POWERED_BY = "HAPI FHIR 7.6.0 REST Server (FHIR Server; FHIR 4.0.1/R4)"
"""The X-Powered-By of the server that is emulated; clients branch on it."""

_POWERED_BY = POWERED_BY.encode()
_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"))
_REQUEST_ID = re.compile(r"[0-9A-Za-z._-]{1,200}")
_JSON_ACCEPT = frozenset((b"*/*", b"application/json", b"application/fhir+json"))
_PASSED = frozenset(
    (
        b"accept",
        b"cache-control",
        b"content-type",
        b"if-match",
        b"if-modified-since",
        b"if-none-exist",
        b"if-none-match",
        b"prefer",
    )
)
"""Request headers that the server answers to; a request without them can be answered from the shared cache."""

_log = logging.getLogger("medenv.serve")


class FhirApp:
    """A FHIR server, but for the connections (`medenv.fhir.http.server`).

    The store is at ``/fhir``, with one session that all clients share. If isolated, each ``/s/NAME/fhir`` is another server with a
    session of its own, created at first use; ``DELETE /s/NAME`` ends it.

    Args:
        backend: Holds the store.
        isolate: Whether there are sessions by name.
        stale: Whether an identical search within a minute gets the old answer, as on HAPI.
        max_sessions: How many of them may be open at once.
        idle: Seconds without a request after which one may be ended to make room.
        own: The server's own host and port, for links where a request of HTTP 1.0 names no host.
    """

    def __init__(
        self,
        backend: EmbeddedBackend,
        *,
        isolate: bool = False,
        stale: bool = False,
        max_sessions: int = 10_000,
        idle: float = 3600.0,
        own: str = "localhost",
    ) -> None:
        self.pool = SessionPool(lambda: backend.open(stale=stale), max_sessions, idle)
        self._isolate, self._own = isolate, own
        self._shared = backend.open(stale=stale)
        self._random = random.Random()

    def respond(
        self, method: str, path: bytes, query: bytes, headers: Headers, version: str = "1.1", body: bytes | None = b""
    ) -> tuple[int, Headers, bytes]:
        """Answer a request that has come in whole.

        Args:
            method: Its method.
            path: Its path as sent.
            query: Its query string as sent.
            headers: Its headers, names in lower case.
            version: Its version of HTTP.
            body: Its body; None if it has more than `BODY_LIMIT` bytes.

        Returns:
            Status, headers and body of the answer.
        """
        request_id = ""
        if body is None:
            return written(_too_large_error().response(), method, "", close=True)
        try:
            answer, request_id = self._answer(method, path, query, headers, version, body)
        except Exception:  # a bug of ours must not end the connection without an answer
            _log.exception("%s %s failed", method, path)
            answer = FhirError(500, "This server failed; it has logged why", "exception").response()
        return written(answer, method, request_id)

    def _answer(
        self, method: str, raw_path: bytes, query: bytes, headers: Headers, version: str, body: bytes
    ) -> tuple[Response, str]:
        """Return the answer, and the id of the request if it reached the FHIR server proper."""
        refusal = target_problem(raw_path, query)
        if refusal is not None:
            return refusal, ""
        path = raw_path.decode("ascii")
        hosts, given = _read_headers(headers)
        prefix, session_name, rest = self._route(path)
        base = base_of(hosts, prefix, version == "1.0", self._own)
        if base is None:
            return page(400), ""
        if version not in ("1.0", "1.1"):
            return page(505), ""
        if session_name is None:
            return (self._end(path, method) if self._isolate and path.startswith("/s/") else page(404)), ""
        if method == "TRACE":
            return _not_allowed("HEAD, DELETE, POST, GET, OPTIONS, PUT"), ""
        if method not in _METHODS:
            return page(501), ""
        request_id = given.pop("x-request-id", "")
        if not request_id or not _REQUEST_ID.fullmatch(request_id):
            request_id = f"{self._random.getrandbits(64):016x}"
        try:
            session = self.pool.take(session_name) if session_name else self._shared
            answer = self._ask(session, base, method, rest, query.decode("ascii"), body, given)
        except FhirError as e:
            answer = e.response()
        return answer, request_id

    def _route(self, path: str) -> tuple[str, str | None, str]:
        """Return the prefix of a path's server, the name of its session ("" for the shared one, None for no server), and the rest."""
        parts = path.split("/", 4)
        if len(parts) > 1 and parts[1] == "fhir":
            return "/fhir", "", path[5:]
        if self._isolate and len(parts) > 3 and parts[1] == "s" and parts[3] == "fhir":
            prefix = "/".join(parts[:4])
            return prefix, unquote(parts[2]) or None, path[len(prefix) :]
        return "", None, ""

    def _end(self, path: str, method: str) -> Response:
        name = unquote(path[3:].rstrip("/"))
        if "/" in name:
            return page(404)
        if method != "DELETE":
            return _not_allowed("DELETE")
        if self.pool.end(name):
            return Response(204, "", {})
        return FhirError(404, f"No session is named {name[:80]!r}").response()

    def _ask(
        self,
        session: EmbeddedSession,
        base: str,
        method: str,
        rest: str,
        query: str,
        body: bytes,
        given: dict[str, str],
    ) -> Response:
        if session.base != base:  # links name the host that the request named
            session.base = base
        url = f"{base}{rest}?{query}" if query else f"{base}{rest}"
        if method in ("HEAD", "OPTIONS"):
            return _other_method(session, method, rest, query, url, given)
        packed = given.pop("content-encoding", "").strip().lower() == "gzip"
        if method == "GET":
            if given.get("accept", "").encode() in _JSON_ACCEPT:
                del given["accept"]
            return session.request("GET", url, None, given or None)
        given.setdefault("content-type", "")  # sent without one; HAPI refuses that where it matters
        text = (_unpack(body) if packed else body).decode("utf-8", "replace")
        return session.request(method, url, text, given)


def written(answer: Response, method: str, request_id: str, close: bool = False) -> tuple[int, Headers, bytes]:
    """Return an answer's status, headers and body as they go over the wire.

    Args:
        answer: The answer.
        method: The request's method; HEAD gets no body.
        request_id: The request's id if the FHIR server proper answered, else ``""``.
        close: Whether the connection ends after it.
    """
    body = answer.body.encode("utf-8", "replace")
    headers: Headers = [(b"x-powered-by", _POWERED_BY), (b"x-request-id", request_id.encode())] if request_id else []
    headers += [(name.encode("latin-1"), value.encode("utf-8", "replace")) for name, value in answer.headers.items()]
    if close or (answer.status >= 400 and not request_id and answer.status != 404):
        headers.append((b"connection", b"close"))
    if answer.status not in (204, 304):
        headers.append((b"content-length", b"%d" % len(body)))
    return answer.status, headers, b"" if method == "HEAD" else body


def _read_headers(headers: Headers) -> tuple[list[bytes], dict[str, str]]:
    """Return the Host headers, and the other headers that count, as text."""
    hosts, given = [], {}
    for name, value in headers:
        if name == b"host":
            hosts.append(value)
        elif name in _PASSED:
            given[name.decode()] = value.decode("utf-8", "replace")
        elif name in (b"x-request-id", b"content-encoding"):
            given[name.decode()] = value.decode("latin-1")
    return hosts, given


def _not_allowed(methods: str) -> Response:
    refusal = page(405)
    return Response(405, refusal.body, {"allow": methods, **refusal.headers})


def _other_method(
    session: EmbeddedSession, method: str, rest: str, query: str, url: str, given: dict[str, str]
) -> Response:
    """HEAD, which HAPI answers where no search or operation is asked for, and OPTIONS, which asks for the CapabilityStatement."""
    parts = [part for part in rest.split("/") if part]
    if parts == ["metadata"]:
        return FhirError(405, "HAPI-0388: /metadata request must use HTTP GET", headers={"allow": "GET"}).response()
    if not parts and method == "OPTIONS":
        return session.request("GET", f"{session.base}/metadata", None, given)
    if parts and not definitions.is_resource(unquote(parts[0])) and parts != ["_history"]:
        return unknown_type(unquote(parts[0])).response()
    if method == "HEAD" and ("_history" in parts or (len(parts) == 2 and not parts[1].startswith(("$", "_")))):
        return session.request("GET", url, None, given)
    names = [name for name, _ in parse_query(query)] if query else []
    return not_supported("/".join(parts), names, method).response()


def _unpack(body: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(body, BODY_LIMIT)
    except zlib.error:
        raise FhirError(400, "HAPI-0308: Could not load request resource: Not in GZIP format") from None
    if unpacker.unconsumed_tail:
        raise _too_large_error()
    return text


def _too_large_error() -> FhirError:
    return FhirError(413, f"The request body has more than the {BODY_LIMIT} bytes that this server takes", "too-long")
