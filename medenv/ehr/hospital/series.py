"""How a patient's values of one laboratory code lie in time, and in which order the chart lists them.

Plans fix what a question turns on (the newest value, how old it is, where it is listed); the rest is drawn.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

from medenv.ehr.hospital.labs import Lab

__all__ = ["HISTORY", "PAGE", "Measurement", "Place", "Series", "shuffled"]

HISTORY = timedelta(days=5 * 365)
"""How far back charts go (the official cohort's reach from 2018-11-13 to 2023-11-13)."""

PAGE = 20
"""The server's default page: whatever is listed later is not on the first one."""

_DAY = timedelta(hours=24)
_MINUTE = timedelta(minutes=1)

Place = Literal["first page", "middle", "last page"]
"""Where a long list has what counts: among the first `PAGE` values and not among the last, among neither, or only among the last."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One value: when it was taken and the number as text."""

    at: datetime
    value: str


@dataclass(frozen=True, slots=True)
class Series:
    """A plan for the values of one code in one chart.

    Attributes:
        age: How old the newest value is.
        count: How many values there are in all, 1 or at least 3 (two always lie in date order).
        value: The newest value as text; None draws it.
        place: Where the list has the newest, and with it those of the last 24 hours if `recent` says how many; None anywhere.
        recent: How many of the older values lie within the last 24 hours; None leaves it to chance.
        edge: Whether the oldest of those is exactly 24 hours old.
    """

    age: timedelta
    count: int
    value: str | None = None
    place: Place | None = None
    recent: int | None = None
    edge: bool = False

    def __post_init__(self) -> None:
        if self.count < 1 or self.count == 2:
            raise ValueError(f"a series has 1 or at least 3 values, not {self.count}")
        if self.recent is not None and self.recent >= self.count:
            raise ValueError(f"{self.recent} recent values besides the newest do not fit into {self.count}")
        if self.place and len(self._places()) < 1 + (self.recent or 0):
            raise ValueError(
                f"{self.count} values are too few for {1 + (self.recent or 0)} of them to be on the {self.place}"
            )

    def _places(self) -> range:
        """Return where the list may have the values that `place` speaks of."""
        before_last = max(0, self.count - PAGE)
        if self.place == "middle":
            return range(PAGE, before_last)
        return (
            range(min(PAGE, before_last)) if self.place == "first page" else range(max(PAGE, before_last), self.count)
        )

    def draw(self, lab: Lab, now: datetime, rng: random.Random) -> list[Measurement]:
        """Return the values in the order in which the chart lists them, never in date order.

        No older value equals the newest, so that mistaking one for the other shows.
        """
        newest = Measurement(now - self.age, lab.draw(rng) if self.value is None else self.value)
        older = [Measurement(at, _other_than(newest.value, lab, rng)) for at in self._times(newest.at, lab, now, rng)]
        if self.place is None:
            return shuffled([newest, *older], rng, lambda measurement: measurement.at)
        lately = [newest, *(one for one in older if self.recent is not None and one.at >= now - _DAY)]
        listed = shuffled([one for one in older if one not in lately], rng, lambda measurement: measurement.at)
        rng.shuffle(lately)
        for position, one in zip(sorted(rng.sample(self._places(), len(lately))), lately, strict=True):
            listed.insert(position, one)
        return listed

    def _times(self, newest: datetime, lab: Lab, now: datetime, rng: random.Random) -> list[datetime]:
        """Distinct times before the newest."""
        times: set[datetime] = set()
        last_day = now - _DAY

        def fill(count: int, start: datetime, end: datetime) -> None:
            """Add times in [start, end), by the minute."""
            minutes = int((end - start) / _MINUTE)
            wanted = len(times) + count
            if count > minutes // 2:
                raise ValueError(f"{count} values do not fit between {start} and {end}")
            while len(times) < wanted:
                times.add(start + rng.randrange(minutes) * _MINUTE)

        rest, end = self.count - 1, newest
        if self.recent is not None:
            if self.edge:
                times.add(last_day)
            fill(self.recent - len(times), last_day + _MINUTE, newest)
            rest, end = rest - self.recent, min(last_day, newest)
        in_burst = 0 if lab.burst is None else rest * 2 // 3
        if lab.burst is not None:
            fill(in_burst, end - lab.burst, end)
        fill(rest - in_burst, now - HISTORY, end)
        return sorted(times)


def _other_than(value: str, lab: Lab, rng: random.Random) -> str:
    while (drawn := lab.draw(rng)) == value:
        pass
    return drawn


def shuffled(items: list[T], rng: random.Random, key: Callable[[T], Any]) -> list[T]:
    """Return the items in random order, but (with three or more that differ) neither rising nor falling in `key`."""
    items = list(items)
    rng.shuffle(items)
    if len({key(item) for item in items}) > 2:
        while sorted(items, key=key) == items or sorted(items, key=key, reverse=True) == items:
            rng.shuffle(items)
    return items
