"""Scenarios: the situations that tasks are made of, how often each comes up, and what each asks of a chart.

Each task type declares its own, `ROUND` in all, so that every branch has a declared share of every 30 tasks of the type.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from medenv.ehr.hospital.series import PAGE, Place, Series
from medenv.ehr.resources import Person
from medenv.tasks.chart import DAY

__all__ = [
    "A_YEAR",
    "BEFORE",
    "DIFFICULTIES",
    "EDGE",
    "HOUR",
    "LATELY",
    "LEAP_DAY",
    "MINUTE",
    "OVER_A_YEAR",
    "PAST_A_YEAR",
    "PAST_EDGE",
    "ROUND",
    "TODAY",
    "WITHIN_A_YEAR",
    "Placement",
    "Scenario",
    "Subject",
    "shares",
    "shuffled_round",
]

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ROUND = 30
"""Tasks of a type in which every scenario comes up as often as its `count` says."""

LEAP_DAY = "leap day"
"""The name of scenarios about people born on 29 February."""

DIFFICULTIES = ("easy", "hard")
"""``easy``: little in the chart, nobody similar on file. ``hard``: beyond the first page, at a limit, or among doubles."""


class Placement(Enum):
    """Whom a split with fixed charts asks a task type about."""

    SPECIAL_BIRTHDAYS = "charted patients who are given the birthdays that the scenarios want"
    RESULTS = "a group of the charted patients whose charts are given the results that the scenarios want"
    ANY_CHART = "any charted patients"
    NEWCOMERS = "people who are put on file for the task"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a task asks about.

    Attributes:
        name: Given name, family name and birth date as the instruction may state them.
        mrn: The patient's; None if nobody has this name and birth date.
        on_file: The people that must be on file for it.
    """

    name: tuple[str, str, str]
    mrn: str | None
    on_file: tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A situation that some tasks of one branch are in.

    Attributes:
        branch: The branch.
        count: How many tasks of a round.
        ages: How old the newest value is: shortest and longest; None if there is no value.
        place: Where a long list has the newest value, for means all values that count; None for a list that fits on a page
            (but for means of many).
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
    place: Place | None = None
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
        """Return one of `DIFFICULTIES`."""
        many = self.recent is not None and self.recent[1] > PAGE
        return (
            "hard"
            if self.place or self.edge or self.future or self.doubles or many or self.name in ("limit", LEAP_DAY)
            else "easy"
        )

    def series(self, index: int, rng: random.Random, year: timedelta = timedelta()) -> Series | None:
        """Return the plan of the values for the scenario's `index`-th task.

        Args:
            index: From 0.
            rng: Where chance comes from.
            year: How long the year before the present was, for scenarios that count from a year ago.
        """
        if self.ages is None:
            return None
        more = year if self.a_year_more else timedelta()
        shortest, longest = (int((age + more) / MINUTE) for age in self.ages)
        age = rng.randint(shortest, longest) * MINUTE
        value = self.values[index % len(self.values)] if self.values else None
        recent = rng.randint(*self.recent) if self.recent else None
        if self.place is None:
            older = recent + rng.randint(3, 12) if recent else rng.choice((0, 2, 3, 5, 8, 12))
        else:
            older = (recent or 0) + rng.randint(*_OLDER[self.place])
        return Series(age, older + 1, value, self.place, recent, self.edge)


_OLDER: Mapping[Place, tuple[int, int]] = {
    "first page": (PAGE + 3, PAGE + 12),
    "middle": (2 * PAGE + 3, 2 * PAGE + 16),
    "last page": (PAGE + 3, PAGE + 12),
}
"""Fewest and most older values of a long list, by where it has the newest."""

TODAY = (20 * MINUTE, 22 * HOUR)
BEFORE = (26 * HOUR, 60 * DAY)
LATELY = (HOUR, 30 * DAY)
EDGE = (DAY, DAY)
PAST_EDGE = (DAY + MINUTE, DAY + MINUTE)
WITHIN_A_YEAR = (-360 * DAY, -DAY)
OVER_A_YEAR = (DAY, 3 * 365 * DAY)
A_YEAR = (timedelta(), timedelta())
PAST_A_YEAR = (MINUTE, MINUTE)


def shares(scenarios: Iterable[Scenario]) -> dict[str, float]:
    """Return each branch's declared share of a type's tasks."""
    counts: Counter[str] = Counter()
    for scenario in scenarios:
        counts[scenario.branch] += scenario.count
    return {branch: count / ROUND for branch, count in counts.items()}


def shuffled_round(scenarios: Iterable[Scenario], rng: random.Random) -> list[Scenario]:
    """Return each scenario as often as it comes up in a round, in random order."""
    found = [scenario for scenario in scenarios for _ in range(scenario.count)]
    rng.shuffle(found)
    return found
