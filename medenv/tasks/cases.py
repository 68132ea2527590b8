"""Cases: the situations that tasks are made of, how often each comes up, and what each asks of a chart.

`CASES` is the table for the generated splits: 30 cases a type, so that every branch has a declared share of every 30 tasks.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from medenv.ehr.series import PAGE, Series
from medenv.tasks.chart import DAY

__all__ = [
    "BEFORE",
    "CASES",
    "DIFFICULTIES",
    "EDGE",
    "HOUR",
    "LATELY",
    "LOW_K",
    "MILD",
    "MINUTE",
    "MODERATE",
    "NORMAL",
    "NORMAL_K",
    "PAST_EDGE",
    "ROUND",
    "SEVERE",
    "TODAY",
    "Case",
    "shares",
]

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ROUND = 30
"""Tasks of a type in which every case comes up as often as the table says."""

DIFFICULTIES = ("easy", "hard")
"""``easy``: little in the chart, nobody similar on file. ``hard``: beyond the first page, at a limit, or among doubles."""


@dataclass(frozen=True, slots=True)
class Case:
    """Some tasks of one branch.

    Attributes:
        branch: The branch.
        count: How many tasks of a round.
        ages: How old the newest value is: shortest and longest; None if there is no value.
        buried: Whether the newest value is listed after the first page.
        values: The newest values, one after the other; empty draws them.
        recent: For means, fewest and most values within 24 h besides the newest.
        edge: Whether the oldest of those is exactly 24 h old.
        a_year_more: Whether `ages` count from a year ago.
        future: Whether another test's result that is coded alike lies after the present.
        doubles: How many similar people are on file.
        named: Whether the patient is named by name and birth date instead of the MRN.
        name: What is special, in a word.
    """

    branch: str
    count: int
    ages: tuple[timedelta, timedelta] | None = None
    buried: bool = False
    values: tuple[str, ...] = ()
    recent: tuple[int, int] | None = None
    edge: bool = False
    a_year_more: bool = False
    future: bool = False
    doubles: int = 0
    named: bool = False
    name: str = "plain"

    @property
    def difficulty(self) -> str:
        """One of `DIFFICULTIES`."""
        many = self.recent is not None and self.recent[1] > PAGE
        return (
            "hard"
            if self.buried or self.edge or self.future or self.doubles or many or self.name == "limit"
            else "easy"
        )

    def series(self, index: int, rng: random.Random, year: timedelta = timedelta()) -> Series | None:
        """The plan for the case's `index`-th task.

        Args:
            index: From 0.
            rng: Where chance comes from.
            year: How long the year before the present was, for cases that count from a year ago.
        """
        if self.ages is None:
            return None
        more = year if self.a_year_more else timedelta()
        shortest, longest = (int((age + more) / MINUTE) for age in self.ages)
        age = rng.randint(shortest, longest) * MINUTE
        value = self.values[index % len(self.values)] if self.values else None
        recent = rng.randint(*self.recent) if self.recent else None
        older = rng.randint(PAGE + 2, PAGE + 9) if self.buried else rng.choice((0, 2, 3, 5, 8, 12))
        if recent:
            older = recent + rng.randint(3, 12)
        return Series(age, older + 1, value, self.buried, recent, self.edge)


TODAY = (20 * MINUTE, 22 * HOUR)
BEFORE = (26 * HOUR, 60 * DAY)
LATELY = (HOUR, 30 * DAY)
EDGE = (DAY, DAY)
PAST_EDGE = (DAY + MINUTE, DAY + MINUTE)
_WITHIN_A_YEAR = (-360 * DAY, -DAY)
_OVER_A_YEAR = (DAY, 3 * 365 * DAY)
_A_YEAR = (timedelta(), timedelta())
_PAST_A_YEAR = (MINUTE, MINUTE)
MILD = ("1.5", "1.8", "1.6", "1.7")
MODERATE = ("1.0", "1.4", "1.2", "1.1", "1.3")
SEVERE = ("0.9", "0.6", "0.8", "0.7")
NORMAL = ("2.0", "2.3", "2.1", "2.5", "2.2", "2.4")
LOW_K = ("3.4", "2.9", "3.1", "3.3", "2.6", "3.2", "2.8", "3.0", "2.7")
NORMAL_K = ("3.6", "4.2", "3.9", "4.5", "4.0")

CASES: Mapping[int, tuple[Case, ...]] = {
    1: (
        Case("found", 10),
        Case("found", 12, doubles=2, name="doubles"),
        Case("not_found", 3, name="stranger"),
        Case("not_found", 5, doubles=2, name="near-miss"),
    ),
    2: (Case("ordinary", 18), Case("birthday", 6, name="limit"), Case("eve", 6, name="limit")),
    3: (
        Case("record", 15, name="by MRN"),
        Case("record", 8, named=True, name="by name"),
        Case("record", 7, named=True, doubles=2, name="by name, doubles"),
    ),
    4: (
        Case("present", 7, TODAY, name="fresh"),
        Case("present", 7, TODAY, buried=True, name="beyond the first page"),
        Case("present", 3, EDGE, buried=True, name="limit"),
        Case("present", 3, TODAY, future=True, name="future decoy"),
        Case("absent", 3, name="no value"),
        Case("absent", 3, BEFORE, name="stale"),
        Case("absent", 2, BEFORE, buried=True, name="stale, beyond the first page"),
        Case("absent", 2, PAST_EDGE, name="limit"),
    ),
    5: (
        Case("absent", 1, name="no value"),
        Case("absent", 2, BEFORE, values=MILD, name="stale"),
        Case("absent", 1, BEFORE, buried=True, values=SEVERE, name="stale, beyond the first page"),
        Case("absent", 1, PAST_EDGE, values=MODERATE, name="limit"),
        Case("normal", 1, TODAY, values=("2.0",), name="limit"),
        Case("normal", 2, TODAY, values=NORMAL, name="fresh"),
        Case("normal", 2, TODAY, buried=True, values=NORMAL, name="beyond the first page"),
        Case("mild", 2, TODAY, values=("1.9",), name="limit"),
        Case("mild", 2, TODAY, buried=True, values=("1.9",), name="limit"),
        Case("mild", 1, TODAY, values=("1.5",), name="limit"),
        Case("mild", 2, TODAY, buried=True, values=MILD, name="beyond the first page"),
        Case("mild", 1, TODAY, values=MILD, future=True, name="future decoy"),
        Case("mild", 2, EDGE, values=MILD, name="limit"),
        Case("moderate", 2, TODAY, values=("1.0", "1.4"), name="limit"),
        Case("moderate", 2, TODAY, buried=True, values=MODERATE, name="beyond the first page"),
        Case("moderate", 1, TODAY, values=MODERATE, name="fresh"),
        Case("severe", 1, TODAY, values=("0.9",), name="limit"),
        Case("severe", 2, TODAY, buried=True, values=SEVERE, name="beyond the first page"),
        Case("severe", 2, TODAY, values=SEVERE, name="fresh"),
    ),
    6: (
        Case("present", 2, (20 * MINUTE, 2 * HOUR), recent=(60, 90), name="beyond the first page"),
        Case("present", 6, (20 * MINUTE, 6 * HOUR), recent=(21, 30), name="beyond the first page"),
        Case("present", 8, (20 * MINUTE, 16 * HOUR), recent=(3, 12), name="fresh"),
        Case("present", 3, (20 * MINUTE, 8 * HOUR), recent=(3, 9), edge=True, name="limit"),
        Case("present", 2, EDGE, buried=True, name="limit"),
        Case("present", 1, (20 * MINUTE, 8 * HOUR), recent=(3, 9), future=True, name="future decoy"),
        Case("absent", 3, BEFORE, name="stale"),
        Case("absent", 3, BEFORE, buried=True, name="stale, beyond the first page"),
        Case("absent", 2, name="no value"),
    ),
    7: (
        Case("present", 14, LATELY, buried=True, name="beyond the first page"),
        Case("present", 8, LATELY, name="fresh"),
        Case("present", 3, LATELY, future=True, name="future decoy"),
        Case("absent", 5, name="no value"),
    ),
    8: (
        Case("refer", 15, name="by MRN"),
        Case("refer", 8, named=True, name="by name"),
        Case("refer", 7, named=True, doubles=2, name="by name, doubles"),
    ),
    9: (
        Case("low", 9, LATELY, buried=True, values=LOW_K, name="beyond the first page"),
        Case("low", 5, LATELY, values=LOW_K, name="fresh"),
        Case("low", 2, LATELY, values=("3.4",), name="limit"),
        Case("low", 1, LATELY, values=LOW_K, future=True, name="future decoy"),
        Case("normal", 3, LATELY, buried=True, values=NORMAL_K, name="beyond the first page"),
        Case("normal", 2, LATELY, values=NORMAL_K, name="fresh"),
        Case("normal", 1, LATELY, buried=True, values=("3.5",), name="limit"),
        Case("normal", 2, LATELY, values=("3.5",), name="limit"),
        Case("absent", 5, name="no value"),
    ),
    10: (
        Case("absent", 7, name="no value"),
        Case("stale", 4, _OVER_A_YEAR, buried=True, a_year_more=True, name="beyond the first page"),
        Case("stale", 2, _OVER_A_YEAR, a_year_more=True, name="plain"),
        Case("stale", 1, _PAST_A_YEAR, buried=True, a_year_more=True, name="limit"),
        Case("fresh", 7, _WITHIN_A_YEAR, buried=True, a_year_more=True, name="beyond the first page"),
        Case("fresh", 5, _WITHIN_A_YEAR, a_year_more=True, name="plain"),
        Case("fresh", 2, _A_YEAR, buried=True, a_year_more=True, name="limit"),
        Case("fresh", 2, _WITHIN_A_YEAR, future=True, a_year_more=True, name="future decoy"),
    ),
}
"""The cases by task type. In each type the largest branch is at least as large as all branches that a policy wins blind."""


def shares(number: int) -> dict[str, float]:
    """Each branch's declared share of a type's tasks."""
    counts: Counter[str] = Counter()
    for case in CASES[number]:
        counts[case.branch] += case.count
    return {branch: count / ROUND for branch, count in counts.items()}
