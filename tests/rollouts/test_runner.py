"""The runner: the agents that come along, and that how many episodes run at once changes nothing."""

import asyncio

import pytest

from medenv.agents import FatalProviderError, Player, Policy, ProviderError, Reply, load
from medenv.episode import Benchmark
from medenv.grading import OfficialGrader
from medenv.rollouts import run
from medenv.trajectories import Status


@pytest.fixture(scope="module")
def benchmark():
    with Benchmark("builtin") as made:
        yield made


def collect(benchmark, policy, tasks=None, **options):
    async def gather():
        return [one async for one in run(benchmark, policy, benchmark.tasks if tasks is None else tasks, **options)]

    return asyncio.run(gather())


def passed(episodes, number=None):
    return sum(one.verdict["score"] for one in episodes if number in (None, one.task.type))


def test_the_reference_solves_everything(benchmark):
    episodes = collect(benchmark, load("reference"))
    assert [one.task.id for one in episodes if one.verdict["score"] != 1.0] == []
    assert len(episodes) == 300
    assert any(turn.text.startswith("GET http") for one in episodes for turn in one.turns), "it follows next links"


def test_verdicts_name_the_branch_that_the_task_declares(benchmark):
    for one in collect(benchmark, load("reference")):
        assert one.verdict["branch"] == one.task.branch


def test_the_blind_policy_never_looks_and_fails_where_the_chart_decides(benchmark):
    episodes = collect(benchmark, load("blind"))
    assert not any(turn.kind == "get" for one in episodes for turn in one.turns)
    whole = {one.task.id for one in episodes if one.task.type in (3, 8) and one.task.mrn in one.task.instruction}
    solved = {one.task.id for one in episodes if one.verdict["score"] == 1.0}
    assert solved == whole, "strictly, only what the instruction holds whole can be done blind"
    assert len(solved) > 20
    assert sum(OfficialGrader().grade(one).score for one in episodes) > len(solved)


def test_random_runs_to_the_end_and_repeats_itself(benchmark):
    first, again = (collect(benchmark, load("random"), seed=5) for _ in range(2))
    assert [one.to_json() for one in first] == [one.to_json() for one in again]
    assert not any(one.status is Status.INFRASTRUCTURE_ERROR for one in first)
    assert {one.status for one in first} >= {Status.COMPLETED, Status.INVALID_ACTION}
    other = collect(benchmark, load("random"), seed=6)
    assert [one.to_json() for one in first] != [one.to_json() for one in other]


@pytest.mark.parametrize("concurrency", [1, 7, 300])
def test_concurrency_changes_no_episode(benchmark, concurrency):
    tasks = list(benchmark.tasks)[::10]
    episodes = collect(benchmark, load("random"), tasks, concurrency=concurrency)
    assert sorted(one.to_json() for one in episodes) == sorted(
        one.to_json() for one in collect(benchmark, load("random"), tasks)
    )


class Failing(Policy):
    """Fails in its second reply, in every third task."""

    name = "failing"

    def __init__(self, error):
        self.error, self.started = error, 0

    def start(self, task, seed):
        self.started += 1
        return FailingPlayer(self.error if self.started % 3 == 0 else None)


class FailingPlayer(Player):
    def __init__(self, error):
        self.error, self.replies = error, 0

    async def act(self, messages):
        self.replies += 1
        await asyncio.sleep(0)
        if self.replies == 1:
            return Reply("GET Patient?_count=1")
        if self.error:
            raise self.error
        return Reply("FINISH([])")


def test_a_provider_fault_is_no_score(benchmark):
    episodes = collect(benchmark, Failing(ProviderError("down")), list(benchmark.tasks)[:9], concurrency=4)
    failed = [one for one in episodes if one.status is Status.INFRASTRUCTURE_ERROR]
    assert len(failed) == 3
    assert all(one.verdict is None and one.error == "down" for one in failed)
    assert len(episodes) == 9


def test_a_fatal_fault_ends_the_run_with_what_was_finished(benchmark):
    async def gather(finished):
        async for one in run(benchmark, Failing(FatalProviderError("no key")), benchmark.tasks, concurrency=4):
            finished.append(one)

    finished = []
    with pytest.raises(FatalProviderError):
        asyncio.run(gather(finished))
    assert 1 <= len(finished) < 10


def test_concurrency_must_be_positive(benchmark):
    with pytest.raises(ValueError, match="0"):
        collect(benchmark, load("blind"), concurrency=0)
