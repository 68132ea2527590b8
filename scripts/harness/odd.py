"""An agent whose replies are odd: the same ones for the same task and seed, whoever plays it."""

from __future__ import annotations

from random import Random

from medenv.agents.policy import Player, Policy
from medenv.protocol import Conversation
from medenv.tasks import Task
from scripts.fuzzing.replies import odd_reply

__all__ = ["OddPolicy"]


class OddPolicy(Policy):
    """Writes what models write when they are learning, and what only chance writes."""

    name = "odd"

    def start(self, task: Task, seed: int) -> Player:
        """Begin an episode."""
        return _OddPlayer(task, Random(f"{seed} {task.id}"))


class _OddPlayer(Player):
    def __init__(self, task: Task, random: Random) -> None:
        self._task, self._random = task, random

    def act(self, messages: Conversation) -> str:
        """Return a reply; pieces of the prompt may come back, but of no answer, since ids in those differ from server to server."""
        return odd_reply(self._random, self._task, [messages.prompt], "official", messages.base)
