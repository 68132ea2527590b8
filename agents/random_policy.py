"""A policy that takes random, mostly well-formed actions: for smoke tests, and as the lowest of baselines."""

from __future__ import annotations

import random
import re

from medenv.agents.baselines import acting
from medenv.agents.policy import Player, Policy, Reply
from medenv.protocol.conversation import Conversation
from medenv.protocol.samples import random_action
from medenv.tasks import Task

__all__ = ["RandomPolicy"]

_MRN = re.compile(r"\bS\d{7}\b")


class _Wanderer(Player):
    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    async def act(self, messages: Conversation) -> Reply:
        messages = Conversation.of(messages)
        named = _MRN.search(messages.prompt)
        return acting(random_action(self._rng, named[0] if named else None), messages)


class RandomPolicy(Policy):
    """Random actions on the patient that the instruction names; equal seeds give equal episodes."""

    name = "random"

    def start(self, task: Task, seed: int) -> Player:
        """Begin an episode whose actions follow from seed and task id."""
        return _Wanderer(random.Random(f"{seed}/{task.id}"))
