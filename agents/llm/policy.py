"""A language model behind an API as a policy: retries, limits and the cache, the same for every provider.

Transient faults (429, 5xx, time-outs, cut or malformed answers) are tried again; what remains is a `ProviderError`, never a reply.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from medenv.agents.llm.anthropic_messages import AnthropicMessages
from medenv.agents.llm.cache import ReplyCache
from medenv.agents.llm.chat import ChatCompletions
from medenv.agents.llm.endpoint import find_key, split_endpoint
from medenv.agents.llm.faults import TransientError, raise_for
from medenv.agents.llm.gemini import Gemini
from medenv.agents.llm.limits import Limits, shared_limiter
from medenv.agents.llm.openai_responses import OpenAIResponses
from medenv.agents.llm.prices import check_prices, tokens_of, with_cost
from medenv.agents.llm.provider import Provider, Settings
from medenv.agents.policy import FatalProviderError, Player, Policy, ProviderError, Reply
from medenv.errors import InputError
from medenv.protocol.conversation import Conversation
from medenv.tasks import Task

__all__ = ["PROVIDERS", "LLMPolicy"]

PROVIDERS: dict[str, type[Provider]] = {
    one.name: one for one in (ChatCompletions, AnthropicMessages, OpenAIResponses, Gemini)
}
"""The kinds of API, by the name that ``provider`` takes."""

MAX_WAIT = 60.0
"""Seconds that medenv waits of its own accord before a try."""

MAX_ASKED = 600.0
"""Seconds that a provider may ask to wait; more ends the episode as an infrastructure error."""

MALFORMED = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError)
"""What reading JSON of another form than expected raises."""

_DEFAULT: Any = object()


class LLMPolicy(Policy):
    """A model, asked through one of `PROVIDERS`.

    Args:
        model: The model's name there.
        base_url: The API's base, e.g. ``http://127.0.0.1:8000/v1``; None for the provider's own.
        provider: ``chat`` for any OpenAI-compatible server, ``anthropic``, ``responses`` (OpenAI) or ``gemini``.
        api_key_env: The environment variable that holds the key; ``""`` for no key; by default the first set one of
            MEDENV_API_KEY and the provider's own.
        temperature: Sampling temperature; None leaves it to the server. Left out: 0, for ``anthropic`` and ``responses`` None.
        max_tokens: Most tokens a reply may have; None leaves it to the server. Left out: None, for ``anthropic`` 8192.
        seed: Whether the server is sent the episode's seed, where the API takes one.
        stop: Texts at which a reply ends.
        reasoning_effort: How much to think, in the provider's words (``low``, ``high``, ...).
        logprobs: Ask for log-probabilities; kept with each turn.
        token_ids: Ask for token ids (vLLM); kept with each turn.
        replay: ``chat``: fields of its messages that are sent back unchanged on later turns.
        extra: More fields for the request (``gemini``: for its config); a None takes a field out.
        prices: US dollars per million tokens: ``input``, ``output``, perhaps ``cached_input`` and ``cache_write``.
        max_concurrency: Requests under way at a time; None for as many as there are episodes.
        requests_per_minute: Requests begun in any minute.
        tokens_per_minute: Tokens of prompts and replies in any minute.
        cache: A folder where replies are kept; the same request again, seed included, is answered from there.
        timeout: Seconds until an unanswered request is given up.
        retries: How often a request is tried again after a transient fault.
        backoff: Seconds before the first retry; doubled each time, up to a minute. A Retry-After counts instead.

    Raises:
        ValueError: The provider is unknown or its SDK isn't installed, the base URL is none, the named variable isn't set, or the API has
            no field for a setting.
    """

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        *,
        provider: str = "chat",
        api_key_env: str | None = None,
        temperature: float | None = _DEFAULT,
        max_tokens: int | None = _DEFAULT,
        seed: bool = True,
        stop: Sequence[str] = (),
        reasoning_effort: str | None = None,
        logprobs: bool = False,
        token_ids: bool = False,
        replay: Sequence[str] = ("reasoning_details",),
        extra: Mapping[str, Any] | None = None,
        prices: Mapping[str, float] | None = None,
        max_concurrency: int | None = None,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        cache: str | Path | None = None,
        timeout: float = 120.0,
        retries: int = 6,
        backoff: float = 1.0,
    ) -> None:
        if provider not in PROVIDERS:
            raise InputError(f"unknown provider {provider!r}; there are: {', '.join(PROVIDERS)}")
        kind = PROVIDERS[provider]
        base_url = kind.base_url if base_url is None else base_url
        endpoint, credentials = split_endpoint(base_url)
        if credentials and kind is not ChatCompletions:
            raise InputError(f"the provider {provider!r} takes no credentials in the base URL; set {kind.keys[-1]}")
        if api_key_env and not os.environ.get(api_key_env):
            raise InputError(f"environment variable {api_key_env!r} is not set; it should hold the API key")
        kind.prepare()
        names = kind.keys if api_key_env is None else (api_key_env,) if api_key_env else ()
        self._secret = credentials or find_key(names)
        self.name = self.model = model
        self.base_url = endpoint
        self.timeout, self.retries, self.backoff = timeout, retries, backoff
        self.settings = Settings(
            model=model,
            temperature=kind.temperature if temperature is _DEFAULT else temperature,
            max_tokens=kind.max_tokens if max_tokens is _DEFAULT else max_tokens,
            seed=seed,
            stop=tuple(stop),
            reasoning_effort=reasoning_effort,
            logprobs=logprobs,
            token_ids=token_ids,
            replay=tuple(replay),
            extra=dict(extra or {}),
        )
        for lacking in kind.lacks:
            if getattr(self.settings, lacking):
                raise InputError(f"the API of provider {provider!r} has nothing for {lacking!r}; leave it out")
        self.prices = check_prices(prices)
        self.limits = Limits(max_concurrency, requests_per_minute, tokens_per_minute)
        self._cache = ReplyCache(cache) if cache is not None else None
        self._kind = kind
        self._open: tuple[asyncio.AbstractEventLoop, Provider] | None = None

    def describe(self) -> dict[str, Any]:
        """Describe provider, model, endpoint and all settings that shape a request, as JSON values; never the key."""
        wanted, plain = self.settings, Settings(self.model)
        said: dict[str, Any] = {
            "name": "llm",
            "provider": self._kind.name,
            "model": self.model,
            "base_url": self.base_url,
        }
        said |= {"temperature": wanted.temperature, "max_tokens": wanted.max_tokens}
        for name in ("seed", "stop", "reasoning_effort", "logprobs", "token_ids", "replay", "extra"):
            value = getattr(wanted, name)
            if value != getattr(plain, name):
                said[name] = list(value) if isinstance(value, tuple) else value
        return said

    def start(self, task: Task, seed: int) -> Player:
        """Begin an episode; the server is asked for this seed."""
        return _Chat(self, seed)

    def _provider(self) -> Provider:
        """Return the provider whose connections belong to the running event loop; a new one if the loop is another."""
        loop = asyncio.get_running_loop()
        if self._open is None or self._open[0] is not loop:
            self._open = loop, self._kind(self.settings, self.base_url, self._secret, self.timeout)
        return self._open[1]

    async def close(self) -> None:
        """Close the connections."""
        if self._open is not None:
            loop, provider = self._open
            self._open = None
            if loop is asyncio.get_running_loop():
                await provider.close()

    async def request_body(self, conversation: Conversation, seed: int) -> bytes:
        """Return the body of the request for the next reply, to the byte as it would be sent; nothing is sent.

        Args:
            conversation: What was said so far.
            seed: Passed to the server.

        Raises:
            InputError: There is no such request: the SDK refuses what it is to be made from.
        """
        provider = self._kind(self.settings, self.base_url, self._secret, self.timeout, capture=True)
        try:
            exchange = await provider.send(provider.request(conversation, seed))
        finally:
            await provider.close()
        if not exchange.request:
            raise InputError(f"no request can be made: {self._secret.safe(str(exchange.fault))}")
        return exchange.request

    async def complete(self, conversation: Conversation, seed: int, jitter: random.Random) -> Reply:
        """One reply.

        Args:
            conversation: What was said so far.
            seed: Passed to the server.
            jitter: Spreads the retries.

        Raises:
            FatalProviderError: The key, the model or the address is refused.
            ContextLimitError: The conversation is too long for the model.
            ProviderError: Every try failed.
        """
        provider = self._provider()
        request = provider.request(conversation, seed)
        if self._cache is None:
            return await self._persist(provider, request, jitter)
        key = self._cache.key([provider.name, self.base_url, request, seed])
        reply = self._cache.get(key)
        if reply is None:
            reply = await self._persist(provider, request, jitter)
            self._cache.put(key, reply)
        return reply

    async def _persist(self, provider: Provider, request: Mapping[str, Any], jitter: random.Random) -> Reply:
        """Ask until there is a reply, or no more tries."""
        if provider.needs_key and not self._secret:
            raise FatalProviderError(f"no API key: set one of the environment variables {', '.join(provider.keys)}")
        limiter = shared_limiter(self.base_url, self.limits)
        wait = self.backoff
        for attempt in range(self.retries + 1):
            try:
                async with limiter.request(self._estimate(request)) as spent:
                    reply = await self._ask(provider, request)
                    spent.tokens = tokens_of(reply.usage, spent.tokens)
                return reply
            except TransientError as fault:
                asked = fault.wait
                if attempt == self.retries or (asked is not None and asked > MAX_ASKED):
                    late = f" (it asks to wait {asked:g} s)" if asked is not None and asked > MAX_ASKED else ""
                    reason = self._secret.safe(str(fault))
                    raise ProviderError(f"no answer after {attempt + 1} tries{late}, the last one: {reason}") from None
                if asked is not None:
                    limiter.pause(asked)
                own = min(wait * jitter.uniform(0.5, 1.0), MAX_WAIT)
            await asyncio.sleep(asked or own)
            wait *= 2
        raise AssertionError("unreachable")

    def _estimate(self, request: Mapping[str, Any]) -> float:
        """Tokens that a request will probably take: four characters each, and half of what the reply may have."""
        if self.limits.tokens_per_minute is None:
            return 0.0
        return len(str(request)) / 4 + (self.settings.max_tokens or 512) / 2

    async def _ask(self, provider: Provider, request: Mapping[str, Any]) -> Reply:
        """Ask once."""
        try:
            exchange = await asyncio.wait_for(provider.send(request), self.timeout)
        except asyncio.TimeoutError:
            raise TransientError(f"no answer within {self.timeout:g} s") from None
        raise_for(exchange, self.timeout, self._secret)
        try:
            reply = provider.read(exchange.json())
        except MALFORMED as error:
            reason = f"an answer that is no reply ({type(error).__name__}: {error}): {(exchange.text or '')[:200]!r}"
            raise TransientError(reason) from None
        return replace(reply, usage=with_cost(dict(reply.usage), self.prices)) if reply.usage else reply


class _Chat(Player):
    def __init__(self, policy: LLMPolicy, seed: int) -> None:
        self._policy, self._seed, self._jitter = policy, seed, random.Random(seed)

    async def act(self, messages: Conversation) -> Reply:
        return await self._policy.complete(Conversation.of(messages), self._seed, self._jitter)
