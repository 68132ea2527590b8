"""Which rows are named when a run's rows stand otherwise than they were stored."""

import random

from hypothesis import given
from hypothesis import strategies as st

from medenv.rollouts.verifying.order import moved

STORED = [f"{number:016x}" for number in range(12)]


def test_rows_in_their_order_name_nothing():
    assert not list(moved(STORED, STORED))
    assert not list(moved(STORED, [*STORED, "new"][:12]))


def test_two_swapped_rows_are_both_named_whether_near_or_far():
    for one, other in ((3, 4), (2, 9), (0, 11)):
        found = list(STORED)
        found[one], found[other] = found[other], found[one]
        assert set(moved(STORED, found)) == {(one + 1, other + 1), (other + 1, one + 1)}


def test_a_row_that_was_moved_is_named_alone():
    found = [STORED[9], *STORED[:9], *STORED[10:]]
    assert list(moved(STORED, found)) == [(1, 10)]


def test_a_lost_row_is_named_and_those_that_moved_up_are_not():
    assert list(moved(STORED, STORED[:4] + STORED[5:])) == [(None, 5)]


def test_another_row_in_a_place_is_named_once():
    found = [*STORED[:4], "other", *STORED[5:]]
    assert list(moved(STORED, found)) == [(5, None)]


@given(st.integers(0, 2**32), st.integers(2, 40))
def test_without_the_rows_named_the_rest_is_in_order(seed, count):
    stored = [f"{number:016x}" for number in range(count)]
    found = list(stored)
    random.Random(seed).shuffle(found)
    named = {now for now, _ in moved(stored, found)}
    rest = [one for now, one in enumerate(found, 1) if now not in named]
    assert rest == sorted(rest)
    assert bool(named) == (found != stored)
