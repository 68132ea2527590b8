"""Stored episodes played again: the same texts, observations and verdict, or a clear word on what differs."""

import asyncio
from dataclasses import replace

import pytest

from medenv.agents import ContextLimitError, FatalProviderError, ProviderError, load
from medenv.agents.policy import ask
from medenv.episode import Benchmark
from medenv.errors import MedenvError
from medenv.protocol.conversation import Conversation
from medenv.protocol.instructions import Wording
from medenv.rollouts import run
from medenv.trajectories import Status, TrajectoryError


@pytest.fixture(scope="module")
def benchmark():
    with Benchmark("builtin") as opened:
        yield opened


def played(benchmark, agent, tasks, **options):
    async def all_of_them():
        return [one async for one in run(benchmark, agent, tasks, **options)]

    return asyncio.run(all_of_them())


def stored(folder, rows):
    folder.mkdir(exist_ok=True)
    (folder / "trajectories.jsonl").write_bytes(b"".join(row.to_json() + b"\n" for row in rows))
    return folder


def some(benchmark):
    """Two tasks a type."""
    return [task for number in range(1, 11) for task in benchmark.tasks.of_type(number)[:2]]


@pytest.mark.parametrize(("agent", "seed"), [("reference", 0), ("random", 4)])
@pytest.mark.parametrize("protocol", ["text", "tools"])
def test_a_replay_comes_out_the_same(tmp_path, agent, seed, protocol):
    with Benchmark("builtin", protocol=protocol) as benchmark:
        tasks = some(benchmark)
        first = played(benchmark, load(agent), tasks, seed=seed, samples=2 if agent == "random" else 1)
        samples = 2 if agent == "random" else 1
        again = load("replay", run=stored(tmp_path / "run", first))
        second = played(benchmark, again, tasks, seed=seed, samples=samples)
    assert [one.turns for one in second] == [one.turns for one in first]
    assert [one.verdict for one in second] == [one.verdict for one in first]
    assert [one.status for one in second] == [one.status for one in first]
    assert second[0].provenance["agent"] == {"name": "replay", "of": {"name": agent}, "check": True}


def test_a_text_run_is_replayed_as_calls(tmp_path, benchmark):
    tasks = some(benchmark)
    first = played(benchmark, load("reference"), tasks)
    again = load("replay", run=stored(tmp_path, first), check=False)  # the prompt is another one
    with Benchmark("builtin", protocol="tools") as tools:
        second = played(tools, again, tasks)
    assert all(one.verdict["score"] == 1.0 for one in second)
    assert second[0].turns[0].said["tool_calls"]


def test_the_seed_chooses_among_samples_and_one_alone_needs_none(tmp_path, benchmark):
    task = benchmark.tasks[0]
    first = played(benchmark, load("random"), [task], seed=7, samples=3)
    again = load("replay", run=stored(tmp_path, first))
    second = played(benchmark, again, [task], seed=7, samples=2)
    assert [one.turns for one in second] == [one.turns for one in first[:2]]
    with pytest.raises(FatalProviderError, match="0 of seed 7, 1 of seed 7, 2 of seed 7"):
        played(benchmark, again, [task], seed=1)
    alone = load("replay", run=stored(tmp_path / "alone", first[:1]))
    assert played(benchmark, alone, [task], seed=99)[0].turns == first[0].turns


def test_an_episode_that_is_not_there_is_named(tmp_path, benchmark):
    first = played(benchmark, load("empty"), [benchmark.tasks[0]])
    again = load("replay", run=stored(tmp_path, first))
    missing = benchmark.tasks[1]
    with pytest.raises(FatalProviderError, match=f"no episode of task '{missing.id}'"):
        played(benchmark, again, [missing])
    reworded = replace(benchmark.tasks[0], instruction="Do something else.")
    with pytest.raises(FatalProviderError, match="Do something else"):
        played(benchmark, again, [reworded])


def test_another_observation_or_prompt_is_no_score(tmp_path, benchmark):
    task = benchmark.tasks.of_type(4)[0]
    (first,) = played(benchmark, load("reference"), [task])
    turn = replace(first.turns[0], observation=first.turns[0].observation.replace('"total"', '"sum"', 1) + "\nmore")
    run_ = stored(tmp_path, [replace(first, turns=(turn, *first.turns[1:]))])
    (differs,) = played(benchmark, load("replay", run=run_), [task])
    assert differs.status is Status.INFRASTRUCTURE_ERROR
    assert "observation after turn 1" in differs.error
    (unchecked,) = played(benchmark, load("replay", run=run_, check=False), [task])
    assert unchecked.verdict == first.verdict
    with Benchmark("builtin", max_turns=5) as other:
        (prompt,) = played(other, load("replay", run=stored(tmp_path, [first])), [task])
    assert "the prompt has in line" in prompt.error
    with Benchmark("builtin", wording=Wording(system="Be brief.")) as other:
        (system,) = played(other, load("replay", run=stored(tmp_path, [first])), [task])
    assert "the system message has in line 1 'Be brief.'" in system.error


def test_episodes_that_did_not_end_by_themselves(tmp_path, benchmark):
    task = benchmark.tasks.of_type(4)[0]
    (first,) = played(benchmark, load("reference"), [task])
    cut = replace(first, turns=first.turns[:1], result=None, verdict=None)
    for status, error in ((Status.CONTEXT_LIMIT, ContextLimitError), (Status.INFRASTRUCTURE_ERROR, ProviderError)):
        again = load("replay", run=stored(tmp_path, [replace(cut, status=status, error="so it was")]))
        player = again.start(task, 0)
        messages = Conversation(first.messages[:3])
        with pytest.raises(error, match="ends after 1 turns"):
            asyncio.run(ask(player, messages))


def test_a_run_that_can_not_be_read(tmp_path):
    with pytest.raises(MedenvError, match="nowhere"):
        load("replay", run=tmp_path / "nowhere")
    (tmp_path / "trajectories.jsonl").write_text("{}\n")
    with pytest.raises(TrajectoryError, match="line 1"):
        load("replay", run=tmp_path)
