"""One HTTP client for all providers: it bounds answers, takes keys out of them, and keeps what was said for the mapping of faults.

The SDKs are handed the same client (built on whichever of httpx and its successor they use), so that a fault means the same behind each.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any
from weakref import WeakSet

__all__ = ["MAX_ANSWER", "AnswerTooLargeError", "CapturedError", "Exchange", "Secret", "exchanging", "new_client"]

MAX_ANSWER = 16 * 1024 * 1024
"""Bytes of one answer, decompressed, that are read before it counts as broken."""


LANE = 8
"""Requests under way on one connection pool."""


class Secret:
    """A key that shows itself in no repr, log or traceback.

    Args:
        value: The key; None or empty for none.
        scheme: How an Authorization header names its kind.
    """

    def __init__(self, value: str | None, scheme: str = "Bearer") -> None:
        self._value, self._scheme = value, scheme

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret([key])" if self._value else "Secret(none)"

    def reveal(self) -> str | None:
        """The key itself."""
        return self._value

    @property
    def authorization(self) -> str:
        """What stands in an Authorization header."""
        return f"{self._scheme} {self._value}"

    @property
    def fits_header(self) -> bool:
        """Whether an HTTP header can hold it."""
        return self._value is None or (self._value.isascii() and self._value.isprintable())

    def safe(self, text: str) -> str:
        """Text for people (an error, a log) without the key, should a provider have echoed it."""
        return text.replace(self._value, "[key]") if self._value and len(self._value) >= 4 else text

    def safe_answer(self, text: str) -> str:
        """A model's answer without the key, unless that is a word it could have said (``EMPTY``, ``none``, ``not-needed``)."""
        key = self._value or ""
        long = len(key) >= 8 and (key.startswith("sk-") or any(char.isdigit() for char in key))
        return text.replace(key, "[key]") if long or len(key) >= 16 else text

    def __reduce__(self) -> Any:
        raise TypeError("a key is not pickled")


class _Redaction(logging.Filter):
    """Takes keys out of what the HTTP libraries log: they show an answer's headers before anybody else sees them."""

    LOGGERS = tuple(
        f"{core}.{part}" for core in ("httpcore", "httpcore2") for part in ("http11", "http2", "connection", "proxy")
    )

    def __init__(self) -> None:
        super().__init__()
        self._secrets: WeakSet[Secret] = WeakSet()

    def watch(self, secret: Secret) -> None:
        """Take this key out too, as long as it is in use."""
        if not self._secrets:
            for name in self.LOGGERS:
                logging.getLogger(name).addFilter(self)  # adding it again changes nothing
        self._secrets.add(secret)

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without keys."""
        told = record.getMessage()
        safe = told
        for secret in self._secrets:
            safe = secret.safe(safe)
        if safe != told:
            record.msg, record.args = safe, ()
        return True


_REDACTION = _Redaction()


class AnswerTooLargeError(Exception):
    """The answer has more than `MAX_ANSWER` bytes."""


class CapturedError(Exception):
    """The request was only to be seen, and has not been sent."""


@dataclass
class Exchange:
    """What passed over the wire in one request.

    Attributes:
        capture: Whether the request is only to be seen and not sent.
        request: The request's body.
        status: The answer's status, None until there is one.
        headers: The answer's headers, in lower case.
        text: The answer's body without keys.
        fault: What kept an answer away, as raised by the client.
    """

    capture: bool = False
    request: bytes = b""
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    text: str | None = None
    fault: Exception | None = None

    def json(self) -> Any:
        """The answer's JSON.

        Raises:
            ValueError: It is none, or is nested too deeply.
        """
        try:
            return json.loads(self.text or "")
        except RecursionError:
            raise ValueError("nested too deeply") from None


_CURRENT: ContextVar[Exchange | None] = ContextVar("medenv_exchange", default=None)


@contextmanager
def exchanging(capture: bool = False) -> Iterator[Exchange]:
    """Within this context every guarded client tells this exchange what passes."""
    exchange = Exchange(capture)
    token = _CURRENT.set(exchange)
    try:
        yield exchange
    finally:
        _CURRENT.reset(token)


@cache
def _trust(http: ModuleType) -> Any:
    """The certificates to trust; read once, as that takes longer than a request."""
    return http.create_ssl_context()


def new_client(http: ModuleType, secret: Secret, timeout: float, **options: Any) -> Any:
    """An asynchronous client of `http`.

    Args:
        http: The module ``httpx``, or ``httpx2``, which has the same interface.
        secret: What no answer shall hold.
        timeout: Seconds without a sign of the server.
        options: Further ones of its ``AsyncClient``.
    """
    _REDACTION.watch(secret)
    # A pool looks at all its connections for each request, so that a hundred in one are slow; few in each of many are not.
    pool = {
        "timeout": timeout,
        "limits": http.Limits(max_connections=None, max_keepalive_connections=LANE),
        "follow_redirects": False,
        "verify": _trust(http),
        **options,
    }

    class Guarded(http.AsyncClient):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__(**pool)
            self._lanes: list[_Lane] = []

        def _lane(self) -> _Lane:
            for lane in self._lanes:
                if lane.busy < LANE:
                    return lane
            self._lanes.append(_Lane(http.AsyncClient(**pool)))
            return self._lanes[-1]

        async def aclose(self) -> None:
            for lane in self._lanes:
                await lane.client.aclose()
            await super().aclose()

        async def send(self, request: Any, *, stream: bool = False, **others: Any) -> Any:
            exchange = _CURRENT.get() or Exchange()
            exchange.request = await request.aread()
            if exchange.capture:
                raise CapturedError
            lane = self._lane()
            lane.busy += 1
            try:
                await _exchange(lane.client, request, exchange, secret, others)
            except Exception as fault:
                exchange.fault = fault
                raise
            finally:
                lane.busy -= 1
            content = (exchange.text or "").encode("utf-8", "replace")
            return http.Response(exchange.status, headers=exchange.headers, content=content, request=request)

    return Guarded()


@dataclass
class _Lane:
    """A client with connections of its own.

    Attributes:
        client: The client.
        busy: Requests under way on it.
    """

    client: Any
    busy: int = 0


async def _exchange(client: Any, request: Any, exchange: Exchange, secret: Secret, options: dict[str, Any]) -> None:
    """Send a request and read its answer, bounded and without keys, into the exchange."""
    answer = await client.send(request, stream=True, **options)
    try:
        content = bytearray()
        async for chunk in answer.aiter_bytes():
            content += chunk
            if len(content) > MAX_ANSWER:
                raise AnswerTooLargeError(f"an answer of more than {MAX_ANSWER} bytes")
    finally:
        await answer.aclose()
    exchange.headers = {
        name.lower(): secret.safe(value)
        for name, value in answer.headers.items()
        if name.lower() not in ("content-encoding", "content-length", "transfer-encoding")
    }
    text = content.decode("utf-8", "replace")
    exchange.text = secret.safe_answer(text) if answer.status_code == 200 else secret.safe(text)
    exchange.status = answer.status_code
