"""One FHIR server over httpx: timeouts, retries of what may be sent twice, access from the environment, and errors in words.

Whatever keeps a server from answering becomes a `BackendError`; an answer, a refusal included, is a `Response`.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import httpx

from medenv.errors import InputError
from medenv.fhir import jsontext
from medenv.fhir.backend import BackendError, Response, below_base

__all__ = ["PASSWORD", "TOKEN", "USER", "Client", "ClientOptions"]

TOKEN, USER, PASSWORD = "MEDENV_FHIR_TOKEN", "MEDENV_FHIR_USER", "MEDENV_FHIR_PASSWORD"
"""Environment variables with a bearer token, or with a user and password."""

_UNSAFE = re.compile(r"""[^\x21-\x7e]|["<>\\^`{|}]""")
"""What `requests`, the official client, escapes wherever it stands (spec of the server, section 2)."""
_GATEWAY = (429, 502, 503, 504)
"""Statuses by which a proxy or a busy server says that it did not get to the request."""

_STORAGE = re.compile(
    r"JDBC|SQLException|No space left|disk full|Unable to acquire|OutOfMemory|could not execute", re.I
)
"""What a 500 quotes when the server's database failed, rather than the request was odd."""

_PAUSE = 0.2
"""Seconds before the first repetition; doubled for each further one."""


@dataclass(frozen=True)
class ClientOptions:
    """How a server is talked to.

    Attributes:
        timeout: Seconds to wait for an answer.
        connect_timeout: Seconds to wait for a connection.
        retries: How often a request that may be sent twice is sent again.
        ca: A file of certificates to trust instead of the system's; for a server with a certificate of its own.
        verify: Whether the server's certificate is checked at all.
        credentials: Whether access is taken from the environment (`TOKEN`; `USER` and `PASSWORD`).
    """

    timeout: float = 60.0
    connect_timeout: float = 5.0
    retries: int = 2
    ca: str | Path | None = None
    verify: bool = True
    credentials: bool = True


