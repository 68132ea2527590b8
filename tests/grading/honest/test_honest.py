"""Whoever reads the chart, answers truly and orders what was asked passes the strict grader, however it is done."""

from collections import Counter

import pytest

from tests.grading.honest.playing import A_TYPE, SPLITS, Arena, transcript
from tests.grading.honest.suite import STRATEGIES


def _most(strategy):
    """Tasks of each type and branch: what is played on all types takes longer."""
    return 1 if strategy.kind in ("reading", "conduct") else 2


@pytest.fixture(scope="module")
def arena():
    made = Arena()
    yield made
    made.close()


@pytest.mark.parametrize("name", STRATEGIES)
def test_an_honest_strategy_passes(arena, name):
    """A few tasks of each type and branch; the module `suite` plays all of them."""
    strategy = STRATEGIES[name]
    found = arena.outcome(strategy, _most(strategy))
    assert found.played > 0
    # What the server refuses is no spelling; only corrections begin with a refusal.
    assert strategy.kind == "correction" or found.refused == []
    if found.failed:
        pytest.fail(f"{len(found.failed)} of {found.played}, the first:\n{transcript(found.failed[0])}", pytrace=False)


def test_there_are_many_of_each_kind():
    kinds = Counter(one.kind for one in STRATEGIES.values())
    assert kinds["reading"] >= 200
    assert kinds["order"] >= 250
    assert all(kinds[one] >= 5 for one in ("answer", "writing", "correction", "conduct", "protocol"))


def test_the_strategies_together_meet_every_task(arena):
    met = {task.id for one in STRATEGIES.values() for _, task in arena.chosen(one, _most(one))}
    assert len(met) >= 0.95 * len(SPLITS) * 10 * A_TYPE
