"""Runs of Stable-Baselines3 on the structured environments: settings, one run, many runs."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
import sb3_contrib
import stable_baselines3
import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import configure
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from medenv.envs import Curriculum, PotentialShaping, StructuredEnv
from medenv.envs.curriculum import BySuccess, Record
from medenv.tasks import Task, load_split

ON_POLICY = {
    "n_steps": 128,
    "learning_rate": 1e-3,
    "ent_coef": 0.02,
    "gamma": 0.99,
    "policy_kwargs": {"net_arch": [64, 64]},
}
OPTIONS: dict[str, dict[str, Any]] = {
    "MaskablePPO": {**ON_POLICY, "batch_size": 256},
    "PPO": {**ON_POLICY, "batch_size": 256},
    "A2C": {**ON_POLICY, "n_steps": 16},
    "DQN": {
        "learning_rate": 1e-3,
        "buffer_size": 100_000,
        "learning_starts": 2000,
        "batch_size": 256,
        "train_freq": 4,
        "target_update_interval": 1000,
        "exploration_fraction": 0.002,
        "exploration_final_eps": 0.05,
        "gamma": 0.99,
    },
}
"""By algorithm, its options where they aren't the library's own."""
VALIDATION = 60
"""Tasks of each type of `validation` that say when to stop."""
COLUMNS = ("timesteps", "episodes", "seconds", "cpu_seconds", "split", "type", "score")


@dataclass(kw_only=True)
class Settings:
    """What a set of runs is made with; see the options of ``train_ppo.py``."""

    types: list[int]
    each: bool
    seeds: list[int]
    minutes: float
    cpu_minutes: float | None
    timesteps: int
    actions: str
    algorithm: str
    reward: str
    split: str
    tasks: int
    envs: int
    set: list[str] = field(default_factory=list)
    every: int = 4096
    stop_at: float = 1.0

    LIMITS: ClassVar = ("minutes", "cpu_minutes", "timesteps", "stop_at")
    NOT_STORED: ClassVar = ("target", "processes", "out", "resume")

    def __post_init__(self) -> None:
        if wrong := [number for number in self.types if number not in range(1, 11)]:
            raise ValueError(f"--types has {wrong[0]}; there are 1 to 10")
        if self.split in ("test", "official"):
            raise ValueError(f"--split is {self.split!r}, on which scores are published; train on train")
        for least, name in ((1, "tasks"), (1, "envs"), (1, "every"), (1, "timesteps")):
            if getattr(self, name) < least:
                raise ValueError(f"--{name} is {getattr(self, name)}; it must be at least {least}")

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)

    def options(self) -> dict[str, Any]:
        """Return the algorithm's options: the defaults, with what ``--set`` gave in their place."""
        found = dict(OPTIONS[self.algorithm])
        for text in self.set:
            name, equals, value = text.partition("=")
            if not equals:
                raise ValueError(f"--set {text!r} is not NAME=JSON")
            found[name] = json.loads(value)
        return found


@dataclass(frozen=True)
class Run:
    """One policy to be trained: its types, seed and folder."""

    types: tuple[int, ...]
    seed: int
    folder: Path

    @property
    def title(self) -> str:
        """The types, e.g. ``4, 5``."""
        return ", ".join(map(str, self.types))


def plan(settings: Settings, out: Path) -> list[Run]:
    """List the runs of a set: one a seed, on all types together or, with `each`, on each type alone."""
    groups = [(number,) for number in settings.types] if settings.each else [tuple(settings.types)]
    return [
        Run(types, seed, out / f"types-{'-'.join(map(str, types))}-seed-{seed}")
        for types in groups
        for seed in settings.seeds
    ]


def train_all(runs: Sequence[Run], settings: Settings, processes: int) -> list[dict[str, Any]]:
    """Train all, as many at a time as there are processes for.

    Returns:
        What `train` returns, in the order of the runs.
    """
    if processes == 1 or len(runs) == 1:
        return [train(run, settings) for run in runs]
    with ProcessPoolExecutor(min(processes, len(runs)), mp_context=get_context("spawn")) as pool:
        return list(pool.map(train, runs, [settings] * len(runs)))


