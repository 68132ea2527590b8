"""How a patient fares: problems by age, days in hospital, and from these the times and values of labs and vital signs.

Values follow problems, kidney function and the illness of the day, and each its own predecessor; panels are drawn together.
Times are minutes relative to the chart's present, none of them after it.
"""

from __future__ import annotations

import random
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from math import sqrt

from medenv.ehr.hospital.catalogue import ANALYTES, DAILY, PANELS, VITAL_SIGNS
from medenv.ehr.hospital.problems import PROBLEMS, Problem

__all__ = ["HISTORY_DAYS", "Course", "Result", "Sign", "course_of"]

HISTORY_DAYS = 5 * 365
"""How far back charts go (official cohort: 2018-11-13 to 2023-11-13)."""

_DAY = 1440
_RESULTS_A_DAY = 19
_MEALS = ((6 * 60 + 50, 25), (11 * 60 + 40, 30), (17 * 60, 30), (21 * 60 + 30, 30))
_ROOT3 = 1.7320508075688772


@dataclass(frozen=True, slots=True)
class Result:
    """One laboratory result: when drawn and when reported in minutes before the present (negative), code and value."""

    at: int
    issued: int
    code: str
    value: str


@dataclass(frozen=True, slots=True)
class Sign:
    """One flowsheet entry."""

    at: int
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Course:
    """What a chart is drawn from.

    Attributes:
        age: In years.
        problems: What the patient has.
        days: Days in hospital before today, ascending; 0 is today.
        visits: Days of visits outside a stay, ascending.
        clock: The present's minute of the day.
        renal: Kidney failure, 0 for none.
        acute: Acute illness, 0 for none.
    """

    age: int
    problems: tuple[Problem, ...]
    days: tuple[int, ...]
    visits: tuple[int, ...]
    clock: int
    renal: float
    acute: float

    def results(self, count: int, rng: random.Random, without: Container[str] = ()) -> list[Result]:
        """Laboratory results, in no order of time.

        Args:
            count: How many.
            rng: Where chance comes from.
            without: Codes to leave out.
        """
        draws = [d for d in self._draws(rng, count) if d[1] not in without]
        if count < len(
            draws
        ):  # what was missed, spilt or never sent; today's sodium is there, as in the official cohort
            today = next((i for i in range(len(draws) - 1, -1, -1) if draws[i][1] == "NA"), None)
            kept = set(rng.sample(range(len(draws)), count)) if count else set()
            if today is not None and kept and today not in kept:
                kept.remove(min(kept))
                kept.add(today)
            draws = [draws[i] for i in sorted(kept)]
        found = list(self._measure(draws, rng))
        for i in range(len(found)):  # a few are reported again, corrected: same time, a later report
            if rng.random() < 0.008 and i:
                first = found[i - 1]
                if first.code != "NA":
                    factor = 1.0 if rng.random() < 0.5 else 0.92 + 0.16 * rng.random()
                    value = ANALYTES[first.code].written(float(first.value) * factor)
                    found[i] = Result(first.at, min(0, first.issued + 45), first.code, value)
        rng.shuffle(found)
        return found

    def _draws(self, rng: random.Random, count: int) -> list[tuple[int, str]]:
        """At least so many times and codes, in order of time."""
        draws: list[tuple[int, str]] = []

        def take(day: int, drawn: Iterable[tuple[int, tuple[str, ...]]]) -> None:
            for minute, codes in drawn:
                at = minute - self.clock - day * _DAY
                if at < -15:
                    draws.extend([(at, code) for code in codes])

        for day in self.days:
            take(day, self._drawn_in_hospital(day, rng))
        visits = list(self.visits)
        while visits or len(draws) < count:
            day = visits.pop() if visits else rng.randrange(20, HISTORY_DAYS)
            take(day, _drawn_at_a_visit(rng))
        draws.sort()
        return draws

    def _drawn_in_hospital(self, day: int, rng: random.Random) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Yield what is drawn on a day in hospital: minute of the day and codes."""
        morning = 5 * 60 + rng.randrange(80)
        yield morning, DAILY
        for chance, panel in PANELS:
            if rng.random() < chance:
                yield morning, panel
        if rng.random() < 0.25:
            yield 15 * 60 + rng.randrange(240), ("NA", "K", "CR") if rng.random() < 0.5 else ("K", "MG")
        if any(problem.sugar for problem in self.problems):
            for meal, spread in _MEALS:
                yield meal + rng.randrange(spread), ("GLU",)
        if day + 1 not in self.days and rng.random() < 0.4:  # on admission
            yield morning, ("A1C", "TSH")

    def _measure(self, draws: list[tuple[int, str]], rng: random.Random) -> Iterator[Result]:
        shifts: dict[str, float] = {}
        for problem in self.problems:
            for code, shift in problem.shifts.items():
                shifts[code] = shifts.get(code, 0.0) + shift
        random01 = rng.random
        own: dict[str, float] = {}
        illness, last = 0.0, None
        for at, code in draws:
            if at != last:  # one illness for all that is drawn together
                fresh = (random01() + random01() + random01() - 1.5) * 1.2
                illness = 0.8 * illness + 0.2 * self.acute + 0.35 * fresh
                issued = min(0, at + 25 + int(random01() * 65))
                last = at
            one = ANALYTES[code]
            noise = (random01() + random01() + random01() + random01() - 2.0) * _ROOT3
            held, keep = own.get(code), one.keep
            if one.follows in own:
                held, keep = own[one.follows], 0.88
            own[code] = value = noise if held is None else keep * held + sqrt(1.0 - keep * keep) * noise
            deviation = shifts.get(code, 0.0) + one.renal * self.renal + one.acute * illness + value
            yield Result(at, issued, code, one.text(deviation))

    def signs(self, count: int, rng: random.Random) -> list[Sign]:
        """Vital signs, six at a time, in no order of time.

        Args:
            count: How many.
            rng: Where chance comes from.
        """
        sets = -(-count // len(VITAL_SIGNS))
        times = sorted({*self._rounds(sets, rng)})
        pressure, pulse = 118 + 0.25 * self.age + 12 * (rng.random() - 0.5), 78 + 16 * (rng.random() - 0.5)
        ill, found = 0.0, []
        for at in times:
            ill = 0.85 * ill + 0.15 * self.acute + 0.25 * (rng.random() - 0.5)
            noise = [(rng.random() + rng.random() + rng.random() - 1.5) * 2 for _ in VITAL_SIGNS]
            systolic = round(pressure - 8 * ill + 9 * noise[0])
            values = (
                f"{systolic}/{max(36, round(systolic * 0.56 + 6 * noise[1]))}",
                str(max(38, round(pulse + 14 * ill + 7 * noise[2]))),
                str(max(8, round(17 + 3 * ill + 1.6 * noise[3]))),
                str(min(100, round(97 - 2 * ill + noise[4]))),
                f"{98.2 + 0.9 * ill + 0.4 * noise[5]:.1f}",
                str(max(0, min(10, round(2 + 3 * noise[1] + ill)))),
            )
            found += [Sign(at, name, value) for name, value in zip(VITAL_SIGNS, values, strict=True)]
        while len(found) > count:
            found.pop(rng.randrange(len(found)))
        rng.shuffle(found)
        return found

    def _rounds(self, sets: int, rng: random.Random) -> Iterator[int]:
        """Distinct times of so many nurse's rounds, denser where the days are too few."""
        span = len(self.days) * _DAY
        step = min(240, max(1, span // (sets + 1)))
        days, taken, slot = self.days or (0,), 0, 0
        seen: set[int] = set()
        while taken < sets:
            day, minute = days[(slot * step) // _DAY % len(days)], slot * step % _DAY
            at = minute - self.clock - day * _DAY + rng.randrange(min(step, 50))
            slot += 1
            if slot * step > 3 * span + 9 * _DAY:  # the days are used up
                at = -rng.randrange(20, HISTORY_DAYS * _DAY)
            if at < -5 and at not in seen:
                seen.add(at)
                taken += 1
                yield at

    def day(self, rng: random.Random) -> int:
        """Return a day on which something happened: in hospital four times out of five, else at a visit."""
        if self.visits and rng.random() < 0.2:
            return rng.choice(self.visits)
        return rng.choice(self.days)


def _drawn_at_a_visit(rng: random.Random) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield what is drawn at a visit: minute of the day and codes."""
    minute = 8 * 60 + rng.randrange(480)
    yield minute, DAILY
    if rng.random() < 0.5:
        yield minute, ("A1C", "LDL", "HDL")
    elif rng.random() < 0.3:
        yield minute, ("TSH", "FERR")


def course_of(age: int, results: int, clock: int, rng: random.Random) -> Course:
    """Draw a course.

    Args:
        age: In years.
        results: About how many laboratory results the chart shall have.
        clock: The present's minute of the day.
        rng: Where chance comes from.
    """
    part = min(1.0, max(0.0, (age - 30) / 50))
    problems = tuple(p for p in PROBLEMS if rng.random() * 100 < p.young + (p.old - p.young) * part)
    if not problems:
        problems = (rng.choice(PROBLEMS),)
    needed = max(1, round(0.8 * results / _RESULTS_A_DAY))
    days = set(range(min(needed, 1 + _waiting(rng, 0.75))))
    while len(days) < needed:
        start = rng.randrange(len(days) + 8, HISTORY_DAYS - 40)
        days.update(range(start, start + min(needed - len(days), 2 + _waiting(rng, 0.85))))
    visits = {rng.randrange(20, HISTORY_DAYS) for _ in range(2 + min(24, results // 90))} - days
    severity = 0.4 + sum(p.acute for p in problems) + 0.5 * (rng.random() - 0.5)
    renal = sum(p.renal for p in problems) * (0.6 + 0.6 * rng.random())
    return Course(age, problems, tuple(sorted(days)), tuple(sorted(visits)), clock, renal, max(0.0, severity))


def _waiting(rng: random.Random, again: float) -> int:
    """Return a geometric number: how often in a row chance says yes."""
    count = 0
    while rng.random() < again and count < 40:
        count += 1
    return count
