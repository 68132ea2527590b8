"""Policies: anything that maps the conversation so far to the next text. ``load("name", **options)`` makes one.

``reference`` solves every task through the same text actions as a model; ``blind`` never looks, ``glance`` looks once and ignores it,
``empty`` answers [] at once, ``random`` wanders; ``llm`` asks a model.
"""

from medenv.agents.policy import ContextLimitError, FatalProviderError, Player, Policy, ProviderError, Reply
from medenv.agents.registry import AGENTS, load

__all__ = ["AGENTS", "ContextLimitError", "FatalProviderError", "Player", "Policy", "ProviderError", "Reply", "load"]
