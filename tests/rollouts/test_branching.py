"""Going on from the middle of stored episodes, and playing them again."""

import asyncio
from dataclasses import replace

import pytest

from medenv.agents import Player, Policy, load
from medenv.episode import Benchmark
from medenv.rollouts import (
    Forks,
    LocalEngine,
    Plan,
    ReplayError,
    RunFolder,
    branch,
    collect,
    read_run,
    read_stored,
    replay,
    run,
)
from medenv.trajectories import Status


@pytest.fixture(scope="module")
def benchmark():
    with Benchmark("builtin") as made:
        yield made


def gather(iterator):
    async def all_of():
        return [one async for one in iterator]

    return asyncio.run(all_of())


@pytest.fixture(scope="module")
def parents(benchmark):
    tasks = list(benchmark.tasks)[::25]
    return gather(run(benchmark, load("reference"), tasks)) + gather(run(benchmark, load("random"), tasks, samples=2))


@pytest.fixture
def folder(tmp_path, parents):
    with RunFolder(tmp_path / "parents", {}) as made:
        for number, one in enumerate(parents):
            made.append(replace(one, provenance={**one.provenance, "sample": number}))
    return made.path


def test_every_episode_replays_to_the_byte(benchmark, parents):
    for one in parents:
        again = replay(benchmark, one)
        assert again.to_json() == one.to_json()


@pytest.mark.parametrize("what", ["observation", "verdict", "prompt"])
def test_a_replay_notices_another_record(benchmark, parents, what):
    one = next(parent for parent in parents if len(parent.turns) > 1)
    if what == "observation":
        other = replace(one, turns=[replace(one.turns[0], observation="HTTP 500"), *one.turns[1:]])
    elif what == "verdict":
        other = replace(one, verdict={**one.verdict, "score": 0.5})
    else:
        other = replace(one, prompt="Please.")
    with pytest.raises(ReplayError, match=what):
        replay(benchmark, other)


def test_continuations_share_the_beginning_and_say_whose_it_is(benchmark, parents):
    for parent in (one for one in parents if len(one.turns) > 2):
        forks = gather(branch(benchmark, load("random"), parent, 2, 4, seed=3, run="parents"))
        for number, one in enumerate(forks):
            assert one.turns[:2] == parent.turns[:2]
            assert one.verdict is not None
            assert one.provenance["sample"] == number
            assert one.provenance["fork"] == {
                "run": "parents",
                "episode": f"{parent.task.id}/{parent.provenance['sample']}/0",
                "turn": 2,
            }
            replay(benchmark, one)
        assert len({one.turns[2].text for one in forks}) > 1, "each is given a seed of its own"


class Finisher(Policy):
    """Ends at once, with what it was told last."""

    name = "finisher"

    def start(self, task, seed):
        return self.Playing()

    class Playing(Player):
        def act(self, messages):
            return f"FINISH([{len(messages)}])"


def test_who_goes_on_is_given_the_whole_conversation(benchmark, parents):
    parent = next(one for one in parents if len(one.turns) > 2)
    for turn in (0, 1, -1):
        (one,) = gather(branch(benchmark, Finisher(), parent, turn, 1))
        kept = turn if turn >= 0 else len(parent.turns) + turn
        assert one.result == f"[{1 + 2 * kept}]"
        assert one.status is Status.COMPLETED


def test_writes_of_the_beginning_stand_in_every_continuation_and_only_there(benchmark):
    task = next(one for one in benchmark.tasks if one.type == 3)
    (parent,) = gather(run(benchmark, load("reference"), [task]))
    wrote = next(number for number, turn in enumerate(parent.turns) if turn.wrote)
    solved = gather(branch(benchmark, lambda conversation: "FINISH([])", parent, wrote + 1, 3))
    assert [one.verdict["score"] for one in solved] == [1.0, 1.0, 1.0]
    forgotten = gather(branch(benchmark, lambda conversation: "FINISH([])", parent, wrote, 2))
    assert [one.verdict["score"] for one in forgotten] == [0.0, 0.0]
    assert [len(one.changes) for one in forgotten] == [0, 0]


@pytest.mark.parametrize("turn", [99, -99])
def test_a_turn_that_there_is_not_is_named(benchmark, parents, turn):
    with pytest.raises(ValueError, match=str(turn)):
        gather(branch(benchmark, load("random"), parents[0], turn, 1))


def test_a_run_of_forks_is_collected_and_gone_on_with_like_any_other(benchmark, folder, tmp_path):
    forks = Forks(folder, [1, -1])
    policy = load("random")

    def fill(path, samples, resume=False):
        with RunFolder(path, {}, resume=resume) as made:
            plan = Plan(forks, 5, samples)
            done = read_stored(plan, made, lambda one: None)
            asyncio.run(collect(plan, LocalEngine(benchmark, policy, 4), made, done, lambda one: None))
        return sorted(one.to_json() for one in read_run(path))

    whole = fill(tmp_path / "whole", 3)
    fill(tmp_path / "grown", 1)
    assert fill(tmp_path / "grown", 3, resume=True) == whole
    assert len(whole) == 3 * len(forks)
    parents = {(one.task.id, one.provenance["sample"], 0): one for one in read_run(folder)}
    for one in read_run(tmp_path / "whole"):
        said = one.provenance["fork"]
        task, sample, seed = said["episode"].split("/")
        parent = parents[task, int(sample), int(seed)]
        assert one.turns[: said["turn"]] == parent.turns[: said["turn"]]


def test_a_beginning_that_several_episodes_share_is_one_place(folder):
    at_start = Forks(folder, [0])
    assert len(at_start) == len({one.task.id for one in read_run(folder)})
    with pytest.raises(ValueError, match="99"):
        Forks(folder, [99])
    assert {fork.prefix.parent.task.type for fork in Forks(folder, [0], [3])} == {3}


def test_the_function_and_the_engine_give_the_same(benchmark, parents, tmp_path):
    first = {one.task.id: one for one in reversed(parents) if len(one.turns) > 1}
    with RunFolder(tmp_path / "parents", {}) as folder:
        for one in first.values():
            folder.append(one)
    engine, forks = LocalEngine(benchmark, load("random")), Forks(folder.path, [1])
    assert len(forks) == len(first)
    for fork in forks:
        parent = first[fork.prefix.parent.task.id]
        by_hand = gather(branch(benchmark, load("random"), parent, 1, 2, seed=9, run="parents"))
        played = [asyncio.run(engine.episode(fork.attempt(number, 9))) for number in range(2)]
        assert [one.to_json() for one in played] == [one.to_json() for one in by_hand]
