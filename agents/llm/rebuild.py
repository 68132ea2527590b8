"""The requests behind a stored episode, rebuilt to the byte from its trajectory alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medenv.agents.llm.policy import LLMPolicy
from medenv.agents.seeds import agent_seed
from medenv.errors import InputError
from medenv.trajectories import Trajectory

__all__ = ["from_description", "rebuild"]


def from_description(described: Mapping[str, Any]) -> LLMPolicy:
    """Make a policy that makes the same requests as the one that described itself so.

    Raises:
        ValueError: It describes no `LLMPolicy`.
    """
    options = dict(described)
    if options.pop("name", None) != "llm":
        raise InputError(f"{dict(described)} describes no model behind an API")
    try:
        return LLMPolicy(**options)
    except TypeError as error:
        raise InputError(f"{dict(described)} describes no model behind an API: {error}") from None


async def rebuild(trajectory: Trajectory) -> list[bytes]:
    """Build anew the body of the request behind each turn; neither a key nor the provider is needed.

    Args:
        trajectory: Of an episode played by `LLMPolicy`, under the same versions of medenv and of the provider's SDK.

    Raises:
        ValueError: The agent was another one.
    """
    origin = trajectory.provenance
    policy = from_description(origin.get("agent", {}))
    seed = agent_seed(origin.get("seed", 0), origin.get("sample", 0))
    try:
        return [await policy.request_body(trajectory.conversation(turn), seed) for turn in range(len(trajectory.turns))]
    finally:
        await policy.close()
