"""Engines: the same trajectories wherever episodes are played, and what a dead worker leaves behind."""

import asyncio
from functools import partial

import pytest

from medenv.agents import FatalProviderError, load
from medenv.episode import Benchmark, BenchmarkConfig
from medenv.rollouts import Plan, RunFolder, Setup, collect, run
from medenv.rollouts.engines.processes import ProcessEngine
from medenv.trajectories import Status
from tests.rollouts.engines.fragile import fragile

TASK = "task4_2"
"""One in which the random agent with seed 0 has more than one turn."""


@pytest.fixture(scope="module")
def benchmark():
    with Benchmark("builtin") as made:
        yield made


@pytest.fixture(scope="module")
def tasks(benchmark):
    return [task for task in benchmark.tasks if int(task.id.rpartition("_")[2]) <= 3]


@pytest.fixture(scope="module")
def local(benchmark, tasks):
    """The same run on the local engine."""

    async def gather():
        return [one async for one in run(benchmark, load("random"), tasks, samples=2)]

    return sorted(one.to_json() for one in asyncio.run(gather()))


def processes(benchmark, policy, workers=2):
    return ProcessEngine(
        Setup(BenchmarkConfig(split="builtin"), policy, benchmark.backend.fingerprint), benchmark, policy(), workers
    )


def on_ray(benchmark, policy, workers=2):
    pytest.importorskip("ray", reason="this needs the extra 'ray'")
    from medenv.rollouts.engines.ray import RayEngine

    setup = Setup(BenchmarkConfig(split="builtin"), policy, benchmark.backend.fingerprint)
    return RayEngine(setup, benchmark, policy(), None, workers, 4)


ENGINES = pytest.mark.parametrize("engine", [processes, on_ray])


def play(engine, tasks, path):
    rows = []
    with RunFolder(path, {}) as folder:
        asyncio.run(collect(Plan(tasks, samples=2), engine, folder, set(), rows.append))
        assert list(folder.read()) == rows, "the order of storing is that of counting"
    return rows


@ENGINES
def test_a_killed_worker_changes_no_trajectory(engine, benchmark, tasks, local, tmp_path):
    rows = play(engine(benchmark, fragile(tmp_path, TASK, 1)), tasks, tmp_path / "run")
    assert (tmp_path / "death0").exists(), "a worker died"
    assert sorted(one.to_json() for one in rows) == local


@ENGINES
def test_an_episode_that_kills_every_worker_is_given_up_alone(engine, benchmark, tasks, local, tmp_path):
    rows = play(engine(benchmark, fragile(tmp_path, TASK, 99)), tasks, tmp_path / "run")
    lost = [one for one in rows if one.status is Status.INFRASTRUCTURE_ERROR]
    assert {one.task.id for one in lost} == {TASK}
    assert all("died" in one.error and one.verdict is None for one in lost)
    assert sorted(one.to_json() for one in rows if one.task.id != TASK) == [
        row for row in local if f'"id":"{TASK}"'.encode() not in row
    ]


@ENGINES
def test_workers_on_other_charts_are_refused(engine, benchmark, tasks, tmp_path):
    made = engine(benchmark, partial(load, "random"))
    object.__setattr__(made._setup, "data", "sha256:0")
    with pytest.raises(ValueError, match="sha256:0"):
        play(made, tasks, tmp_path / "run")


def test_a_fatal_fault_in_a_worker_ends_the_run(benchmark, tasks, tmp_path):
    from tests.agents.openai_server import Faults, serving

    with serving(faults=Faults(every=1, kinds=("401",))) as (base, _):
        policy = partial(load, "llm", model="m", base_url=base, retries=0)
        with pytest.raises(FatalProviderError, match="401"):
            play(processes(benchmark, policy), tasks, tmp_path / "run")


def test_processes_need_a_backend_of_their_own_and_a_worker(benchmark):
    with pytest.raises(ValueError, match="0"):
        processes(benchmark, partial(load, "random"), workers=0)
