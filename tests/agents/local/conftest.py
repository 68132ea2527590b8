"""Tiny models that the tests of local and served models share: one that knows ten tasks by heart, one with random weights."""

import asyncio
import os
import shutil

import pytest
from filelock import FileLock

from medenv.agents import load
from medenv.episode import Benchmark
from medenv.protocol.instructions import Wording
from medenv.rollouts import run
from tests.tiny_model import make_tiny_model

os.environ["HF_HUB_OFFLINE"] = "1"

WORDING = Wording(template="{context}\n{instruction}")
"""Short words, so that little is to be learnt."""


@pytest.fixture(scope="session")
def benchmark():
    with Benchmark("builtin", observation="compact", wording=WORDING) as made:
        yield made


@pytest.fixture(scope="session")
def tools_benchmark():
    with Benchmark("builtin", observation="compact", wording=WORDING, protocol="tools") as made:
        yield made


@pytest.fixture(scope="session")
def reference(benchmark):
    """The reference solution's shortest trajectory of each task type."""
    return _shortest(benchmark, range(1, 11))


@pytest.fixture(scope="session")
def tools_reference(tools_benchmark):
    """The same in calls, of two task types."""
    return _shortest(tools_benchmark, (3, 7))


def _shortest(benchmark, types):
    trajectories = play(benchmark, load("reference"), [task for task in benchmark.tasks if task.type in types])
    shortest = {}
    for one in sorted(trajectories, key=lambda one: sum(len(str(message)) for message in one.messages)):
        shortest.setdefault(one.task.type, one)
    return [shortest[number] for number in sorted(shortest)]


def play(benchmark, policy, tasks, **options):
    """All trajectories, in the order of the tasks."""
    tasks = list(tasks)

    async def gather():
        try:
            return [one async for one in run(benchmark, policy, tasks, concurrency=64, **options)]
        finally:
            await policy.close()

    order = {task.id: number for number, task in enumerate(tasks)}
    return sorted(asyncio.run(gather()), key=lambda one: (order[one.task.id], one.provenance["sample"]))


def texts(trajectories):
    return [[turn.text for turn in one.turns] for one in trajectories]


@pytest.fixture(scope="session")
def by_heart(tmp_path_factory, reference):
    """A model that knows the reference's trajectories by heart."""
    return _made(tmp_path_factory, "by-heart", [one.messages for one in reference], steps=400)


@pytest.fixture(scope="session")
def calls_by_heart(tmp_path_factory, tools_reference):
    """A model that knows the trajectories in calls by heart, without having been told of the functions."""
    return _made(tmp_path_factory, "calls-by-heart", [one.messages for one in tools_reference], steps=400)


@pytest.fixture(scope="session")
def random_model(tmp_path_factory, reference):
    """A model with random weights."""
    return _made(tmp_path_factory, "random", [one.messages for one in reference])


def _made(tmp_path_factory, name, conversations, **options):
    for module in ("torch", "transformers"):
        pytest.importorskip(module, reason="needs the extra 'local'", exc_type=ImportError)
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # all processes share one
    with FileLock(root / f"{name}.lock"):
        if not (root / name).exists():
            made = make_tiny_model(root / f"{name}.part", conversations, **options)
            shutil.move(made, root / name)
    return root / name
