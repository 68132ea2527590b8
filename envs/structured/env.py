"""The structured twin of `MedAgentBenchEnv`: numbers in, acts out, the same episode and the same grader."""

from __future__ import annotations

from copy import copy
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec

from medenv.envs.medagentbench import MedAgentBenchEnv
from medenv.envs.structured.features import features, space
from medenv.envs.structured.tiers import tier
from medenv.envs.structured.view import View
from medenv.episode import Benchmark, Episode
from medenv.errors import InputError

__all__ = ["StructuredEnv"]


class StructuredEnv(gymnasium.Env[np.ndarray, Any]):
    """An agent that is no language model works one task on one fresh chart an episode.

    What it sees are numbers read from the responses so far (`medenv.envs.structured.features`), what it does is an act that is
    written out as the text that a language model would write, and the grader's score is the reward of the last step. The scores say
    nothing of reading and writing, and never stand beside those of agents that do both: see ``docs/learning.md``.

    Args:
        task_type: 1 to 10; None for all ten.
        actions: ``menu`` for whole acts, of which one is chosen (`Discrete`); ``slots`` for the parts of one (`MultiDiscrete`).
        **options: As for `MedAgentBenchEnv`; the protocol is ``text``.

    Raises:
        ValueError: An argument is none of those that there are.

    `action_masks` tells which acts can be written, as sb3-contrib's MaskablePPO asks. One that can't ends the episode as any reply
    does that is no action. Each `info` has what `MedAgentBenchEnv` tells, ``text`` (what was written; ``""`` after `reset`),
    ``is_success`` (whether the episode ended with a score of 1) and ``interface`` (the tier with its version).
    """

    metadata: dict[str, Any] = MedAgentBenchEnv.metadata

    def __init__(self, task_type: int | None = None, actions: str = "menu", **options: Any) -> None:
        if options.get("protocol", "text") != "text":
            raise InputError(f"protocol is {options['protocol']!r}; a structured policy writes the forms of 'text'")
        self.tier = tier(actions)
        self.text_env = MedAgentBenchEnv(task_type=task_type, **options)
        self.action_space = self.tier.space()
        self.observation_space = space()
        self.render_mode = self.text_env.render_mode
        self._view: View | None = None
        self._spec: EnvSpec | None = None

    @property
    def spec(self) -> EnvSpec | None:
        """What `gymnasium.make` made this of; see `MedAgentBenchEnv.spec`."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self.text_env.spec = spec
        self._spec = self.text_env.spec

    @property
    def task_type(self) -> int | None:
        """1 to 10; None for all."""
        return self.text_env.task_type

    @property
    def episode(self) -> Episode:
        """The running episode; see `MedAgentBenchEnv.episode`."""
        return self.text_env.episode

    @property
    def benchmark(self) -> Benchmark:
        """What the running episode's task belongs to."""
        return self.text_env.benchmark

    @property
    def view(self) -> View:
        """What is known of the running episode.

        Raises:
            gymnasium.error.ResetNeeded: There is none.
        """
        if self._view is None:
            raise gymnasium.error.ResetNeeded("call reset before the first step")
        return self._view

    def action_masks(self) -> np.ndarray:
        """Which acts can be written now: boolean, one for each act, or for each choice of each slot in turn."""
        return self.tier.masks(self.view)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin an episode on a fresh chart; arguments and errors are those of `MedAgentBenchEnv.reset`."""
        super().reset(seed=seed)
        _, info = self.text_env.reset(seed=seed, options=options)
        self._view = View(self.episode.task)
        return features(self._view), self._info(info, "", False)

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Act.

        Args:
            action: An element of the action space.

        Returns:
            The numbers, the reward, terminated, truncated (never), info. The turn limit terminates: the episode gets its verdict there, and
            how many turns are left is among the numbers, so that nothing is to be expected beyond it. Learners add to the reward of a
            truncated episode what they expect of its last observation, and would learn to wait for the limit.

        Raises:
            ValueError: It is no element of the action space.
            BackendError: The server failed; reset to go on.
        """
        view = self.view
        act = self.tier.act(action, view)
        observation, reward, terminated, truncated, info = self.text_env.step(act.text)
        view.take(act, observation)
        over = terminated or truncated
        return features(view), reward, over, False, self._info(info, act.text, over and reward == 1.0)

    def twin(self) -> StructuredEnv:
        """Another environment with the same settings on the same charts, before its first episode; see `MedAgentBenchEnv.twin`."""
        made = copy(self)
        made.text_env = self.text_env.twin()
        made.action_space, made.observation_space = self.tier.space(), space()
        made._view, made._np_random, made._np_random_seed = None, None, None
        return made

    def _info(self, info: dict[str, Any], text: str, success: bool) -> dict[str, Any]:
        return {**info, "text": text, "is_success": success, "interface": self.tier.name}

    def render(self) -> Any:
        """Return the last turn in words or as a picture, as `MedAgentBenchEnv.render` does."""
        return self.text_env.render()

    def close(self) -> None:
        """Free the session and the charts. Closing twice is fine."""
        self.text_env.close()
        super().close()
