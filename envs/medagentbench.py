"""The Gymnasium environment: a thin skin on `Episode`.

Observations and actions are text (in the tools protocol an action is an assistant's message as JSON); the reward is 0 until the end and
then the grader's score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium
from medenv.envs.spaces import ActionText, UnicodeText

from medenv.episode import MAX_TURNS, Benchmark, Episode
from medenv.fhir import BackendError
from medenv.protocol.conversation import shown
from medenv.protocol.instructions import Wording
from medenv.protocol.observations import ObservationStyle
from medenv.protocol.reply import Reply
from medenv.protocol.tools import TOOLS
from medenv.protocol.trajectory import Status
from medenv.tasks import GENERATED, Task

__all__ = ["MedAgentBenchEnv"]

_OPTIONS = ("split", "task_id", "branch", "difficulty", "paraphrase", "now")


class MedAgentBenchEnv(gymnasium.Env[str, str]):
    """An agent works one task on one fresh chart an episode.

    Args:
        task_type: 1 to 10; None for all ten.
        split: Where tasks come from, one of `medenv.tasks.SPLITS`.
        grader: ``strict`` or ``official``; None takes the split's own.
        official: For the official split: the folder of ``test_data_v2.json``, or a MedAgentBench checkout.
        charts: For the official split: an NDJSON file with the charts.
        observation: ``full``, or ``compact`` for JSON without white space and meta.
        max_turns: Agent turns until truncation.
        render_mode: ``ansi`` or None.
        branch: Only tasks of this branch (``low``, ``absent``, ...).
        difficulty: Only ``easy`` or ``hard`` tasks.
        paraphrase: The wording of the instruction, from 0; None for each task's own.
        now: The present, like ``2024-05-06T07:08:00+00:00``, for train and validation; None for each task's own.
        task_seed: For generated splits: which sequence of tasks.
        size: For train and validation: the cohort's size, ``default`` or ``full``.
        protocol: ``text``; ``tools`` for native function calls, whose schemas are in `tools`; ``official`` with `official` a MedAgentBench
            checkout.
        prompt: A file with another first message (see `medenv.protocol.instructions.FIELDS`).
        system: A file with a system message.
        tolerances: What may be wrong with the form of a text reply: ``thinking``, ``fences``, ``prose``.
        backend: ``embedded``, ``container`` or ``remote``.
        server: Options of the backend, e.g. ``reset`` and ``port`` of a container (see `medenv.fhir.backends`).
        image: For a container: its image.
        url: For a remote server: its base URL.

    Raises:
        ValueError: An argument is none of those above.

    `reset` takes ``options={"task_id": "task9_12", "split": "builtin"}``, and branch, difficulty, paraphrase and now for one
    episode. Each `info` has ``task_id``, ``task_type``, ``split``,
    ``status``, ``response_status`` (0 if nothing was sent), ``error`` (what was wrong with the action, or ``""``) and ``verdict``
    (empty until the end). A failure of the server raises `BackendError` from `step` and is never a reward.
    """

    # Gymnasium asks for a frame rate of whatever renders; a text per step has one frame a step.
    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 1}  # noqa: RUF012 - as Gymnasium declares it

    def __init__(
        self,
        task_type: int | None = None,
        split: str = "test",
        grader: str | None = None,
        official: str | Path | None = None,
        charts: str | Path | None = None,
        observation: ObservationStyle = "full",
        max_turns: int = MAX_TURNS,
        render_mode: str | None = None,
        branch: str | None = None,
        difficulty: str | None = None,
        paraphrase: int | None = None,
        now: str | None = None,
        task_seed: int = 0,
        size: str = "default",
        protocol: str = "text",
        prompt: str | Path | None = None,
        system: str | Path | None = None,
        tolerances: Sequence[str] = (),
        backend: str = "embedded",
        server: Mapping[str, Any] | None = None,
        image: str | None = None,
        url: str | None = None,
    ) -> None:
        if task_type is not None and task_type not in range(1, 11):
            raise ValueError(f"task_type is {task_type!r}; it must be 1 to 10, or None for all")
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f"render_mode is {render_mode!r}; it must be 'ansi' or None")
        self.task_type = task_type
        self.render_mode = render_mode
        self.action_space = ActionText(calls=protocol == "tools")
        self.observation_space = UnicodeText()
        self._settings: dict[str, Any] = {
            "grader": grader,
            "official": official,
            "charts": charts,
            "observation": observation,
            "max_turns": max_turns,
            "seed": task_seed,
            "protocol": protocol,
            "wording": Wording.read(prompt, system),
            "tolerances": tolerances,
            "backend": backend,
            "server": {**(server or {}), **{k: v for k, v in (("image", image), ("url", url)) if v is not None}},
        }
        self._size = size
        self._split = split
        self._choice = {"branch": branch, "difficulty": difficulty, "paraphrase": paraphrase, "now": now}
        self._benchmarks: dict[str, Benchmark] = {}
        self._episode: Episode | None = None
        self._benchmark(split)

    def _benchmark(self, split: str) -> Benchmark:
        if split not in self._benchmarks:
            size = self._size if split in GENERATED else "default"
            self._benchmarks[split] = Benchmark(split, size=size, **self._settings)
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
        return TOOLS if self._settings["protocol"] == "tools" else ()

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
            options: ``task_id`` picks one task, ``split`` another split than the env's; the others as for the env.

        Returns:
            The instructions, and the info.

        Raises:
            ValueError: An unknown option, split or task id.
            BackendError: The server failed.
        """
        super().reset(seed=seed)
        chosen = options or {}
        if unknown := [key for key in chosen if key not in _OPTIONS]:
            raise ValueError(f"unknown reset option {unknown[0]!r}; there are: {', '.join(_OPTIONS)}")
        benchmark = self._benchmark(chosen.get("split", self._split))
        wanted = {**self._choice, **{key: value for key, value in chosen.items() if key in self._choice}}
        task = self._choose(benchmark, chosen.get("task_id"), wanted["branch"], wanted["difficulty"])
        task = benchmark.tasks.present(task, wanted["paraphrase"], wanted["now"])
        self._end()
        self._episode = benchmark.start(task)
        return self._episode.prompt, self._info(0, None, {})

    def _choose(self, benchmark: Benchmark, task_id: str | None, branch: str | None, difficulty: str | None) -> Task:
        if task_id is None:
            tasks = benchmark.tasks.choose(self.task_type, branch, difficulty)
            return tasks[int(self.np_random.integers(len(tasks)))]
        task = benchmark.tasks.task(task_id)
        if self.task_type not in (None, task.type):
            raise ValueError(f"task {task_id!r} is of type {task.type}, this environment of type {self.task_type}")
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
        reward, verdict = 0.0, {}
        if transition.done:
            trajectory = self.benchmark.finish(episode)
            if trajectory.verdict is None:
                raise BackendError(f"the episode can't be graded: {trajectory.error}")
            reward, verdict = trajectory.verdict["score"], dict(trajectory.verdict)
        truncated = transition.status is Status.TURN_LIMIT
        info = self._info(response_status, transition.error, verdict)
        return transition.observation, reward, transition.done and not truncated, truncated, info

    def _info(self, response_status: int, error: str | None, verdict: dict[str, Any]) -> dict[str, Any]:
        episode = self.episode
        return {
            "task_id": episode.task.id,
            "task_type": episode.task.type,
            "split": episode.task.split,
            "status": episode.status.value,
            "response_status": response_status,
            "error": error or "",
            "verdict": verdict,
        }

    def render(self) -> str | None:
        """The conversation so far as text, for ``render_mode="ansi"``."""
        if self.render_mode is None:
            return None
        lines = [f"[{message['role']}]\n{shown(message)}" for message in self.episode.messages]
        return "\n\n".join([*lines, f"[{self.episode.status.value}]"])

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
