"""The Gymnasium environment: a thin skin on `Episode`.

Observations and actions are text (in the tools protocol an action is an assistant's message as JSON); the reward is 0 until the end and
then the grader's score.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from copy import copy, deepcopy
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec

from medenv.envs.spaces import ActionText, UnicodeText
from medenv.envs.verdicts import EpisodeInfo, verdict_info
from medenv.episode import Benchmark, BenchmarkConfig, Episode
from medenv.episode.config import renamed
from medenv.errors import InputError
from medenv.fhir import BackendError
from medenv.protocol.conversation import shown
from medenv.protocol.reply import Reply
from medenv.protocol.tools import TOOLS
from medenv.tasks import GENERATED, Task
from medenv.trajectories import Status

__all__ = ["MedAgentBenchEnv", "RenderModeError"]

_OPTIONS = ("split", "task_type", "task_id", "branch", "difficulty", "paraphrase", "now")


class RenderModeError(InputError, TypeError):
    """There is no such render mode.

    As a value it is a `ValueError`; but makers of vectors such as Stable-Baselines3's `make_vec_env` try ``rgb_array`` and go on
    without it only after a `TypeError`.
    """


def _plain(value: Any) -> Any:
    """Return a spec's argument in which paths are text."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


class MedAgentBenchEnv(gymnasium.Env[str, str]):
    """An agent works one task on one fresh chart an episode.

    Args:
        render_mode: ``human`` prints each turn as it happens, ``ansi`` has `render` return the last one; None for neither.
        render_conversation: Whether ``ansi`` shows the whole conversation so far instead.
        **settings: Fields of `medenv.episode.BenchmarkConfig` by name: ``task_type``, ``split``, ``grader``, ``protocol``,
            ``observation``, ``max_turns``, ``branch``, ``difficulty``, ``paraphrase``, ``now``, ``task_seed``, ``size``, ``official``,
            ``charts``, ``prompt``, ``system``, ``tolerances``, ``backend``, ``image``, ``pool``, ``reset``, ``url``, ``backend_options``.

    Raises:
        InputError: A setting isn't known, or has a value that it can't have.
        RenderModeError: The render mode is none of them.

    `reset` takes ``options={"task_id": "task9_12", "split": "builtin"}``, and task_type, branch, difficulty, paraphrase and now for one
    episode. Each `info` is an `EpisodeInfo`: the same names and types from `reset` to the last step, so that a collector can stack them.
    A failure of the server raises `BackendError` from `step` and is never a reward.

    ``spec.max_episode_steps`` is `max_turns`. Whoever makes an environment of such a spec with more turns gives ``max_episode_steps=-1``
    along, or Gymnasium's `TimeLimit` cuts the episode off where it was.
    """

    # Gymnasium asks for a frame rate of whatever renders; a text per step has one frame a step.
    metadata: dict[str, Any] = {"render_modes": ["human", "ansi"], "render_fps": 1}  # noqa: RUF012 - as Gymnasium declares it

    def __init__(self, *, render_mode: str | None = None, render_conversation: bool = False, **settings: Any) -> None:
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise RenderModeError(
                f"render_mode is {render_mode!r}; it must be 'human', 'ansi' or None. Episodes are words, of which Gymnasium's RecordVideo "
                "and other wrappers of pictures can make nothing: store them with `medenv rollout`, and look at them with `medenv view`"
            )
        self.config = BenchmarkConfig(**renamed(settings))
        self.render_mode, self._render_conversation = render_mode, render_conversation
        self.action_space = ActionText(calls=self.config.protocol == "tools")
        self.observation_space = UnicodeText()
        self._wording = self.config.wording()
        self._benchmarks: dict[str, Benchmark] = {}
        self._episode: Episode | None = None
        self._spec: EnvSpec | None = None
        self._benchmark(self.config.split)

    @property
    def spec(self) -> EnvSpec | None:
        """What `gymnasium.make` made this of; its `max_episode_steps` is `max_turns`, and its paths are text, as JSON has it."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._spec = copy(spec)
        if self._spec is not None:
            self._spec.kwargs = _plain(self._spec.kwargs)
            self._spec.max_episode_steps = self.config.max_turns

    def _benchmark(self, split: str) -> Benchmark:
        if split not in self._benchmarks:
            config = self.config
            if split != config.split:
                # Other splits have other charts, and only generated ones have a size.
                size = config.size if split in GENERATED else BenchmarkConfig().size
                config = config.replaced(split=split, size=size)
            self._benchmarks[split] = Benchmark(config, wording=self._wording)
        return self._benchmarks[split]

    @property
    def episode(self) -> Episode:
        """The running episode.

        Raises:
            gymnasium.error.ResetNeeded: There is none.
        """
        if self._episode is None:
            raise gymnasium.error.ResetNeeded("call reset before the first step, and after the end of an episode")
        return self._episode

    @property
    def tools(self) -> tuple[Mapping[str, Any], ...]:
        """The functions that the agent may call, in OpenAI's form; none but in the tools protocol."""
        return TOOLS if self.config.protocol == "tools" else ()

    @property
    def benchmark(self) -> Benchmark:
        """What the running episode's task belongs to.

        Raises:
            gymnasium.error.ResetNeeded: There is no episode.
        """
        return self._benchmarks[self.episode.task.split]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Begin an episode on a fresh chart.

        Args:
            seed: Seeds the choice of tasks.
            options: ``task_id`` picks one task, ``task_type`` a type of an env that has all, ``split`` another split than the env's;
                the others as for the env.

        Returns:
            The instructions, and the info.

        Raises:
            ValueError: An unknown option, split or task id.
            BackendError: The server failed.
        """
        super().reset(seed=seed)
        chosen = options or {}
        if unknown := [key for key in chosen if key not in _OPTIONS]:
            raise InputError(f"unknown reset option {unknown[0]!r}; there are: {', '.join(_OPTIONS)}")
        benchmark = self._benchmark(chosen.get("split", self.config.split))
        wanted = {
            name: chosen.get(name, getattr(self.config, name)) for name in ("branch", "difficulty", "paraphrase", "now")
        }
        task_type = self._type(chosen.get("task_type"), chosen.get("task_id"))
        task = self._choose(benchmark, task_type, chosen.get("task_id"), wanted["branch"], wanted["difficulty"])
        task = benchmark.tasks.present(task, wanted["paraphrase"], wanted["now"])
        self._end()
        self._episode = benchmark.start(task)
        self._show()
        return self._episode.prompt, self._info(0, None, None)

    @property
    def task_type(self) -> int | None:
        """The one type of this environment's tasks, 1 to 10; None for several."""
        types = self.config.task_type
        return types[0] if len(types) == 1 else None

    def _type(self, wanted: int | None, task_id: str | None) -> int | None:
        """Return the type of an episode's task, None for any; one of several is drawn."""
        types = self.config.task_type
        if wanted is not None and types and wanted not in types:
            raise InputError(
                f"task_type is {wanted!r}, and this environment has type {', '.join(map(str, types))} alone"
            )
        if wanted is None and len(types) > 1 and task_id is None:
            return types[int(self.np_random.integers(len(types)))]
        return self.task_type if wanted is None else wanted

    def _choose(
        self,
        benchmark: Benchmark,
        task_type: int | None,
        task_id: str | None,
        branch: str | None,
        difficulty: str | None,
    ) -> Task:
        if task_id is None:
            tasks = benchmark.tasks.choose(task_type, branch, difficulty)
            return tasks[int(self.np_random.integers(len(tasks)))]
        task = benchmark.tasks.task(task_id)
        if task_type not in (None, task.type):
            raise InputError(f"task {task_id!r} is of type {task.type}, and type {task_type} is wanted")
        return task

    def step(self, action: str | Mapping[str, Any] | Reply) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Act.

        Args:
            action: The agent's raw text; also an assistant's message in OpenAI's form, as a mapping or as JSON, or one call as
                ``{"name": .., "arguments": {..}}``, in the tools protocol.

        Returns:
            What the agent is shown, the reward, terminated (FINISH or an invalid action), truncated (turn limit), info.

        Raises:
            TypeError: The action is none of these.
            BackendError: The server failed; reset to go on.
        """
        episode = self.episode
        transition = episode.step(action)
        response_status = transition.response.status if transition.response else 0
        reward, verdict = 0.0, None
        if transition.done:
            trajectory = self.benchmark.finish(episode)
            if trajectory.verdict is None:
                raise BackendError(f"the episode can't be graded: {trajectory.error}")
            reward, verdict = trajectory.verdict["score"], trajectory.verdict
        self._show()
        truncated = transition.status is Status.TURN_LIMIT
        info = self._info(response_status, transition.error, verdict)
        return transition.observation, reward, transition.done and not truncated, truncated, info

    def _info(self, response_status: int, error: str | None, verdict: Mapping[str, Any] | None) -> dict[str, Any]:
        episode = self.episode
        info: EpisodeInfo = {
            "task_id": episode.task.id,
            "task_type": episode.task.type,
            "split": episode.task.split,
            "status": episode.status.value,
            "response_status": response_status,
            "error": error or "",
            "verdict": verdict_info(verdict),
        }
        return dict(info)

    def render(self) -> str | None:
        """Return the last turn, or the prompt before the first, as text for ``render_mode="ansi"``; None in every other mode."""
        return self._shown(self._render_conversation) if self.render_mode == "ansi" else None

    def _shown(self, conversation: bool) -> str:
        messages = self.episode.messages
        last = max((at for at, message in enumerate(messages) if message["role"] == "assistant"), default=0)
        lines = [f"[{message['role']}]\n{shown(message)}" for message in messages[0 if conversation else last :]]
        status = [f"[{self.episode.status.value}]"] if conversation or self.episode.done else []
        return "\n\n".join([*lines, *status])

    def _show(self) -> None:
        """Print the last turn for ``render_mode="human"``, what the terminal's encoding lacks as question marks."""
        if self.render_mode == "human":
            encoding = sys.stdout.encoding or "utf-8"
            print(self._shown(conversation=False).encode(encoding, "replace").decode(encoding) + "\n", flush=True)

    def twin(self) -> MedAgentBenchEnv:
        """Another environment with the same settings, before its first episode, on the same charts.

        What was worked out for a task serves all twins, so that a thousand of them take little more memory than one.
        """
        made = copy(self)
        made._benchmarks = {split: benchmark.twin() for split, benchmark in self._benchmarks.items()}
        made.action_space, made.observation_space = deepcopy(self.action_space), deepcopy(self.observation_space)
        made._episode, made._np_random, made._np_random_seed = None, None, None
        return made

    def _end(self) -> None:
        if self._episode is not None:
            self._episode.session.close()
            self._episode = None

    def close(self) -> None:
        """Free the session and the charts. Closing twice is fine."""
        self._end()
        for benchmark in self._benchmarks.values():
            benchmark.close()
        self._benchmarks.clear()
        super().close()
