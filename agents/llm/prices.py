"""What a reply cost, from what the provider counts and a table of prices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medenv.errors import InputError

__all__ = ["PRICES", "check_prices", "tokens_of", "with_cost"]

PRICES = ("input", "output", "cached_input", "cache_write")
"""Names in a price table, each in US dollars per million tokens; the last two default to ``input``."""


def check_prices(prices: Mapping[str, float] | None) -> dict[str, float] | None:
    """Check a table of prices and return it with floats (US dollars per million tokens); None stays None.

    Raises:
        ValueError: A name is unknown, a price is no number from 0, or one of ``input`` and ``output`` is missing.
    """
    if prices is None:
        return None
    if unknown := sorted(set(prices) - set(PRICES)):
        raise InputError(
            f"unknown price {unknown[0]!r}; there are: {', '.join(PRICES)} (US dollars per million tokens)"
        )
    for name in ("input", "output"):
        if name not in prices:
            raise InputError(f"the prices {dict(prices)} lack {name!r} (US dollars per million tokens)")
    for name, price in prices.items():
        if isinstance(price, bool) or not isinstance(price, int | float) or not 0 <= price < float("inf"):
            raise InputError(f"the price {name} is {price!r}; it must be a number of US dollars per million tokens")
    return {name: float(price) for name, price in prices.items()}


def with_cost(usage: dict[str, Any], prices: Mapping[str, float] | None) -> dict[str, Any]:
    """Usage with ``cost`` in US dollars, unless the provider told it or no price is known.

    Args:
        usage: With ``prompt_tokens`` (cached ones among them), ``completion_tokens``, perhaps ``cached_tokens`` and ``cache_write_tokens``.
        prices: The table, per million tokens.
    """
    if prices is None or "cost" in usage or "prompt_tokens" not in usage:
        return usage
    cached, written = usage.get("cached_tokens", 0), usage.get("cache_write_tokens", 0)
    cost = (
        (usage["prompt_tokens"] - cached - written) * prices["input"]
        + cached * prices.get("cached_input", prices["input"])
        + written * prices.get("cache_write", prices["input"])
        + usage.get("completion_tokens", 0) * prices["output"]
    )
    return {**usage, "cost": round(cost / 1e6, 9)}


def tokens_of(usage: Mapping[str, Any] | None, estimate: float) -> float:
    """Tokens of prompt and reply together; the estimate where the provider doesn't say."""
    counts = [(usage or {}).get(name) for name in ("prompt_tokens", "completion_tokens")]
    return float(sum(one for one in counts if one is not None)) if None not in counts else estimate
