"""Who the patients are: names, birthdays, medical record numbers.

Numbers start with 7 or 8, which no official patient's does; names come from medenv's own lists.
"""

from __future__ import annotations

import random
from datetime import date, timedelta

from medenv.ehr.names import FAMILIES, FEMALE, MALE, address, telephone
from medenv.ehr.resources import Person

__all__ = ["PeopleFactory"]

_RACES = (
    ("2106-3", "White"),
    ("2028-9", "Asian"),
    ("2054-5", "Black or African American"),
    ("2131-1", "Other"),
)
_ETHNICITIES = (("2186-5", "Non-Hispanic"), ("2186-5", "Non-Hispanic"), ("2135-2", "Hispanic or Latino"))


class PeopleFactory:
    """Draws people one by one, no two with the same name unless asked for."""

    def __init__(self, rng: random.Random, today: date) -> None:
        self._rng = rng
        self._today = today
        self._mrns: set[str] = set()
        self._names: set[tuple[str, str]] = set()

    def person(
        self, *, name: tuple[str, str] | None = None, gender: str | None = None, birthdate: str | None = None
    ) -> Person:
        """Draw a person.

        Args:
            name: Given and family name; None draws a pair that nobody has yet.
            gender: ``female`` or ``male``; None draws it.
            birthdate: ISO date; None draws an adult's whose birthday is neither today nor tomorrow.
        """
        rng = self._rng
        gender = gender or ("female" if rng.random() < 0.47 else "male")
        given, family = name or self._fresh_name(gender)
        self._names.add((given, family))
        return Person(
            mrn=self._fresh_mrn(),
            given=given,
            family=family,
            gender=gender,
            birthdate=birthdate or self._ordinary_birthdate(),
            race=rng.choice(_RACES),
            ethnicity=rng.choice(_ETHNICITIES),
            phone=telephone(rng),
            address=address(rng),
        )

    def birthdate(self, day: date) -> str:
        """A birth date of an adult whose birthday falls on a given day."""
        return day.replace(year=day.year - self._age()).isoformat()

    def _age(self) -> int:
        """Age as in the official cohort: mean 58.15 years, standard deviation 19.82."""
        return min(96, max(19, round(self._rng.gauss(58.15, 19.82))))

    def _ordinary_birthdate(self) -> str:
        avoided = [(day.month, day.day) for day in (self._today, self._today + timedelta(days=1))]
        while True:
            born = self._today - timedelta(days=self._age() * 365 + self._rng.randrange(365))
            if (born.month, born.day) not in avoided:
                return born.isoformat()

    def _fresh_name(self, gender: str) -> tuple[str, str]:
        while True:
            name = self._rng.choice(FEMALE if gender == "female" else MALE), self._rng.choice(FAMILIES)
            if name not in self._names:
                return name

    def _fresh_mrn(self) -> str:
        while True:
            mrn = f"S{self._rng.randrange(7_000_000, 9_000_000)}"
            if mrn not in self._mrns:
                self._mrns.add(mrn)
                return mrn