def choices(split: str, types: Sequence[int], tasks: int) -> list[dict[str, Any]]:
    """Pools of training tasks, one for each branch of each type, as reset options."""
    found: list[dict[str, Any]] = []
    for number in types:
        by_branch: dict[str | None, list[str]] = {}
        for task in load_split(split).choose(number)[:tasks]:
            by_branch.setdefault(task.branch, []).append(task.id)
        found += [{"task_id": ids} for ids in by_branch.values()]
    return found


def make_envs(settings: Settings, run: Run, record: Record, pools: Sequence[dict[str, Any]]) -> VecEnv:
    """Environments on one copy of the charts that share what they know of success."""
    first = StructuredEnv(split=settings.split, actions=settings.actions)

    def one(env: StructuredEnv) -> gymnasium.Env[Any, Any]:
        chosen: gymnasium.Env[Any, Any] = Curriculum(env, pools, BySuccess(least=0.15), record)
        if settings.reward == "shaped":
            chosen = PotentialShaping(chosen, gamma=settings.options().get("gamma", 0.99))
        return Monitor(chosen)

    made = DummyVecEnv([lambda env=env: one(env) for env in [first, *(first.twin() for _ in range(settings.envs - 1))]])
    made.seed(run.seed)
    return made


class Scorer:
    """Plays tasks greedily, all at once.

    Args:
        split: The tasks' split.
        types: Task types.
        actions: The tier.
        most: Tasks of each type.
    """

    def __init__(self, split: str, types: Sequence[int], actions: str, most: int) -> None:
        first = StructuredEnv(split=split, actions=actions)
        self._tasks: list[Task] = [task for number in types for task in load_split(split).choose(number)[:most]]
        self._envs = [first, *(first.twin() for _ in self._tasks[1:])]
        self.split = split

    def score(self, model: Any) -> dict[int, float]:
        """Play each task once and return the share of tasks with a score of 1, by type."""
        masked = isinstance(model, sb3_contrib.MaskablePPO)
        seen = [env.reset(options={"task_id": task.id})[0] for env, task in zip(self._envs, self._tasks, strict=True)]
        passed, going = [0.0] * len(seen), list(range(len(seen)))
        while going:
            given = {"action_masks": np.stack([self._envs[i].action_masks() for i in going])} if masked else {}
            actions, _ = model.predict(np.stack([seen[i] for i in going]), deterministic=True, **given)
            left = []
            for i, action in zip(going, actions, strict=True):
                seen[i], passed[i], terminated, truncated, _ = self._envs[i].step(action)
                if not (terminated or truncated):
                    left.append(i)
            going = left
        by_type: dict[int, list[float]] = {}
        for task, score in zip(self._tasks, passed, strict=True):
            by_type.setdefault(task.type, []).append(score)
        return {number: sum(scores) / len(scores) for number, scores in by_type.items()}

    def close(self) -> None:
        """Free the charts."""
        for env in self._envs:
            env.close()


