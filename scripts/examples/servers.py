"""Two servers behind one interface: a running HAPI, and the embedded one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode

import httpx

from medenv.fhir import EmbeddedBackend
from medenv.fhir.backend import Session

__all__ = ["Answer", "Asked", "Embedded", "Hapi", "comparable"]

_JSON = {"Content-Type": "application/fhir+json", "Cache-Control": "no-cache"}
_OWN = ("id", "versionId", "lastUpdated", "source")
_LOCAL = re.compile(r"\b([A-Z][A-Za-z]+)/\d+(/_history/\d+)?")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)|Took [\d,]+ms")


class Answer(NamedTuple):
    """What a server said.

    Attributes:
        status: HTTP status code.
        body: The JSON of its body, None where there is none.
    """

    status: int
    body: Any


class Asked(Protocol):
    """A server that can be asked."""

    def send(self, method: str, path: str, body: Any = None, params: Mapping[str, str] | None = None) -> Answer:
        """Send a request with JSON."""


class Hapi:
    """A running server.

    Args:
        base: Its base URL.
        timeout: Seconds that a request may take.
    """

    def __init__(self, base: str, timeout: float = 120.0) -> None:
        self._client = httpx.Client(base_url=base.rstrip("/") + "/", timeout=timeout, headers=_JSON)

    def send(self, method: str, path: str, body: Any = None, params: Mapping[str, str] | None = None) -> Answer:
        """Send a request with JSON.

        Raises:
            httpx.HTTPError: The server doesn't answer.
        """
        content = None if body is None else json.dumps(body)
        answer = self._client.request(method, path, content=content, params=params)
        return Answer(answer.status_code, answer.json() if answer.content else None)


class Embedded:
    """The embedded server on an empty chart.

    Args:
        base: The base URL that its links carry.
    """

    def __init__(self, base: str) -> None:
        self._backend = EmbeddedBackend.from_resources([])
        self._session: Session = self._backend.open()
        self._session.base = base.rstrip("/")

    def send(self, method: str, path: str, body: Any = None, params: Mapping[str, str] | None = None) -> Answer:
        """Send a request with JSON."""
        url = path + (f"?{urlencode(params)}" if params else "")
        answer = self._session.request(method, url, None if body is None else json.dumps(body), _JSON)
        return Answer(answer.status, json.loads(answer.body) if answer.body else None)


def comparable(body: Any) -> Any:
    """Return an answer without what a server makes up itself: ids, versions, times."""
    if isinstance(body, dict):
        found = {name: comparable(value) for name, value in body.items() if name not in _OWN}
        return {name: value for name, value in found.items() if value != {} or name != "meta"}
    if isinstance(body, list):
        return [comparable(one) for one in body]
    if isinstance(body, str):
        return _TIME.sub("TIME", _LOCAL.sub(r"\1/N", body))
    return body
