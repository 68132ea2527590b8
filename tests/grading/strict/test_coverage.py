"""The strict grader takes a value for looked for exactly where it would have been shown: compared with charts that hold it.

MEDENV_COVERAGE_EXAMPLES sets how many random episodes are tried, MEDENV_COVERAGE_SEED starts from another seed.
"""

import os
import random
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from medenv.grading.reference_data import collect_reference_data
from medenv.grading.strict.evidence import gather
from medenv.grading.strict.search_log import SearchLog
from tests.grading.hidden_results import (
    BASE,
    DAY,
    MRN,
    NOW,
    SECOND,
    Chart,
    Place,
    Result,
    flags,
    interval,
    needed,
    play,
    shown,
    task_of,
    would_show,
)
from tests.grading.random_looks import AGES, MINUTE, any_looks, charts, escaped, plain_looks

EXAMPLES = int(os.environ.get("MEDENV_COVERAGE_EXAMPLES", "0"))
SEED = int(os.environ.get("MEDENV_COVERAGE_SEED", "0"))
PLACES = 400 if EXAMPLES else 60
"""Probes tried of an episode that the grader finds nothing missing in."""


def times_of(chart, start, end):
    """Return times at both sides of whatever an episode may name, in the interval in which a result would decide."""
    named = {start, end, *(NOW - age for age in AGES), *(one.at for one in chart.results)}
    # A partial date's bounds: of the day, the month, the year.
    for at in list(named):
        day = at.replace(hour=0, minute=0, second=0)
        month = day.replace(day=1)
        named |= {
            day,
            day + DAY,
            month,
            month + DAY,
            (month + 31 * DAY).replace(day=1),
            (month + 31 * DAY).replace(day=1) - DAY,
        }
        named |= {day.replace(month=1, day=1), day.replace(month=1, day=2), day.replace(month=12, day=31)}
        named |= {at + MINUTE, at.replace(second=0), at + timedelta(hours=5), at - timedelta(hours=5)}
    found = {at + step for at in named for step in (-SECOND, timedelta(), SECOND)}
    return sorted(at for at in found if start <= at <= end)


def positions_of(chart):
    size = len(chart.results)
    return sorted({0, min(1, size), size // 3, size // 2, max(0, size - 1), size})


def places_of(chart, the_task, wide=True):
    """Return where a deciding result could be: all of the probes, so that a number can be taken at random."""
    start, end = interval(chart, the_task)
    kinds = flags(chart, "MG") if wide else [None]
    values = [
        "0.01",
        "0.899",
        "0.9",
        "0.95",
        "1.15",
        "1.4",
        "1.5",
        "1.504",
        "1.51",
        "2.1",
        "3",
        "5.7",
        "9.6",
        "10",
        "10.4",
        "99",
    ]
    return [
        Place(Result(at, value, "MG", flag), position)
        for at in times_of(chart, start, end)
        for value in (values if wide else ["2.1"])
        for flag in kinds
        for position in positions_of(chart)
    ]


def judged(chart, the_task, turns):
    found = collect_reference_data(the_task, chart.backend().open())
    return gather(the_task, found.facts, found.pristine, SearchLog(turns, BASE), len(turns))


def asked(turns):
    return "\n".join(f"GET {turn.url}" for turn in turns)


def an_unseen_place(chart, turns, probes, most):
    """Return a place at which a result wouldn't have been shown, None if there is none among so many of them."""
    taken = random.Random(len(probes)).sample(probes, min(most, len(probes)))
    if any(not would_show(chart, turns, one, chart.backend(one).open()) for one in taken[:2]):
        return next(one for one in taken if not would_show(chart, turns, one, chart.backend(one).open()))
    for place in taken:
        if not would_show(chart, turns, place) and not would_show(chart, turns, place, chart.backend(place).open()):
            return place
    return None


def repeatable(examples):
    def decorate(test):
        chosen = settings(
            max_examples=EXAMPLES or examples,
            derandomize=not EXAMPLES,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        return chosen(seed(SEED)(test) if EXAMPLES else test)

    return decorate


@repeatable(100)
@given(chart=charts(), number=st.sampled_from([4, 5, 6, 7, 9, 10]), steps=any_looks())
def test_nothing_counts_as_looked_for_that_would_not_have_been_shown(chart, number, steps):
    the_task = task_of(number)
    turns = play(chart, the_task, steps)
    if not judged(chart, the_task, turns).given:
        return
    assert chart.ids(needed(chart, the_task)) <= shown(turns), asked(turns)
    unseen = an_unseen_place(chart, turns, places_of(chart, the_task), PLACES)
    assert unseen is None, f"{unseen} was not shown by\n{asked(turns)}"


@repeatable(30)
@given(chart=charts(), number=st.sampled_from([4, 5, 6, 7, 9, 10]), steps=plain_looks())
def test_of_plain_searches_all_that_would_have_been_shown_counts(chart, number, steps):
    the_task = task_of(number)
    turns = play(chart, the_task, steps)
    evidence = judged(chart, the_task, turns)
    everything = chart.ids(needed(chart, the_task)) <= shown(turns)
    probes = places_of(chart, the_task, wide=False)
    unseen = an_unseen_place(chart, turns, probes, 200 if evidence.given else 2000) if everything else None
    assert evidence.given is (everything and unseen is None), f"{evidence}, {unseen}\n{asked(turns)}"


LONE = f"Observation?patient={MRN}&code=MG"
EDGES = [escaped((NOW - age).strftime("%Y-%m-%dT%H:%M:%S")) for age in (timedelta(), SECOND, DAY)]
MADE_UP = ",".join(f"{beginning}{n}" for beginning in ("--", "zzzzzzzz-") for n in range(60))
TRICKS = {
    **{f"an empty page of {n}": [f"{LONE}&_count={n}"] for n in ("-0", "-1", "+0", "000000000000")},
    "one stored early or late": [f"{LONE}&_lastUpdated=lt2000,gt2100"],
    "nearly a number": [f"{LONE}&value-quantity=lt5,ap5,ap6.5,gt6.5"],
    "the last of a page without its time": [f"{LONE}&_sort=-date&_count=1{cut}" for cut in ("", "&_elements=id")],
    "made-up ids": [f"{LONE}&_id={MADE_UP}"],
    "a made-up patient": ["Observation?patient=S0&code=MG"],
    "when it was stored": [f"{LONE}&_lastUpdated=ne2024"],
    "where it came from": [f"{LONE}&_source:missing=true"],
    "moments": [f"{LONE}&date=={edge}" for edge in EDGES],
    "by value first": [f"{LONE}&_sort=value-quantity&_sort=date&_count=1&_offset=2"],
}
"""Searches that each miss results; with those of the newest result itself, which an agent may have seen otherwise."""
HELD = [Result(NOW - 2 * DAY, "1.5"), Result(NOW - 3 * DAY, "0.9"), Result(NOW - SECOND, "2.1")]


@pytest.mark.parametrize("trick", TRICKS)
def test_searches_that_miss_something_prove_nothing(trick):
    fooled = 0
    for number, held in ((4, HELD[:0]), (4, HELD[:2]), (6, HELD[:0]), (6, HELD[1:]), (7, HELD)):
        chart, the_task = Chart(held), task_of(number)
        reads = [f"Observation/{id_}" for id_ in sorted(chart.ids(needed(chart, the_task)))]
        turns = play(chart, the_task, [*TRICKS[trick], *reads])
        if an_unseen_place(chart, turns, places_of(chart, the_task), 400) is not None:
            fooled += 1
            assert not judged(chart, the_task, turns).given, asked(turns)
    assert fooled