class Progress(BaseCallback):
    """Scores the policy now and then, writes the curve, and ends the run at its limits."""

    def __init__(self, settings: Settings, run: Run, record: Record, before: dict[str, float]) -> None:
        super().__init__()
        self._settings, self._run, self._record, self._before = settings, run, record, before
        self._began, self._cpu = time.monotonic(), time.process_time()
        self._next = 0
        self._scorers = [
            Scorer("validation", run.types, settings.actions, VALIDATION),
            Scorer("test", run.types, settings.actions, 10_000),
        ]
        self.reached: bool = False
        self.scores: dict[str, dict[int, float]] = {}

    def spent(self) -> dict[str, float]:
        """Seconds by the clock and of CPU time, those of an earlier part of the run included."""
        return {
            "seconds": self._before["seconds"] + time.monotonic() - self._began,
            "cpu_seconds": self._before["cpu_seconds"] + time.process_time() - self._cpu,
        }

    def _over(self) -> bool:
        spent, limit = self.spent(), self._settings.cpu_minutes
        return spent["seconds"] >= 60 * self._settings.minutes or (
            limit is not None and spent["cpu_seconds"] >= 60 * limit
        )

    def _on_step(self) -> bool:
        return not self._over() and not self.reached

    def _on_rollout_start(self) -> None:
        if self.num_timesteps >= self._next:
            self._next = self.num_timesteps + self._settings.every
            self.score()

    def score(self) -> None:
        """Score, store the points and the model, and see whether the run has reached what it may end at."""
        spent = self.spent()
        self.scores = {scorer.split: scorer.score(self.model) for scorer in self._scorers}
        with (self._run.folder / "curve.csv").open("a", newline="") as file:
            csv.writer(file).writerows(
                (
                    self.num_timesteps,
                    sum(self._record.episodes),
                    *(f"{x:.1f}" for x in spent.values()),
                    split,
                    type,
                    score,
                )
                for split, scores in self.scores.items()
                for type, score in scores.items()
            )
        self.model.save(self._run.folder / "model.zip")
        (self._run.folder / "spent.json").write_text(json.dumps(spent))
        self.reached = min(self.scores["validation"].values()) >= self._settings.stop_at
        said = "  ".join(f"{type}: {100 * score:.0f} %" for type, score in self.scores["test"].items())
        print(
            f"types {self._run.title}, seed {self._run.seed}: {self.num_timesteps} steps, {spent['seconds']:.0f} s, "
            f"CPU {spent['cpu_seconds']:.0f} s, test {said}",
            flush=True,
        )

    def close(self) -> None:
        """Free the charts."""
        for scorer in self._scorers:
            scorer.close()


def train(run: Run, settings: Settings) -> dict[str, Any]:
    """Train one policy, or go on with one.

    Returns:
        Types, seed, steps, seconds, CPU seconds, and the scores on `test` by type.
    """
    torch.set_num_threads(1)
    run.folder.mkdir(parents=True, exist_ok=True)
    algorithm = getattr(sb3_contrib, settings.algorithm, None) or getattr(stable_baselines3, settings.algorithm)
    pools = choices(settings.split, run.types, settings.tasks)
    record = Record(len(pools))
    envs = make_envs(settings, run, record, pools)
    saved, spent = run.folder / "model.zip", run.folder / "spent.json"
    before = {"seconds": 0.0, "cpu_seconds": 0.0}
    if saved.exists():
        model, before = algorithm.load(saved, env=envs, device="cpu"), json.loads(spent.read_text())
    else:
        model = algorithm("MlpPolicy", envs, seed=run.seed, device="cpu", **settings.options())
        (run.folder / "curve.csv").write_text(",".join(COLUMNS) + "\n")
    model.set_logger(configure(str(run.folder), _formats()))
    progress = Progress(settings, run, record, before)
    model.learn(max(0, settings.timesteps - model.num_timesteps), progress, reset_num_timesteps=False)
    if not progress.reached:
        progress.score()
    result = {
        "types": list(run.types),
        "seed": run.seed,
        "timesteps": model.num_timesteps,
        **progress.spent(),
        "test": progress.scores["test"],
        "validation": progress.scores["validation"],
    }
    progress.close()
    envs.close()
    return result


def _formats() -> list[str]:
    try:
        import torch.utils.tensorboard  # noqa: F401 - whether it can be had
    except ImportError:
        return ["csv"]
    return ["csv", "tensorboard"]


def points(folder: Path, split: str = "test") -> Iterator[tuple[int, float, int, float]]:
    """Yield the points of a run's learning curve: timesteps, CPU seconds, task type and score."""
    with (folder / "curve.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == split:
                yield int(row["timesteps"]), float(row["cpu_seconds"]), int(row["type"]), float(row["score"])
