"""A bug of medenv's own ends one episode as an infrastructure error with its traceback, and the others are played."""

import asyncio

import pytest

from medenv.agents import load
from medenv.episode import Benchmark, BenchmarkConfig
from medenv.fhir import BackendError
from medenv.rollouts import LocalEngine, Plan, RunFolder, Setup, collect, play, read_stored
from medenv.rollouts.engines.processes import ProcessEngine
from medenv.trajectories import Status
from tests.rollouts.planted import CANARY, PLACES, faulty, planted

LOST = Status.INFRASTRUCTURE_ERROR


@pytest.fixture
def benchmark():
    """A new one each time: one that has played remembers what it read of the chart before."""
    with Benchmark("builtin") as made:
        yield made


@pytest.fixture
def tasks(benchmark):
    return [task for task in benchmark.tasks if task.id.endswith("_3")]


def fill(path, engine, tasks, done=(), retry=False):
    """Play a run as ``medenv eval`` does; gives its rows."""
    rows = []
    plan = Plan(tasks, retry_infrastructure=retry)
    with RunFolder(path, {}, resume=path.exists()) as folder:
        kept = read_stored(plan, folder, rows.append)
        asyncio.run(collect(plan, engine, folder, kept, rows.append))
    return rows


@pytest.mark.parametrize("where", PLACES)
def test_a_fault_is_one_episodes_and_resuming_mends_it(benchmark, tasks, tmp_path, monkeypatch, where):
    monkeypatch.setenv("SOME_TOKEN", CANARY)
    path = tmp_path / "run"
    with planted(where):
        rows = fill(path, LocalEngine(benchmark, load("reference"), 4), tasks)
    assert len(rows) == len(tasks)
    lost = [one for one in rows if one.status is LOST]
    assert 0 < len(lost) < len(tasks)
    for one in rows:
        assert (one.verdict is None) == (one.status is LOST)
        assert one.status is LOST or one.verdict["score"] == 1.0
    for one in lost:
        assert one.error.startswith("RuntimeError: planted [secret]")
        assert "\n  medenv." in one.error, "where it was raised from is told"
        assert CANARY.encode() not in one.to_json()
    again = fill(path, LocalEngine(benchmark, load("reference"), 4), tasks, retry=True)
    assert [one.verdict["score"] for one in again] == [1.0] * len(tasks)


@pytest.mark.parametrize(("where", "action"), [("the grader", "FINISH([1])"), ("a request", "GET Patient")])
def test_no_fault_is_a_score_in_gymnasium(where, action):
    import gymnasium

    env = gymnasium.make("MedAgentBench-v0", split="builtin")
    env.reset(seed=1)
    with planted(where, every=1), pytest.raises(BackendError):
        env.step(action)
    _, info = env.reset(seed=1)
    assert info["status"] == "running"
    assert env.step("FINISH([1])")[1] == 0.0
    env.close()


def test_a_fault_in_a_worker_process_is_one_episodes(benchmark, tasks, tmp_path):
    task = tasks[3].id
    setup = Setup(BenchmarkConfig(split="builtin"), faulty(task), benchmark.backend.fingerprint)
    engine = ProcessEngine(setup, benchmark, load("reference"), 1)
    rows = fill(tmp_path / "run", engine, tasks)
    assert {one.task.id for one in rows if one.status is LOST} == {task}
    assert sum(one.verdict["score"] for one in rows if one.verdict is not None) == len(tasks) - 1
    [lost] = [one for one in rows if one.status is LOST]
    assert "in grade" in lost.error


def test_a_fault_in_a_players_own_code_is_no_score(benchmark, monkeypatch):
    agent = load("random")
    monkeypatch.setattr(type(agent), "start", lambda *_: None)
    lost = asyncio.run(play(benchmark, agent, benchmark.tasks[0]))
    assert (lost.status, lost.verdict) == (LOST, None)
    assert lost.error.startswith("AttributeError")


def test_what_json_has_no_form_for_is_stored_in_words(benchmark):
    episode = benchmark.start(benchmark.tasks[0], {"agent": {"name": "x", "limit": 1 << 70, "odd": object}})
    episode.step("FINISH([])")
    row = benchmark.finish(episode)
    assert b'"odd":"<class' in row.to_json()
    assert b'"limit":1.18' in row.to_json()
