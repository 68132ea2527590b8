"""Who is on file: people by the population, no two populations with a name or a medical record number in common, and their near doubles.

No official number begins with 4, 7 or 9, where these lie.
"""

from __future__ import annotations

import random
from calendar import isleap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import gcd
from statistics import NormalDist
from types import MappingProxyType
from typing import Any

from medenv.ehr.hospital.names import FEMALE, LONGER, MALE, address, families, telephone
from medenv.ehr.resources import Person

__all__ = ["FEMALE_SHARE", "MEAN_AGE", "POPULATIONS", "SD_AGE", "Population", "Registry", "turns_older"]

MEAN_AGE, SD_AGE, FEMALE_SHARE = 58.15, 19.82, 0.47
"""Age in years and share of women of the official cohort's 100 inpatients."""

_RACES = (("2106-3", "White"),) * 5 + (
    ("2028-9", "Asian"),
    ("2028-9", "Asian"),
    ("2054-5", "Black or African American"),
    ("2131-1", "Other"),
    ("2131-1", "Other"),
)
_ETHNICITIES = (("2186-5", "Non-Hispanic"),) * 4 + (("2135-2", "Hispanic or Latino"),)
_STEP = 611_953  # a prime: numbers of neighbours lie far apart, and none comes twice


@dataclass(frozen=True, slots=True)
class Population:
    """A part of the population that belongs to one split.

    Attributes:
        name: The split's name.
        families: Its family names, which no other population has.
        first: Its first medical record number, without the ``S``.
        residents: How many numbers are for people of the cohort; those after are for people whom single tasks bring.
        size: How many numbers there are in all.
    """

    name: str
    families: tuple[str, ...]
    first: int
    residents: int
    size: int

    def mrn(self, index: int, *, resident: bool = False) -> str:
        """Return the number of the n-th person; beyond the population's size numbers come again.

        Args:
            index: From 0.
            resident: Whether of the cohort.
        """
        start, size = (0, self.residents) if resident else (self.residents, self.size - self.residents)
        step = _STEP if gcd(_STEP, size) == 1 else 1
        return f"S{self.first + start + (index * step + size // 3) % size:07d}"


POPULATIONS: Mapping[str, Population] = MappingProxyType(
    {
        "train": Population("train", families(0, 4), 4_000_000, 100_000, 1_000_000),
        "validation": Population("validation", families(1, 4), 9_500_000, 100_000, 500_000),
        "test": Population("test", families(2, 4), 9_000_000, 100_000, 500_000),
        "builtin": Population("builtin", families(3, 4), 7_000_000, 100_000, 500_000),
    }
)
"""The populations by split."""


