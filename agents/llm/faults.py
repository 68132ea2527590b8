"""What a provider's answer means: a reply to read, a fault to try again after, the model's context being full, or the end of the run.

The same for every provider: it looks at status, headers and body, never at an SDK's exceptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from medenv.agents.llm.secret import Secret
from medenv.agents.llm.transport import AnswerTooLargeError, Exchange
from medenv.agents.policy import ContextLimitError, FatalProviderError, ProviderError
from medenv.errors import MedenvError

__all__ = ["TransientError", "is_context_limit", "raise_for", "retry_after"]

_RETRIED = frozenset({408, 409, 425, 429, 499})
_HOPELESS = frozenset({401, 402, 403, 404, 405})
_HOPELESS_WORDS = ("insufficient_quota", "credit balance is too low", "api key not valid", "api_key_invalid")
_CONTEXT_WORDS = (
    "context length",
    "context_length",
    "context window",
    "context limit",
    "context size",
    "context_size",
    "maximum context",
    "maximum model length",
    "`max_new_tokens` must be",
    "reduce the length",
    "maximum number of tokens allowed",
    "too many tokens",
    "prompt is too long",
    "input is too long",
)


class TransientError(MedenvError):
    """A fault worth another try; `wait` is how many seconds the provider asked for."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def is_context_limit(text: str) -> bool:
    """Whether an error's text says that the conversation doesn't fit the model."""
    lowered = text.lower()
    return any(word in lowered for word in _CONTEXT_WORDS)


def raise_for(exchange: Exchange, timeout: float, secret: Secret) -> None:
    """Raise what an exchange without a usable answer means; return if it has one (status 200).

    Raises:
        TransientError: Another try may succeed.
        ContextLimitError: The conversation is too long for the model.
        FatalProviderError: No later request can succeed.
        ProviderError: This request can't.
    """
    status, text = exchange.status, exchange.text or ""
    if status is None:
        raise _without_answer(exchange.fault, timeout, secret)
    if status == 200:
        return
    reason = f"HTTP {status}: {text[:300]}"
    lowered = text.lower()
    if any(word in lowered for word in _HOPELESS_WORDS) and 400 <= status < 500:
        raise FatalProviderError(f"the provider refuses every request: {reason}")
    if ((400 <= status < 500 and status != 429) or status == 500) and is_context_limit(text):
        raise ContextLimitError(reason)
    if status in _RETRIED or status >= 500:
        raise TransientError(reason, retry_after(exchange.headers))
    if status in _HOPELESS:
        raise FatalProviderError(f"the provider refuses every request: {reason}")
    raise ProviderError(f"the provider refused the request: {reason}")


def _without_answer(fault: Exception | None, timeout: float, secret: Secret) -> Exception:
    """Make the error for a request without an answer from the client's exception.

    The exception is told by the name of its type, since there are two such libraries.
    """
    names = {kind.__name__ for kind in type(fault).__mro__}
    told = secret.safe(str(fault))
    if isinstance(fault, AnswerTooLargeError):
        return TransientError(told)
    if "TimeoutException" in names:
        return TransientError(f"no answer within {timeout:g} s ({type(fault).__name__})")
    if names & {"TransportError", "DecodingError", "StreamError"}:
        if "UnsupportedProtocol" in names:
            return FatalProviderError(f"the base URL can't be used: {told}")
        return TransientError(f"{type(fault).__name__}: {told}")
    if "InvalidURL" in names:
        return FatalProviderError(f"the base URL can't be used: {told}")
    return ProviderError(f"the request could not be sent: {type(fault).__name__}: {told}")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the provider asks to wait: Retry-After as a number or a date (RFC 9110, section 10.2.3), or retry-after-ms.

    Args:
        headers: With names in lower case.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        if seconds == seconds and seconds >= 0:
            return seconds
    try:
        then, now = parsedate_to_datetime(headers["retry-after"]), parsedate_to_datetime(headers["date"])
        return max(0.0, (then - now).total_seconds())
    except (KeyError, TypeError, ValueError):
        return None
