"""Policies: anything that maps the conversation so far to the next text. ``load("name", **options)`` makes one.

``reference`` solves every task through the same text actions as a model; ``blind`` never looks, ``glance`` looks once and ignores it,
``empty`` answers [] at once, ``random`` wanders; ``llm`` asks a model; ``human`` asks a person; ``replay`` plays a stored run again,
``scripted`` texts from a file; ``vote`` plays what most of several policies want.
"""

from medenv.agents.batch import BatchPolicy, BatchRequest
from medenv.agents.blocking import Blocking
from medenv.agents.function_policy import FunctionPolicy, as_policy
from medenv.agents.llm import LLMPolicy, rebuild
from medenv.agents.policy import ContextLimitError, FatalProviderError, Player, Policy, ProviderError, Reply, ask
from medenv.agents.registry import AGENTS, load

__all__ = [
    "AGENTS",
    "BatchPolicy",
    "BatchRequest",
    "Blocking",
    "ContextLimitError",
    "FatalProviderError",
    "FunctionPolicy",
    "LLMPolicy",
    "Player",
    "Policy",
    "ProviderError",
    "Reply",
    "as_policy",
    "ask",
    "load",
    "rebuild",
]
