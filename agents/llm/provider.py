"""The seam to a provider's API: a conversation becomes its request, its answer becomes a reply.

A provider neither retries nor judges faults; it only speaks its own wire format.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from medenv.agents.llm.secret import Secret
from medenv.agents.llm.transport import Exchange, exchange_of
from medenv.agents.policy import Reply
from medenv.protocol.conversation import Conversation
from medenv.protocol.reply import Message, encodable

__all__ = [
    "Provider",
    "Settings",
    "arguments_of",
    "counted",
    "results",
    "system_of",
    "with_extra",
    "without_nulls",
]


@dataclass(frozen=True)
class Settings:
    """What shapes a request besides the conversation; None leaves a thing to the server.

    Attributes:
        model: The model's name at the provider.
        temperature: Sampling temperature.
        max_tokens: Most tokens a reply may have.
        seed: Whether the episode's seed is sent, where the API takes one.
        stop: Texts at which a reply ends.
        reasoning_effort: How much to think, in the provider's own words.
        logprobs: Whether to ask for log-probabilities.
        token_ids: Whether to ask for token ids (vLLM).
        replay: Fields of an assistant's message that chat completions are sent back unchanged.
        extra: More fields for the request's body (Gemini: of its config); one that is None is taken out.
    """

    model: str
    temperature: float | None = None
    max_tokens: int | None = None
    seed: bool = True
    stop: tuple[str, ...] = ()
    reasoning_effort: str | None = None
    logprobs: bool = False
    token_ids: bool = False
    replay: tuple[str, ...] = ("reasoning_details",)
    extra: Mapping[str, Any] = field(default_factory=dict)


class Provider(ABC):
    """One kind of API at one endpoint.

    Args:
        settings: Of the requests.
        base_url: The endpoint.
        secret: The key.
        timeout: Seconds without a sign of the server.
        capture: Whether requests are only to be seen, and not sent.
    """

    name: ClassVar[str]
    """Names its verbatim parts in trajectories."""
    base_url: ClassVar[str]
    """Where the API is, unless told otherwise."""
    keys: ClassVar[tuple[str, ...]]
    """Environment variables that may hold the key, in the order they are looked at."""
    needs_key: ClassVar[bool] = True
    temperature: ClassVar[float | None] = 0.0
    """What is asked for if the user doesn't say."""
    max_tokens: ClassVar[int | None] = None
    """The same."""
    lacks: ClassVar[tuple[str, ...]] = ()
    """Settings that this API has no field for."""

    def __init__(
        self, settings: Settings, base_url: str, secret: Secret, timeout: float, capture: bool = False
    ) -> None:
        self.settings, self.endpoint, self.secret = settings, base_url, secret
        self.timeout, self.capture = timeout, capture

    @classmethod
    def prepare(cls) -> None:
        """Check that what it needs is installed.

        Raises:
            MissingExtraError: It isn't.
        """
        return None

    @abstractmethod
    def request(self, conversation: Conversation, seed: int) -> dict[str, Any]:
        """Return the request as JSON values: the body, or what the SDK's method takes."""

    async def send(self, request: Mapping[str, Any]) -> Exchange:
        """Send a request.

        Args:
            request: As `request` made it.

        Returns:
            What passed, whether there was a good answer or not.
        """
        try:
            return exchange_of(await self.call(request))
        except Exception as error:
            return exchange_of(error)

    @abstractmethod
    async def call(self, request: Mapping[str, Any]) -> Any:
        """Send a request through the client, and return the client's response or an `Exchange`.

        It may raise anything if there is no good answer.
        """

    @abstractmethod
    def read(self, answer: Any) -> Reply:
        """Return the reply in the JSON of an answer of status 200; usage without cost.

        An answer of another form may raise whatever reading it so raises: that is the provider's fault, and worth another try.

        Raises:
            TransientError: It says that something failed.
            ContextLimitError: It says that the context is full.
            ProviderError: It says that the request is refused.
        """

    @abstractmethod
    async def close(self) -> None:
        """Close the connections. Closing twice is fine."""


def system_of(conversation: Conversation) -> str:
    """Join the system messages, with blank lines between, into one text, which some APIs take apart from the others."""
    return "\n\n".join(message["content"] for message in conversation if message["role"] == "system")


def with_extra(
    request: dict[str, Any], extra: Mapping[str, Any], more: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Add the user's own fields to an SDK's arguments as ``extra_body``.

    The SDK writes them over the arguments of the same name.

    Args:
        request: The arguments.
        extra: The user's fields; a None takes one out.
        more: Fields that the SDK has no argument for.
    """
    added = {name: value for name, value in {**(more or {}), **extra}.items() if value is not None}
    kept = {name: value for name, value in request.items() if extra.get(name, value) is not None}
    return {**kept, "extra_body": added} if added else kept


def without_nulls(body: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Merge the user's own fields over a body and leave out those that are None."""
    return {name: value for name, value in {**body, **extra}.items() if value is not None}


def arguments_of(call: Mapping[str, Any]) -> dict[str, Any]:
    """Parse a call's arguments as an object for APIs that take nothing else; others stand under ``arguments``."""
    text = call["function"]["arguments"]
    try:
        value = encodable(json.loads(text or "{}"))
    except (ValueError, RecursionError):
        value = text
    return value if isinstance(value, dict) else {"arguments": value}


def results(messages: Sequence[Message]) -> dict[str, str]:
    """Map each call id in a conversation to the name of its function."""
    return {call["id"]: call["function"]["name"] for m in messages for call in m.get("tool_calls") or ()}


def counted(**numbers: Any) -> dict[str, Any]:
    """Usage of those counts that are numbers; prompt and completion always, others only if they aren't 0."""
    return {
        name: value
        for name, value in numbers.items()
        if isinstance(value, int | float)
        and not isinstance(value, bool)
        and (value or name in ("prompt_tokens", "completion_tokens"))
    }
