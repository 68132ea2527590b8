"""Opt-in potential-based shaping: rewards on the way that change no policy's rank.

Ng, Harada and Russell (ICML 1999): adding gamma * potential(next) - potential(now), with a potential of 0 at the end, shifts the return of
every episode of a task by the same constant.
"""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium
from gymnasium.utils import RecordConstructorArgs

from medenv.envs.medagentbench import MedAgentBenchEnv
from medenv.envs.structured import StructuredEnv
from medenv.errors import InputError
from medenv.grading.strict.progress import progress

__all__ = ["PotentialShaping"]


class PotentialShaping(gymnasium.Wrapper[str, str, str, str], RecordConstructorArgs):
    """Adds the change of `progress` to each reward.

    ``info["unshaped_reward"]`` keeps the grader's reward; scores are never to be taken from the shaped one.

    Args:
        env: A MedAgentBench environment, wrapped or not.
        gamma: The discount that training uses.
        weight: How much the potential counts.
    """

    def __init__(self, env: gymnasium.Env[str, str], gamma: float = 1.0, weight: float = 0.5) -> None:
        RecordConstructorArgs.__init__(self, gamma=gamma, weight=weight)
        gymnasium.Wrapper.__init__(self, env)
        if not isinstance(env.unwrapped, (MedAgentBenchEnv, StructuredEnv)):
            raise InputError(f"PotentialShaping needs a MedAgentBench environment, not {type(env.unwrapped).__name__}")
        if not 0.0 <= gamma <= 1.0:
            raise InputError(f"gamma is {gamma}; it must be between 0 and 1")
        self.gamma, self.weight = gamma, weight
        self._potential = 0.0

    def _now(self) -> float:
        env = self.unwrapped
        assert isinstance(env, (MedAgentBenchEnv, StructuredEnv))
        return self.weight * progress(env.benchmark.snapshot(env.episode))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Begin an episode; see `MedAgentBenchEnv.reset`."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._potential = self._now()
        return observation, {**info, "unshaped_reward": 0.0}

    def step(self, action: str) -> tuple[str, SupportsFloat, bool, bool, dict[str, Any]]:
        """Act; the reward is the grader's plus the change of potential."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        # The end has no potential, be it a FINISH or the turn limit: only so does the sum telescope to a constant.
        after = 0.0 if terminated or truncated else self._now()
        shaped = float(reward) + self.gamma * after - self._potential
        self._potential = after
        return observation, shaped, terminated, truncated, {**info, "unshaped_reward": float(reward)}
