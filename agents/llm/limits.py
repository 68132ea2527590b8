"""Limits towards a provider: requests at a time, requests and tokens a minute, and a pause that the provider asked for.

All policies of a process that speak to the same endpoint under the same limits share them.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from medenv.errors import InputError

__all__ = ["Limits", "RateLimiter", "shared_limiter"]

_MINUTE = 60.0


@dataclass(frozen=True)
class Limits:
    """What may be asked of a provider; None is no limit.

    Attributes:
        concurrency: Requests under way at a time.
        requests_per_minute: Requests begun in any 60 seconds.
        tokens_per_minute: Tokens, of prompts and replies together, in any 60 seconds.
    """

    concurrency: int | None = None
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None

    def __post_init__(self) -> None:
        for name in ("concurrency", "requests_per_minute", "tokens_per_minute"):
            value = getattr(self, name)
            if value is not None and not value >= 1:
                raise InputError(f"{name} is {value}; it must be at least 1")


@dataclass
class _Spent:
    """One request of the past minute."""

    at: float
    tokens: float


class RateLimiter:
    """Lets requests begin when the limits allow it, in the order they came.

    Args:
        limits: Which.
        clock: Seconds, rising.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._limits, self._clock, self._sleep = limits, clock, sleep
        self._slots = asyncio.Semaphore(limits.concurrency) if limits.concurrency else None
        self._turn = asyncio.Lock()
        self._past: deque[_Spent] = deque()
        self._paused_until = float("-inf")

    def pause(self, seconds: float) -> None:
        """Begin no request for so long, because the provider asked for it."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    @asynccontextmanager
    async def request(self, tokens: float) -> AsyncIterator[_Spent]:
        """Wait for a slot; the request is under way within.

        Args:
            tokens: How many the request will probably take; set the yielded object's `tokens` once it is known.
        """
        if self._slots is None:
            yield await self._admitted(tokens)
            return
        async with self._slots:
            yield await self._admitted(tokens)

    async def _admitted(self, tokens: float) -> _Spent:
        async with self._turn:
            while (wait := self._wait(tokens)) > 0:
                await self._sleep(wait)
            spent = _Spent(self._clock(), tokens)
            self._past.append(spent)
            return spent

    def _wait(self, tokens: float) -> float:
        """Seconds until a request of so many tokens may begin, 0 if it may now."""
        now = self._clock()
        while self._past and self._past[0].at <= now - _MINUTE:
            self._past.popleft()
        wait = max(0.0, self._paused_until - now)
        rate, budget = self._limits.requests_per_minute, self._limits.tokens_per_minute
        if rate is not None and len(self._past) >= rate:
            wait = max(wait, self._past[len(self._past) - int(rate)].at + _MINUTE - now)
        if budget is not None:
            # A request larger than the whole budget goes alone.
            used = sum(one.tokens for one in self._past)
            for one in self._past:
                if used + tokens <= budget:
                    break
                wait = max(wait, one.at + _MINUTE - now)
                used -= one.tokens
        return wait


_LIMITERS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, Limits], RateLimiter]] = WeakKeyDictionary()


def shared_limiter(endpoint: str, limits: Limits) -> RateLimiter:
    """Return the running event loop's limiter for an endpoint (the provider's base URL), made at first use."""
    of_loop = _LIMITERS.setdefault(asyncio.get_running_loop(), {})
    return of_loop.setdefault((endpoint, limits), RateLimiter(limits))
