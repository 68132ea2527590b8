"""Many environments in one process as one vector, which steps them one after the other on one copy of the charts.

`gymnasium.make_vec` makes it. It keeps Gymnasium's conventions for observations, infos and automatic resets; no thread is started, and what
was worked out for a task in one of the environments serves all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate

from medenv.envs.infos import Infos
from medenv.envs.medagentbench import MedAgentBenchEnv
from medenv.envs.structured.env import StructuredEnv
from medenv.errors import InputError

__all__ = ["MedAgentBenchVectorEnv", "StructuredVectorEnv"]

Env = MedAgentBenchEnv | StructuredEnv
_OVER = "the episode of environment {} is over; reset it by options={{'reset_mask': mask}}, as autoreset_mode 'Disabled' asks"


class MedAgentBenchVectorEnv(VectorEnv[Any, Any, np.ndarray]):
    """A vector of `MedAgentBenchEnv`.

    Args:
        num_envs: How many.
        task_type: 1 to 10; None for all ten.
        autoreset_mode: When an environment whose episode has ended begins another: at the next step, whose action is not used
            (`AutoresetMode.NEXT_STEP`), in the same step, with the old observation and info as ``final_obs`` and ``final_info``
            (`SAME_STEP`), or not by itself (`DISABLED`).
        env_options: Options that each environment's episodes begin with, one mapping for each; None for none.
        **options: As for a single environment.

    Raises:
        ValueError: An argument is none of those that there are, or `env_options` has another length.

    `reset` takes the options of a single environment, and in the place of a value a list of one for each environment (None leaves it
    out): ``options={"task_id": ["task1_1", "task9_4"]}``; and ``reset_mask``, by Gymnasium's convention.
    """

    metadata: dict[str, Any] = {**MedAgentBenchEnv.metadata, "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012 - as Gymnasium declares it
    _env: ClassVar[type[Any]] = MedAgentBenchEnv

    def __init__(
        self,
        num_envs: int = 1,
        task_type: int | None = None,
        *,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        env_options: Sequence[Mapping[str, Any] | None] | None = None,
        max_episode_steps: int | None = None,
        **options: Any,
    ) -> None:
        if num_envs < 1:
            raise InputError(f"num_envs is {num_envs}; it must be at least 1")
        if env_options is not None and len(env_options) != num_envs:
            raise InputError(f"env_options has {len(env_options)} members, and num_envs is {num_envs}")
        self.num_envs = num_envs
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {**self.metadata, "autoreset_mode": self.autoreset_mode}
        self._own = [dict(one or {}) for one in env_options or [None] * num_envs]
        if max_episode_steps is not None and max_episode_steps > 0:
            options.setdefault("max_turns", max_episode_steps)
        first = self._env(task_type=task_type, **options)
        self.envs: tuple[Env, ...] = (first, *(first.twin() for _ in range(num_envs - 1)))
        self.render_mode = first.render_mode
        self.single_observation_space = first.observation_space
        self.single_action_space = first.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._seen: list[Any] = [None] * num_envs
        self._over = np.zeros(num_envs, np.bool_)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin episodes: of all environments, or of those that ``options["reset_mask"]`` says.

        Args:
            seed: One for each environment, or a number that is the first's, with the next for the second and so on.
            options: See the class.

        Returns:
            The observations of all, and the infos of those that began.

        Raises:
            ValueError: A list has another length than there are environments, or a single environment refuses an option.
        """
        seeds = self._seeds(seed)
        given = dict(options or {})
        mask = self._mask(given.pop("reset_mask", None))
        each = self._each(given)
        infos = Infos(self.num_envs)
        for place in np.flatnonzero(mask).tolist():
            self._begin(place, infos, seeds[place], each[place])
        self._over[mask] = False
        return self._observations(), infos.columns()

    def _begin(
        self, place: int, infos: Infos, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> None:
        self._seen[place], info = self.envs[place].reset(
            seed=seed, options={**self._own[place], **(options or {})} or None
        )
        infos.add(place, info)

    def _seeds(self, seed: int | Sequence[int | None] | None) -> Sequence[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, (int, np.integer)):
            return [int(seed) + place for place in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise InputError(f"seed has {len(seed)} members, and there are {self.num_envs} environments")
        return [None if one is None else int(one) for one in seed]

    def _mask(self, mask: Any) -> np.ndarray:
        if mask is None:
            return np.ones(self.num_envs, np.bool_)
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (self.num_envs,):
            raise InputError(f"reset_mask must be a boolean array of {self.num_envs} members, not {mask!r}")
        if not mask.any():
            raise InputError("reset_mask is False throughout; it must say of one environment at least that it begins")
        return mask

    def _each(self, options: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Split options into those of each environment; a list has one value for each, and a None is left out."""
        each: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for name, value in options.items():
            if not isinstance(value, (list, tuple, np.ndarray)):
                value = [value] * self.num_envs
            if len(value) != self.num_envs:
                raise InputError(f"option {name!r} has {len(value)} values, and there are {self.num_envs} environments")
            for chosen, one in zip(each, value, strict=True):
                if one is not None:
                    chosen[name] = one
        return each

    def step(self, actions: Any) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Act in every environment.

        Args:
            actions: An action for each.

        Returns:
            Observations, rewards, terminations, truncations, infos, as Gymnasium's vectors have them.

        Raises:
            ValueError: There are more or fewer actions than environments.
            gymnasium.error.ResetNeeded: An episode is over, and it is for the caller to begin another.
            BackendError: The server failed.
        """
        listed = list(iterate(self.action_space, actions))
        if len(listed) != self.num_envs:
            raise InputError(f"there are {len(listed)} actions for {self.num_envs} environments")
        if self.autoreset_mode is AutoresetMode.DISABLED and self._over.any():
            raise gymnasium.error.ResetNeeded(_OVER.format(int(np.flatnonzero(self._over)[0])))
        rewards = np.zeros(self.num_envs, np.float64)
        terminations, truncations = np.zeros(self.num_envs, np.bool_), np.zeros(self.num_envs, np.bool_)
        infos = Infos(self.num_envs)
        for place, (env, action) in enumerate(zip(self.envs, listed, strict=True)):
            if self._over[place]:
                self._begin(place, infos)
                continue
            seen, rewards[place], terminations[place], truncations[place], info = env.step(action)
            self._seen[place] = seen
            if self.autoreset_mode is AutoresetMode.SAME_STEP and (terminations[place] or truncations[place]):
                infos.add_final(place, seen, info)
                self._begin(place, infos)
            else:
                infos.add(place, info)
        self._over = (terminations | truncations) & (self.autoreset_mode is not AutoresetMode.SAME_STEP)
        return self._observations(), rewards, terminations, truncations, infos.columns()

    def _observations(self) -> Any:
        space = self.single_observation_space
        if isinstance(space, gymnasium.spaces.Text):
            return tuple("" if one is None else one for one in self._seen)
        empty: Any = create_empty_array(space, self.num_envs, np.zeros)
        return concatenate(space, [space.sample() if one is None else one for one in self._seen], empty)

    def render(self) -> tuple[Any, ...]:
        """Render each environment and return the results in order."""
        return tuple(env.render() for env in self.envs)

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Call a method of every environment, or get an attribute of each."""
        found = (getattr(env, name) for env in self.envs)
        return tuple(one(*args, **kwargs) if callable(one) else one for one in found)

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """Get an attribute of every environment."""
        return self.call(name)

    def close_extras(self, **kwargs: Any) -> None:
        """Free sessions and charts."""
        for env in self.envs:
            env.close()


class StructuredVectorEnv(MedAgentBenchVectorEnv):
    """A vector of `StructuredEnv`, with its arguments (``actions`` among them); `action_masks` is an array, a row an environment."""

    _env: ClassVar[type[Any]] = StructuredEnv

    def action_masks(self) -> np.ndarray:
        """Which acts can be written in each environment."""
        return np.stack(self.call("action_masks"))
