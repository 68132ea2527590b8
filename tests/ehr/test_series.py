"""Series and orders of listing: a plan is kept to whatever the random numbers are."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medenv.ehr.labs import LABS
from medenv.ehr.series import HISTORY, PAGE, Series, shuffled

NOW = datetime(2023, 11, 13, 10, 15, tzinfo=timezone.utc)
DAY = timedelta(hours=24)


@given(
    seed=st.integers(),
    code=st.sampled_from(sorted(LABS)),
    age=st.integers(1, 1600 * 24 * 60),
    count=st.sampled_from([1, 3, 4, 9, 22, 30]),
    buried=st.booleans(),
)
def test_the_newest_value_is_as_old_and_as_deep_as_planned(seed, code, age, count, buried):
    buried = buried and count > PAGE + 1
    plan = Series(timedelta(minutes=age), count, None, buried)
    listed = plan.draw(LABS[code], NOW, random.Random(seed))
    newest = max(listed, key=lambda one: one.at)
    assert len(listed) == len({one.at for one in listed}) == count
    assert NOW - newest.at == timedelta(minutes=age)
    assert [one.value for one in listed].count(newest.value) == 1
    assert min(one.at for one in listed) >= NOW - HISTORY
    if buried:
        assert listed.index(newest) >= PAGE
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


@pytest.mark.parametrize(
    "plan",
    [{"count": 0}, {"count": 2}, {"count": PAGE + 1, "buried": True}, {"count": 5, "recent": 5}],
)
def test_a_plan_that_cannot_be_kept_is_refused(plan):
    with pytest.raises(ValueError, match=str(plan.get("recent", plan["count"]))):
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