class Registry:
    """Draws people of one population.

    Attributes:
        people: Everybody drawn so far.
    """

    def __init__(
        self, population: Population, rng: random.Random, today: date, *, first: int = 0, resident: bool = False
    ) -> None:
        """Begin an empty register.

        Args:
            population: Whose people.
            rng: Where chance comes from.
            today: The day from which ages count.
            first: The index of the first number to give out.
            resident: Whether the people are the cohort's.
        """
        self.people: list[Person] = []
        self._population, self._rng, self._today, self._next, self._resident = population, rng, today, first, resident
        self._known: set[tuple[str, str, str]] = set()
        self._avoided: frozenset[tuple[str, str, str]] = frozenset()

    def person(
        self,
        *,
        given: str | None = None,
        family: str | None = None,
        gender: str | None = None,
        birthdate: str | None = None,
        age: int | None = None,
    ) -> Person:
        """Draw a person; what isn't given is drawn. No two share name and birth date.

        Args:
            given: Given name.
            family: Family name.
            gender: ``female`` or ``male``.
            birthdate: ISO date.
            age: In completed years, if there is no birth date.
        """
        rng = self._rng
        gender = gender or ("female" if rng.random() < FEMALE_SHARE else "male")
        while True:
            first = given or rng.choice(FEMALE if gender == "female" else MALE)
            last = family or rng.choice(self._population.families)
            born = birthdate or self.birthdate(age)
            if not self.knows(first, last, born):
                break
            if given and family and birthdate:
                raise ValueError(f"{first} {last}, born {born}, is on file already")
        person = Person(
            mrn=self._population.mrn(self._next, resident=self._resident),
            given=first,
            family=last,
            gender=gender,
            birthdate=born,
            race=rng.choice(_RACES),
            ethnicity=rng.choice(_ETHNICITIES),
            phone=telephone(rng),
            address=address(rng),
        )
        self._next += 1
        self._known.add((first, last, born))
        self.people.append(person)
        return person

    def avoid(self, known: frozenset[tuple[str, str, str]]) -> None:
        """Draw nobody with one of these given names, family names and birth dates: they are on file elsewhere."""
        self._avoided = known

    def knows(self, given: str, family: str, birthdate: str) -> bool:
        """Return whether somebody has this name and birth date."""
        return (given, family, birthdate) in self._known or (given, family, birthdate) in self._avoided

    def birthdate(self, age: int | None = None, day: date | None = None) -> str:
        """Return a birth date.

        Args:
            age: In completed years; drawn as in the official cohort if None.
            day: The birthday's day and month; drawn, but neither today nor tomorrow, if None.
        """
        rng, today = self._rng, self._today
        if age is None:
            age = min(97, max(18, round(MEAN_AGE + SD_AGE * _normal(rng))))
        if day is not None:
            year = today.year - age - ((today.month, today.day) < (day.month, day.day))
            if (day.month, day.day) == (2, 29):
                year -= year % 4  # nobody alive was born in 1900, the leap year that wasn't
            return day.replace(year=year).isoformat()
        while True:
            back = today.year - age
            newest = today.replace(year=back, day=min(today.day, 28)) if today.month == 2 else today.replace(year=back)
            born = newest - timedelta(days=rng.randrange(2, 362))
            if not any(turns_older(born, d) for d in (today, today + timedelta(days=1))):
                return born.isoformat()

    def near_misses(self, person: Person) -> Iterator[Person]:
        """Yield people easily taken for somebody, without end: one thing differs in each."""
        rng = self._rng
        born = date.fromisoformat(person.birthdate)
        while True:
            kind = rng.randrange(5)
            same: dict[str, Any] = {
                "given": person.given,
                "family": person.family,
                "gender": person.gender,
                "birthdate": person.birthdate,
            }
            if kind == 0:  # same name, born in another year
                same["birthdate"] = born.replace(
                    year=born.year + rng.choice((-10, -1, 1, 10)), day=min(born.day, 28)
                ).isoformat()
            elif kind == 1:  # same name, a day or a month off, or the two mixed up
                if born.day <= 12 and born.day != born.month:
                    same["birthdate"] = born.replace(month=born.day, day=born.month).isoformat()
                else:
                    same["birthdate"] = (born + timedelta(days=rng.choice((-1, 1, 31)))).isoformat()
            elif kind == 2:  # a twin
                same["given"] = rng.choice(
                    [n for n in (FEMALE if person.gender == "female" else MALE) if n != person.given]
                )
            elif kind == 3:  # a family name that begins alike
                alike = [f for f in self._population.families if f[:4] == person.family[:4] and f != person.family]
                same["family"] = rng.choice(alike or [f for f in self._population.families if f != person.family])
            elif person.given in LONGER:  # a given name that goes on
                same["given"] = LONGER[person.given]
            else:
                continue
            if not self.knows(same["given"], same["family"], same["birthdate"]):
                yield self.person(**same)

    def population(self, count: int) -> list[Person]:
        """Return people whose ages and share of women are the official cohort's as exactly as their number allows."""
        rng = self._rng
        scale = NormalDist(MEAN_AGE, SD_AGE * 1.05)  # what the limits of 18 and 97 take off the spread is put on before
        ages = [min(97, max(18, int(scale.inv_cdf((i + 0.5) / count)))) for i in range(count)]
        women = round(count * FEMALE_SHARE)
        genders = ["female"] * women + ["male"] * (count - women)
        rng.shuffle(ages)
        rng.shuffle(genders)
        return [self.person(gender=gender, age=age) for gender, age in zip(genders, ages, strict=True)]

    def replace(self, person: Person, birthdate: str) -> Person:
        """Give somebody another birth date.

        Raises:
            ValueError: Somebody has this name and birth date.
        """
        if self.knows(person.given, person.family, birthdate):
            raise ValueError(f"{person.given} {person.family}, born {birthdate}, is on file already")
        self._known.discard((person.given, person.family, person.birthdate))
        self._known.add((person.given, person.family, birthdate))
        changed = replace(person, birthdate=birthdate)
        self.people[self.people.index(person)] = changed
        return changed


def turns_older(born: date, day: date) -> bool:
    """Return whether somebody turns a year older on a day: on 1 March in a year without 29 February, if born on that day."""
    if (born.month, born.day) == (2, 29) and not isleap(day.year):
        return (day.month, day.day) == (3, 1)
    return (born.month, born.day) == (day.month, day.day)


def _normal(rng: random.Random) -> float:
    """Draw a nearly normal number, from exact arithmetic alone so that every machine agrees."""
    return (rng.random() + rng.random() + rng.random() + rng.random() - 2.0) * 1.7320508075688772
