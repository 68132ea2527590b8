"""The agents by name, and how a name with options becomes a policy."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from inspect import signature
from typing import Any

from medenv.agents.llm import LLMPolicy
from medenv.agents.local import LocalPolicy
from medenv.agents.policy import Policy
from medenv.agents.scripted import BlindPolicy, EmptyPolicy, GlancePolicy, ReferencePolicy
from medenv.agents.wander import RandomPolicy

__all__ = ["AGENTS", "load"]

AGENTS: dict[str, Callable[..., Policy]] = {
    "reference": ReferencePolicy,
    "blind": BlindPolicy,
    "glance": GlancePolicy,
    "empty": EmptyPolicy,
    "random": RandomPolicy,
    "llm": LLMPolicy,
    "local": LocalPolicy,
}
"""What makes each policy, by the name that ``medenv eval --agent`` takes."""


def load(name: str, **options: Any) -> Policy:
    """Make a policy.

    Args:
        name: One of `AGENTS`.
        options: What the policy takes, e.g. ``model`` and ``base_url`` for ``llm``.

    Raises:
        ValueError: There is no such agent, or it doesn't take these options.
    """
    if name not in AGENTS:
        near = get_close_matches(name, AGENTS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"unknown agent {name!r}; there are: {', '.join(AGENTS)}{hint}")
    known = list(signature(AGENTS[name]).parameters)
    if unknown := [option for option in options if option not in known]:
        takes = f"it takes: {', '.join(known)}" if known else "it takes none"
        raise ValueError(f"agent {name!r} does not take the option {unknown[0]!r}; {takes}")
    return AGENTS[name](**options)
