"""One HTTP client for all providers: it bounds answers, takes keys out of them, and returns what passed as an `Exchange`.

The SDKs are handed the same client (built on whichever of httpx and its successor they use), so that a fault means the same behind each. An
SDK keeps the client's response, or raises an exception that leads back to it; `exchange_of` finds the exchange in either.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any

from medenv.agents.llm.secret import Secret, watch
from medenv.errors import InfrastructureError

__all__ = ["MAX_ANSWER", "AnswerTooLargeError", "Exchange", "exchange_of", "new_client"]

MAX_ANSWER = 16 * 1024 * 1024
"""Bytes of one answer, decompressed, that are read before it counts as broken."""

LANE = 8
"""Requests under way on one connection pool."""

_KEY = "medenv.exchange"
"""Where a response's extensions hold its exchange."""


class AnswerTooLargeError(InfrastructureError):
    """The answer has more than `MAX_ANSWER` bytes."""


@dataclass
class Exchange:
    """What passed between client and server in one request.

    Attributes:
        request: The request's body.
        status: The answer's status, None if there is none.
        headers: The answer's headers, in lower case.
        text: The answer's body without keys.
        fault: What kept an answer away, as raised by the client or the SDK; None for a request that was only to be seen.
    """

    request: bytes = b""
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    text: str | None = None
    fault: Exception | None = None

    def json(self) -> Any:
        """Return the answer's JSON.

        Raises:
            ValueError: It is none, or is nested too deeply.
        """
        try:
            return json.loads(self.text or "")
        except RecursionError:
            raise ValueError("nested too deeply") from None


class _NoAnswerError(InfrastructureError):
    """Carries the exchange of a request without an answer through an SDK."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__("no answer")
        self.exchange = exchange


def exchange_of(outcome: Any) -> Exchange:
    """Return what passed, from what came of a request.

    Args:
        outcome: An exchange, the client's response, or the exception that the client or the SDK around it raised.

    Returns:
        Its exchange; one with nothing but the exception as its fault if no request was made.
    """
    if isinstance(outcome, Exchange):
        return outcome
    if not isinstance(outcome, BaseException):
        exchange: Exchange = outcome.extensions[_KEY]
        return exchange
    for error in _chain(outcome):
        if isinstance(error, _NoAnswerError):
            return error.exchange
        found = getattr(getattr(error, "response", None), "extensions", {}).get(_KEY)
        if isinstance(found, Exchange):
            return found
    return Exchange(fault=outcome if isinstance(outcome, Exception) else None)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and those that it came from, each once."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        yield error
        error = error.__cause__ or error.__context__


@cache
def _trust(http: ModuleType) -> Any:
    """Return the certificates to trust; read once, as that takes longer than a request."""
    return http.create_ssl_context()


def new_client(http: ModuleType, secret: Secret, timeout: float, capture: bool = False, **options: Any) -> Any:
    """Make an asynchronous client of `http`.

    Args:
        http: The module ``httpx``, or ``httpx2``, which has the same interface.
        secret: What no answer shall hold.
        timeout: Seconds without a sign of the server.
        capture: Whether requests are only to be seen, and not sent.
        options: Further ones of its ``AsyncClient``.
    """
    watch(secret)
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
            exchange = Exchange(await request.aread())
            if capture:
                raise _NoAnswerError(exchange)
            lane = self._lane()
            lane.busy += 1
            try:
                await _exchange(lane.client, request, exchange, secret, others)
            except Exception as fault:
                exchange.fault = fault
                raise _NoAnswerError(exchange) from fault
            finally:
                lane.busy -= 1
            content = (exchange.text or "").encode("utf-8", "replace")
            return http.Response(
                exchange.status,
                headers=exchange.headers,
                content=content,
                request=request,
                extensions={_KEY: exchange},
            )

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
