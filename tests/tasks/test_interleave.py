"""Few tasks stand for all: types and branches take turns."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medenv.tasks import load_split
from medenv.tasks.interleave import interleave
from medenv.tasks.selection import select_tasks

ITEMS = st.lists(st.tuples(st.integers(1, 4), st.sampled_from("abc")), max_size=40)


@given(ITEMS, st.integers(0, 40))
def test_no_kind_is_behind_another_by_more_than_one(items, most):
    numbered = list(enumerate(items))
    chosen = interleave(numbered, lambda item: item[1], most)
    assert len(chosen) == min(most, len(items))
    assert chosen == interleave(numbered, lambda item: item[1])[:most]
    for level in (lambda item: item[1][0], lambda item: item[1]):
        there, taken = Counter(map(level, numbered)), Counter(map(level, chosen))
        for kind in there:
            if taken[kind] < there[kind]:  # not used up, so no sibling of it is ahead
                siblings = [other for other in taken if not isinstance(kind, tuple) or other[0] == kind[0]]
                assert all(taken[other] <= taken[kind] + 1 for other in siblings)
    for kind in set(items):  # the order within a kind stays
        assert [n for n, one in chosen if one == kind] == sorted(n for n, one in chosen if one == kind)


@pytest.mark.parametrize("split", ["builtin", "test"])
def test_a_limit_takes_from_types_and_branches_in_turn(split):
    tasks = load_split(split)
    few = select_tasks(tasks, limit=12)
    assert Counter(task.type for task in few).most_common()[-1][1] >= 1
    assert len({task.type for task in few}) == 10
    thirty = select_tasks(tasks, limit=30)
    assert set(Counter(task.type for task in thirty).values()) == {3}
    for number in range(1, 11):
        of_type = [task.branch for task in thirty if task.type == number]
        assert len(set(of_type)) == min(3, len({task.branch for task in tasks.of_type(number)}))
    assert [task.id for task in thirty] == [task.id for task in tasks if task.id in {one.id for one in thirty}]
    assert {task.id for task in few} < {task.id for task in thirty}


@pytest.mark.parametrize("types", [[], [5, 9]])
def test_an_endless_split_takes_turns_too(types):
    few = select_tasks(load_split("train"), limit=20, task_type=types)
    counts = Counter(task.type for task in few)
    assert set(counts.values()) == {20 // len(counts)}
    assert set(counts) == set(types or range(1, 11))
