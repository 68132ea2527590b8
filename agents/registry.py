"""The agents by name, and how a name with options becomes a policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from inspect import signature
from pathlib import Path
from typing import Any

from medenv.agents.baselines import BlindPolicy, EmptyPolicy, GlancePolicy, ReferencePolicy
from medenv.agents.human import HumanPolicy
from medenv.agents.llm import LLMPolicy
from medenv.agents.local import LocalPolicy
from medenv.agents.policy import Policy
from medenv.agents.random_policy import RandomPolicy
from medenv.agents.replay import ReplayPolicy
from medenv.agents.scripted import ScriptedPolicy
from medenv.agents.vote import VotePolicy
from medenv.errors import InputError

__all__ = ["AGENTS", "load"]


def _llm(model: str, models: str | Path | None = None, **options: Any) -> Policy:
    """Make the policy for a model of the list by its name, or for any other; see `medenv.agents.models.llm_options`."""
    from medenv.agents.models import llm_options  # brings pydantic, which no other agent needs

    return LLMPolicy(**llm_options(model, models, **options))


def _vote(
    policies: str | Sequence[Policy | str | Mapping[str, Any]], samples: int = 1, tolerances: Sequence[str] = ()
) -> Policy:
    """Make a vote among policies.

    Each is a `Policy`, a name (``llm:gpt-4o`` for a model) or options with the name as ``agent``.
    """
    named = [part.strip() for part in policies.split(",")] if isinstance(policies, str) else policies
    return VotePolicy([_voter(one) for one in named], samples, tolerances)


def _voter(one: Policy | str | Mapping[str, Any]) -> Policy:
    if isinstance(one, Policy):
        return one
    if isinstance(one, str):
        agent, _, model = one.partition(":")
        return load(agent, **({"model": model} if model else {}))
    if "agent" not in one:
        raise InputError(f"a voter is given by its name or as {{'agent': name, option: value, ...}}, not {one!r}")
    return load(one["agent"], **{key: value for key, value in one.items() if key != "agent"})


def _sb3(model: str | Path, algorithm: str | None = None, deterministic: bool = True, device: str = "cpu") -> Policy:
    """Load the policy of a model that Stable-Baselines3 saved; see `medenv.agents.sb3.SB3Policy`."""
    from medenv.agents.sb3 import SB3Policy  # brings the environments, which no other agent needs

    return SB3Policy(model, algorithm, deterministic, device)


AGENTS: dict[str, Callable[..., Policy]] = {
    "reference": ReferencePolicy,
    "blind": BlindPolicy,
    "glance": GlancePolicy,
    "empty": EmptyPolicy,
    "random": RandomPolicy,
    "llm": _llm,
    "local": LocalPolicy,
    "human": HumanPolicy,
    "replay": ReplayPolicy,
    "scripted": ScriptedPolicy,
    "vote": _vote,
    "sb3": _sb3,
}
"""What makes each policy, by the name that ``medenv eval --agent`` takes."""


def load(name: str, **options: Any) -> Policy:
    """Make a policy.

    Args:
        name: One of `AGENTS`.
        options: What the policy takes, e.g. ``model`` and ``base_url`` for ``llm``.

    Raises:
        ValueError: There is no such agent, it doesn't take these options, or needs another.
    """
    if name not in AGENTS:
        near = get_close_matches(name, AGENTS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InputError(f"unknown agent {name!r}; there are: {', '.join(AGENTS)}{hint}")
    takes = signature(AGENTS[name]).parameters
    known = [*signature(LLMPolicy).parameters, "models"] if name == "llm" else list(takes)
    if unknown := [option for option in options if option not in known]:
        said = f"it takes: {', '.join(known)}" if known else "it takes none"
        raise InputError(f"agent {name!r} does not take the option {unknown[0]!r}; {said}")
    needed = [one.name for one in takes.values() if one.default is one.empty and one.kind is not one.VAR_KEYWORD]
    if missing := [option for option in needed if option not in options]:
        raise InputError(f"agent {name!r} needs the option {missing[0]!r}")
    return AGENTS[name](**options)
