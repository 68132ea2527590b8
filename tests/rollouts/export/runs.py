"""Runs for the tests of datasets: played once, and read by all of them."""

import asyncio
import functools
import tempfile
from pathlib import Path

from medenv.agents import load
from medenv.episode import Benchmark
from medenv.rollouts import Forks, LocalEngine, Plan, RunFolder, collect, read_stored

SETTINGS = {
    "reference": ("reference", {}, 1),
    "glance": ("glance", {}, 1),
    "random": ("random", {}, 3),
    "tools": ("reference", {"protocol": "tools"}, 1),
}


def fill(folder, agent, split="train", *, tasks=20, samples=1, seed=0, forks=None, benchmark=None):
    """Play a run as the command line does."""
    arguments = {"split": split, **(benchmark or {})}
    with Benchmark(**arguments) as made:
        policy = load(agent) if isinstance(agent, str) else agent
        chosen = forks or list(made.tasks[:tasks])
        plan = Plan(chosen, seed, samples)
        options = {"agent": policy.name, "split": split, "task_seed": arguments.get("task_seed", 0), "grader": None}
        with RunFolder(folder, {"agent": policy.describe(), "split": split, "seed": seed}, options=options) as run:
            asyncio.run(
                collect(
                    plan, LocalEngine(made, policy), run, read_stored(plan, run, lambda one: None), lambda one: None
                )
            )
    return folder


@functools.cache
def _all():
    root = Path(tempfile.mkdtemp(prefix="medenv-test-runs-"))
    for name, (agent, benchmark, samples) in SETTINGS.items():
        fill(root / name, agent, samples=samples, benchmark=benchmark)
    fill(root / "forks", "random", samples=3, seed=4, forks=Forks(root / "random", [1, -1]))
    return root


def runs(*names):
    """Folders of runs on the same twenty tasks of the split train; ``forks`` goes on from ``random``."""
    return [_all() / name for name in names]
