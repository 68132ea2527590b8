"""A language model behind any OpenAI-compatible chat endpoint, asked over HTTP with retries.

Transient faults (429, 5xx, time-outs, cut or malformed answers) are retried; what remains is a `ProviderError`, never a reply.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from medenv.agents.policy import ContextLimitError, FatalProviderError, Player, Policy, ProviderError, Reply

from medenv.protocol.conversation import Conversation
from medenv.protocol.reply import Message
from medenv.tasks import Task

__all__ = ["KEY_VARIABLES", "LLMPolicy"]

KEY_VARIABLES = ("MEDENV_API_KEY", "OPENAI_API_KEY")
"""Environment variables that are looked at for the key, in this order, unless one is named."""

MAX_ANSWER = 16 * 1024 * 1024
"""Bytes of one answer that are read before it counts as broken."""

_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
_HOPELESS = frozenset({401, 403, 404, 405})
_CONTEXT_WORDS = (
    "context length",
    "context_length",
    "context window",
    "maximum context",
    "too many tokens",
    "prompt is too long",
)


class _TransientError(Exception):
    """A fault worth another try; `wait` is how many seconds the provider asked for."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class LLMPolicy(Policy):
    """Chat completions of an OpenAI-compatible server.

    Args:
        model: The model's name there.
        base_url: The API's base, e.g. ``https://api.openai.com/v1`` or ``http://127.0.0.1:8000/v1``.
        api_key_env: The environment variable that holds the key; by default the first set one of `KEY_VARIABLES`, or no key.
        temperature: Sampling temperature; None leaves it to the server.
        max_tokens: Most tokens a reply may have; None leaves it to the server.
        timeout: Seconds until an unanswered request is given up.
        retries: How often a request is tried again after a transient fault.
        backoff: Seconds before the first retry; doubled each time, up to a minute.
        extra: More fields for the request body.

    Raises:
        ValueError: The base URL is none, or the named variable isn't set.
    """

    def __init__(
        self,
        model: str,
        base_url: str = "https://api.openai.com/v1",
        *,
        api_key_env: str | None = None,
        temperature: float | None = 0.0,
        max_tokens: int | None = None,
        timeout: float = 120.0,
        retries: int = 6,
        backoff: float = 1.0,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise ValueError(f"base URL {base_url!r} must begin with http:// or https://")
        if api_key_env is not None and not os.environ.get(api_key_env):
            raise ValueError(f"environment variable {api_key_env!r} is not set; it should hold the API key")
        names = (api_key_env,) if api_key_env else KEY_VARIABLES
        self._key = next((os.environ[name] for name in names if os.environ.get(name)), None)
        self.name = model
        self.model = model
        self.base_url = base_url.rstrip("/")
        self.timeout, self.retries, self.backoff = timeout, retries, backoff
        self._settings: dict[str, Any] = {"temperature": temperature, "max_tokens": max_tokens, **(extra or {})}
        self._client: httpx.AsyncClient | None = None

    def describe(self) -> dict[str, Any]:
        """Model, endpoint and sampling settings; never the key, nor credentials inside the URL."""
        url = httpx.URL(self.base_url).copy_with(userinfo=b"")
        return {"name": "llm", "model": self.model, "base_url": str(url), **self._settings}

    def start(self, task: Task, seed: int) -> Player:
        """Begin an episode; the server is asked for this seed."""
        return _Chat(self, seed)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def complete(self, messages: Sequence[Message], seed: int, jitter: random.Random) -> Reply:
        """One chat completion.

        Args:
            messages: The conversation.
            seed: Passed to the server.
            jitter: Spreads the retries.

        Raises:
            FatalProviderError: The key, the model or the address is refused.
            ContextLimitError: The conversation is too long for the model.
            ProviderError: Every try failed.
        """
        body = {"model": self.model, "messages": list(messages), "seed": seed}
        body |= {key: value for key, value in self._settings.items() if value is not None}
        wait = self.backoff
        for attempt in range(self.retries + 1):
            try:
                return await self._ask(body)
            except _TransientError as fault:
                if attempt == self.retries:
                    raise ProviderError(
                        f"no answer after {attempt + 1} tries, the last one: {self._safe(str(fault))}"
                    ) from None
                await asyncio.sleep(
                    min(fault.wait if fault.wait is not None else wait * jitter.uniform(0.5, 1.0), 60.0)
                )
                wait *= 2
        raise AssertionError("unreachable")

    async def _ask(self, body: Mapping[str, Any]) -> Reply:
        if self._client is None:
            headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
            self._client = httpx.AsyncClient(headers=headers, timeout=self.timeout, limits=limits)
        try:
            async with self._client.stream("POST", f"{self.base_url}/chat/completions", json=body) as answer:
                content = bytearray()
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) > MAX_ANSWER:
                        raise _TransientError(f"an answer of more than {MAX_ANSWER} bytes")
        except httpx.TimeoutException as error:
            raise _TransientError(f"no answer within {self.timeout} s ({type(error).__name__})") from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise _TransientError(f"{type(error).__name__}: {error}") from None
        except httpx.InvalidURL as error:
            raise FatalProviderError(f"the base URL can't be used: {self._safe(str(error))}") from None
        text = content.decode("utf-8", "replace")
        if answer.status_code != 200:
            self._refused(answer, text)
        return _read(text)

    def _refused(self, answer: httpx.Response, text: str) -> None:
        """Raise what an HTTP error means."""
        reason = self._safe(f"HTTP {answer.status_code}: {text[:300]}")
        if answer.status_code in (400, 413, 422) and any(word in text.lower() for word in _CONTEXT_WORDS):
            raise ContextLimitError(reason)
        if answer.status_code in _RETRIED or answer.status_code >= 500:
            raise _TransientError(reason, _retry_after(answer))
        if answer.status_code in _HOPELESS:
            raise FatalProviderError(f"the provider refuses every request: {reason}")
        raise ProviderError(reason)

    def _safe(self, text: str) -> str:
        """Text without the key, should a provider have echoed it."""
        return text.replace(self._key, "[key]") if self._key else text


class _Chat(Player):
    def __init__(self, policy: LLMPolicy, seed: int) -> None:
        self._policy, self._seed, self._jitter = policy, seed, random.Random(seed)

    async def act(self, messages: Conversation) -> Reply:
        return await self._policy.complete(messages, self._seed, self._jitter)


def _read(text: str) -> Reply:
    """The reply in a chat completion's JSON."""
    try:
        answer = json.loads(text)
        choice = answer["choices"][0]
        content = choice["message"]["content"]
        if not isinstance(content, str | None):
            raise TypeError(f"content is {type(content).__name__}")
    except (KeyError, IndexError, TypeError, ValueError, RecursionError) as error:
        raise _TransientError(
            f"an answer that is no chat completion ({type(error).__name__}: {error}): {text[:200]!r}"
        ) from None
    usage = {k: v for k, v in (answer.get("usage") or {}).items() if isinstance(v, int | float)}
    if isinstance(choice.get("finish_reason"), str):
        usage["finish_reason"] = choice["finish_reason"]
    # A model may say nothing (a refusal, thoughts alone): that is its reply, and no fault of the provider.
    return Reply(content or "", usage or None)


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds that Retry-After asks for, as a number or a date (RFC 9110, section 10.2.3)."""
    value = answer.headers.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        then, now = parsedate_to_datetime(value), parsedate_to_datetime(answer.headers["date"])
        return max(0.0, (then - now).total_seconds())
    except (KeyError, TypeError, ValueError):
        return None
