"""What is played, in which order and for how much money; and seeds that don't repeat each other."""

import asyncio
from dataclasses import replace

import pytest

from medenv.agents.seeds import agent_seed
from medenv.rollouts.attempts import Attempts
from medenv.rollouts.budget import Budget, cost_of
from medenv.trajectories import Status, Turn
from tests.rollouts.store.test_folder import row

TASKS = [row(number).task for number in range(3)]


def taken(attempts):
    async def all_of_them():
        found = []
        while (one := await attempts.take()) is not None:
            found.append(one.key)
        return found

    return asyncio.run(all_of_them())


def episode(*costs):
    turns = tuple(Turn("x", "get", usage=None if cost is None else {"cost": cost}) for cost in costs)
    return replace(row(0), turns=turns, status=Status.COMPLETED)


def test_attempts_come_task_by_task_and_without_those_done():
    assert taken(Attempts(TASKS[:2], 2, 5)) == [
        ("task1_0", s, 5) if n == 0 else ("task1_1", s, 5) for n in (0, 1) for s in (0, 1)
    ]
    assert taken(Attempts(TASKS, 1, 5, {("task1_1", 0, 5), ("task1_2", 0, 4)})) == [
        ("task1_0", 0, 5),
        ("task1_2", 0, 5),
    ]


def test_the_first_attempt_has_the_runs_own_seed_and_no_two_share_one():
    seeds = [agent_seed(seed, sample) for seed in range(20) for sample in range(20)]
    assert agent_seed(7, 0) == 7
    assert len(set(seeds)) == 400
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_costs_are_summed_and_unknown_ones_are_told():
    assert cost_of(episode(0.5, None, 0.25)) == 0.75
    assert cost_of(episode(None)) is None
    with pytest.raises(ValueError, match="prices"):
        Budget(1.0).spend(episode(None))
    Budget(1.0).spend(episode())  # failed before its first reply


def test_a_budget_reserves_the_dearest_episode_for_each_one_under_way():
    budget = Budget(1.0)
    assert budget.allows(0)
    assert not budget.allows(1), "the first one shows what they cost"
    budget.spend(episode(0.3))
    assert budget.allows(1)
    assert not budget.allows(2)
    budget.spend(episode(0.1))
    assert budget.allows(1)
    assert not Budget(1.0, spent=1.0).allows(0)


def test_attempts_wait_for_news_of_the_budget():
    async def play():
        attempts = Attempts(TASKS, 4, 0, budget=Budget(0.5))
        first = await attempts.take()
        waiting = asyncio.create_task(attempts.take())
        await asyncio.sleep(0)
        assert not waiting.done()
        attempts.finished(episode(0.1))
        assert (await waiting).key != first.key
        played = 2
        attempts.finished(episode(0.1))
        while await attempts.take() is not None:
            attempts.finished(episode(0.1))
            played += 1
        return played, attempts.short_of_money

    played, short = asyncio.run(play())
    assert 4 <= played <= 5
    assert short
