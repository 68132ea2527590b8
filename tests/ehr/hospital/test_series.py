"""Series and orders of listing: a plan is kept to whatever the random numbers are."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medenv.ehr.hospital.labs import LABS
from medenv.ehr.hospital.series import HISTORY, PAGE, Series, shuffled

pytestmark = pytest.mark.quick

NOW = datetime(2023, 11, 13, 10, 15, tzinfo=timezone.utc)
DAY = timedelta(hours=24)


@given(
    seed=st.integers(),
    code=st.sampled_from(sorted(LABS)),
    age=st.integers(1, 1600 * 24 * 60),
    where=st.sampled_from(
        [
            *((None, count) for count in (1, 3, 9)),
            *(("first page", count) for count in (21, 30, 60)),
            *(("middle", count) for count in (41, 56)),
            *(("last page", count) for count in (21, 30, 60)),
        ]
    ),
)
def test_the_newest_value_is_as_old_and_where_as_planned(seed, code, age, where):
    place, count = where
    plan = Series(timedelta(minutes=age), count, None, place)
    listed = plan.draw(LABS[code], NOW, random.Random(seed))
    newest = max(listed, key=lambda one: one.at)
    assert len(listed) == len({one.at for one in listed}) == count
    assert NOW - newest.at == timedelta(minutes=age)
    assert [one.value for one in listed].count(newest.value) == 1
    assert min(one.at for one in listed) >= NOW - HISTORY
    if place is not None:
        assert (listed.index(newest) < PAGE) == (place == "first page")
        assert (listed.index(newest) >= count - PAGE) == (place == "last page")
    if count > 2:
        times = [one.at for one in listed]
        assert times not in (sorted(times), sorted(times, reverse=True))


@given(seed=st.integers(), recent=st.integers(2, 60), edge=st.booleans())
def test_as_many_values_in_the_last_day_as_planned(seed, recent, edge):
    plan = Series(timedelta(hours=2), recent + 6, recent=recent, edge=edge)
    times = [one.at for one in plan.draw(LABS["GLU"], NOW, random.Random(seed))]
    inside = [at for at in times if at >= NOW - DAY]
    assert len(inside) == recent + 1
    assert (min(inside) == NOW - DAY) == edge


@given(seed=st.integers(), recent=st.integers(1, 12), place=st.sampled_from(["first page", "middle", "last page"]))
def test_the_last_days_values_stand_together_where_planned(seed, recent, place):
    count = 2 * PAGE + recent + 6
    listed = Series(timedelta(hours=2), count, None, place, recent).draw(LABS["GLU"], NOW, random.Random(seed))
    assert len(listed) == count
    positions = [index for index, one in enumerate(listed) if one.at >= NOW - DAY]
    assert len(positions) == recent + 1
    assert {index < PAGE for index in positions} == {place == "first page"}
    assert {index >= count - PAGE for index in positions} == {place == "last page"}


def test_the_newest_of_a_long_list_is_seldom_its_last():
    plan = Series(timedelta(hours=2), PAGE + 9, None, "last page")
    lists = [plan.draw(LABS["K"], NOW, random.Random(seed)) for seed in range(200)]
    assert 10 < sum(max(one, key=lambda m: m.at) is one[-1] for one in lists) < 50


@pytest.mark.parametrize(
    "plan",
    [
        {"count": 0},
        {"count": 2},
        {"count": PAGE, "place": "last page"},
        {"count": PAGE, "place": "first page"},
        {"count": 2 * PAGE, "place": "middle"},
        {"count": 2 * PAGE + 4, "place": "middle", "recent": 4},
        {"count": 5, "recent": 5},
    ],
)
def test_a_plan_that_cannot_be_kept_is_refused(plan):
    with pytest.raises(ValueError, match=str(plan["count"])):
        Series(timedelta(hours=1), **plan)


def test_too_many_values_for_the_time_are_refused():
    plan = Series(timedelta(hours=23, minutes=50), 12, recent=10)
    with pytest.raises(ValueError, match="do not fit"):
        plan.draw(LABS["GLU"], NOW, random.Random(0))


@given(st.lists(st.integers(0, 3)), st.integers())
def test_shuffled_keeps_the_items_and_breaks_their_order(items, seed):
    mixed = shuffled(items, random.Random(seed), lambda item: item)
    assert sorted(mixed) == sorted(items)
    if len(set(items)) > 2:
        assert mixed not in (sorted(items), sorted(items, reverse=True))