class Client:
    """Requests to one server.

    Args:
        wire: The base URL that requests go to.
        public: The base URL that sessions show: answers name it in place of the other; None for the same.
        options: Timeouts, retries, access.

    Raises:
        ValueError: The base is no http or https URL, or holds a password.
    """

    def __init__(self, wire: str, public: str | None = None, options: ClientOptions | None = None) -> None:
        self.options = options or ClientOptions()
        self.wire = checked_base(wire)
        self.public = checked_base(public) if public else self.wire
        parts = urlsplit(self.wire)
        self._origin, self._path = f"{parts.scheme}://{parts.netloc}", parts.path
        pairs = [(self.wire, self.public)]
        self._swaps = [] if self.wire == self.public else [*pairs, *((quote(a, ""), quote(b, "")) for a, b in pairs)]
        timeout = httpx.Timeout(self.options.timeout, connect=self.options.connect_timeout)
        own = _loopback(parts.hostname or "")
        user, password = os.environ.get(USER), os.environ.get(PASSWORD)
        token = os.environ.get(TOKEN)
        headers, auth = {"user-agent": "medenv"}, None
        if self.options.credentials and token:
            headers["authorization"] = f"Bearer {token}"
        elif self.options.credentials and user:
            auth = httpx.BasicAuth(user, password or "")
        self._http = httpx.Client(
            timeout=timeout, verify=self._trust(), auth=auth, headers=headers, trust_env=not own, follow_redirects=False
        )

    def _trust(self) -> ssl.SSLContext | bool:
        if self.wire.startswith("http:"):
            return False  # there is no certificate, and reading the system's takes a while
        if self.options.ca is None:
            return self.options.verify
        try:
            return ssl.create_default_context(cafile=str(self.options.ca))
        except (OSError, ssl.SSLError) as error:
            raise InputError(
                f"{str(self.options.ca)!r} is no file of certificates ({error}); give a PEM file"
            ) from None

    def target(self, url: str) -> str:
        """Return the part of a request's URL that stands below the base.

        Args:
            url: Percent-encoded, relative to the base, or absolute below the public base.

        Raises:
            ValueError: It is on another server.
        """
        rest = below_base(url, self.public).lstrip("/")
        if any(unquote(part) in (".", "..") for part in rest.partition("?")[0].split("/")):
            raise InputError(f"{url[:200]!r} leads elsewhere: '.' and '..' are not below {self.public}")
        return rest

    def send(
        self, method: str, url: str, body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send a request and return the answer.

        GETs are repeated after any failure; others only if no connection came about, so that nothing is written twice.

        Args:
            method: The HTTP method.
            url: As for `target`.
            body: The body as text.
            headers: Extra headers.

        Raises:
            BackendError: There was no answer, or one that says the server is broken.
            ValueError: The URL is on another server.
        """
        rest = self.target(url)
        raw = _UNSAFE.sub(lambda m: quote(m[0].encode("utf-8", "replace")), self._outward(rest))
        target = self._path + ("" if self._path and (not raw or raw.startswith("?")) else "/") + raw
        given = {k.lower(): v for k, v in (headers or {}).items()}
        content = None if body is None else self._outward(body).encode("utf-8", "replace")
        if content is not None:
            given.setdefault("content-type", "application/fhir+json")
        repeatable = method in ("GET", "HEAD")
        for attempt in range(self.options.retries + 1):
            last = attempt == self.options.retries
            try:
                answer = self._http.request(
                    method, self._origin, content=content, headers=given, extensions={"target": target.encode()}
                )
                text = answer.content.decode("utf-8", "replace")
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                if last:
                    raise self._failure(method, rest, error) from None
            except httpx.HTTPError as error:
                if last or not repeatable:
                    raise self._failure(method, rest, error) from None
            else:
                if answer.status_code < 500 and answer.status_code != 429:
                    return self._response(answer, text)
                if not self._broken(answer.status_code, text):
                    return self._response(answer, text)
                if last or not (repeatable or answer.status_code in (429, 503)):
                    raise BackendError(
                        f"{self.wire} answers {answer.status_code} to {method} {rest[:200]}: {text[:200]!r}"
                    )
            time.sleep(_PAUSE * 2**attempt)
        raise AssertionError("unreachable")

    def fresh(self, url: str) -> Response:
        """Read or search past any cache of the server's."""
        return self.send("GET", url, None, {"cache-control": "no-cache"})

    def json(self, url: str) -> Any:
        """Return what a fresh GET holds, digits kept; None if it was refused.

        Raises:
            BackendError: No answer, or one that is no JSON.
        """
        answer = self.fresh(url)
        if not answer.ok:
            return None
        try:
            return jsontext.loads(answer.body)
        except (ValueError, RecursionError) as error:
            raise BackendError(f"{self.wire} answers GET {url[:200]} with what is no JSON: {error}") from None

    def _broken(self, status: int, text: str) -> bool:
        """Return whether a 429 or 5xx tells of the server rather than of the request: HAPI answers 500 to some odd requests too."""
        if status in _GATEWAY:
            return True
        try:
            outcome = json.loads(text).get("resourceType") == "OperationOutcome"
        except (ValueError, AttributeError, RecursionError):
            outcome = False
        if not outcome or _STORAGE.search(text):
            return True
        try:
            probe = self._http.request(
                "GET", self._origin, extensions={"target": f"{self._path}/Patient?_summary=count".encode()}
            )
        except httpx.HTTPError:
            return True
        return probe.status_code >= 500

    def _failure(self, method: str, rest: str, error: Exception) -> BackendError:
        what = "did not answer in time" if isinstance(error, httpx.TimeoutException) else "did not answer"
        return BackendError(f"{self.wire} {what} to {method} {rest[:200]} ({type(error).__name__}: {error})")

    def _response(self, answer: httpx.Response, text: str) -> Response:
        headers = {k.lower(): self._inward(v) for k, v in answer.headers.items()}
        for dropped in ("connection", "transfer-encoding", "content-encoding"):
            headers.pop(dropped, None)
        return Response(answer.status_code, self._inward(text), headers)

    def _inward(self, text: str) -> str:
        for wire, public in self._swaps:
            text = text.replace(wire, public)
        return text

    def _outward(self, text: str) -> str:
        for wire, public in self._swaps:
            text = text.replace(public, wire)
        return text

    def close(self) -> None:
        """Close the connections. Closing twice is fine."""
        self._http.close()


def checked_base(url: str) -> str:
    """Return a base URL without its trailing slash.

    Raises:
        ValueError: It is no http or https URL, or holds a user name or password.
    """
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise InputError(f"{url[:200]!r} is no base URL; give one such as http://localhost:8080/fhir")
    if "@" in parts.netloc:
        host = parts.netloc.rpartition("@")[2]
        raise InputError(f"the URL of {host} holds a user or password; put them into {USER} and {PASSWORD} instead")
    if parts.query or parts.fragment:
        raise InputError(f"{url[:200]!r} has a query or fragment; a base URL ends with its path")
    return url.rstrip("/")


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
