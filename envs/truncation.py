"""Shorter observations, for models with a small context."""

from __future__ import annotations

from typing import Literal, get_args

import gymnasium
from gymnasium.utils import RecordConstructorArgs

__all__ = ["TruncateText"]

Keep = Literal["start", "both"]


class TruncateText(gymnasium.ObservationWrapper[str, str, str], RecordConstructorArgs):
    """Cuts each observation to a number of characters, and says so in it; the prompt stays whole.

    What the server answered is in the trajectory all the same, and a strict grader's evidence is what was answered: a score by this
    wrapper says nothing of an agent that reads whole responses.

    Args:
        env: A MedAgentBench environment of texts, wrapped or not.
        max_characters: The most that an observation may have, the remark on what is missing included.
        keep: ``start`` keeps the beginning; ``both`` the beginning and the end, where a Bundle has no more entries but links.

    Raises:
        ValueError: `max_characters` is less than 80, or `keep` is neither.
    """

    LEAST = 80
    """Characters that the remark and something of the text need."""

    def __init__(self, env: gymnasium.Env[str, str], max_characters: int, keep: Keep = "start") -> None:
        if max_characters < self.LEAST:
            raise ValueError(f"max_characters is {max_characters}; it must be at least {self.LEAST}")
        if keep not in get_args(Keep):
            raise ValueError(f"keep is {keep!r}; there are: {', '.join(get_args(Keep))}")
        RecordConstructorArgs.__init__(self, max_characters=max_characters, keep=keep)
        gymnasium.ObservationWrapper.__init__(self, env)
        self.max_characters, self.keep = max_characters, keep

    def reset(
        self, *, seed: int | None = None, options: dict[str, object] | None = None
    ) -> tuple[str, dict[str, object]]:
        """Begin an episode; the prompt is not cut."""
        return self.env.reset(seed=seed, options=options)

    def observation(self, observation: str) -> str:
        """Cut the text to `max_characters`, the remark on the cut included, if it is longer."""
        if len(observation) <= self.max_characters:
            return observation
        remark = f"\n[{len(observation):,} characters, cut to {self.max_characters:,}]\n"
        room = self.max_characters - len(remark)
        if self.keep == "start":
            return observation[:room] + remark
        head = room - room // 2
        return observation[:head] + remark + observation[len(observation) - room // 2 :]
