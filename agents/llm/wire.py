"""One HTTP client for all providers: it bounds answers, takes keys out of them, and keeps what was said for the mapping of faults.

The SDKs are handed the same client (built on whichever of httpx and its successor they use), so that a fault means the same behind each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

__all__ = ["MAX_ANSWER", "AnswerTooLargeError", "CapturedError", "Exchange", "Secret", "exchanging", "new_client"]

MAX_ANSWER = 16 * 1024 * 1024
"""Bytes of one answer, decompressed, that are read before it counts as broken."""


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
        """Text without the key, should a provider have echoed it."""
        return text.replace(self._value, "[key]") if self._value else text

    def __reduce__(self) -> Any:
        raise TypeError("a key is not pickled")


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


def new_client(http: ModuleType, secret: Secret, timeout: float, **options: Any) -> Any:
    """An asynchronous client of `http`.

    Args:
        http: The module ``httpx``, or ``httpx2``, which has the same interface.
        secret: What no answer shall hold.
        timeout: Seconds without a sign of the server.
        options: Further ones of its ``AsyncClient``.
    """

    class Guarded(http.AsyncClient):  # type: ignore[name-defined]
        async def send(self, request: Any, *, stream: bool = False, **others: Any) -> Any:
            exchange = _CURRENT.get() or Exchange()
            exchange.request = await request.aread()
            if exchange.capture:
                raise CapturedError
            try:
                return await self._exchange(exchange, request, others)
            except Exception as fault:
                exchange.fault = fault
                raise

        async def _exchange(self, exchange: Exchange, request: Any, others: dict[str, Any]) -> Any:
            answer = await super().send(request, stream=True, **others)
            try:
                content = bytearray()
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) > MAX_ANSWER:
                        raise AnswerTooLargeError(f"an answer of more than {MAX_ANSWER} bytes")
            finally:
                await answer.aclose()
            text = secret.safe(content.decode("utf-8", "replace"))
            kept = {
                name.lower(): secret.safe(value)
                for name, value in answer.headers.items()
                if name.lower() not in ("content-encoding", "content-length", "transfer-encoding")
            }
            exchange.status, exchange.headers, exchange.text = answer.status_code, kept, text
            return http.Response(
                answer.status_code, headers=kept, content=text.encode("utf-8", "replace"), request=request
            )

    limits = http.Limits(max_connections=None, max_keepalive_connections=64)
    return Guarded(timeout=timeout, limits=limits, follow_redirects=False, **options)
