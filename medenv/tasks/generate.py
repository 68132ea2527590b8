"""Tasks from a case and a stream of chance: who is concerned, what the chart must hold, and the wording.

Nothing here makes a chart; a draft says what its charts are to be made from.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Any

from medenv.ehr.hospital import Counts, Extra, Plan, Registry
from medenv.ehr.hospital.catalogue import ANALYTES, LOOKALIKES
from medenv.ehr.resources import Person
from medenv.tasks.cases import Case
from medenv.tasks.referrals import referral_text
from medenv.tasks.task import Task
from medenv.tasks.types import TYPES
from medenv.tasks.types.find_patient import NOT_FOUND
from medenv.tasks.types.renew_hba1c import year_before

__all__ = ["VERSION", "Asked", "chart_plan", "draw_counts", "draw_now", "draw_subject", "task_about", "text_of"]

VERSION = 1
"""Raised with every change of what a seed gives; part of what names a generated split."""

_FIRST_DAY = datetime(2022, 1, 10, tzinfo=timezone.utc)
_DAYS = 1_200
_LAB_TYPES = (4, 5, 6, 7, 9, 10)


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom a task asks about.

    Attributes:
        name: Given name, family name and birth date as the instruction may state them.
        mrn: The patient's; None if nobody has this name and birth date.
        on_file: The people that must be on file for it.
    """

    name: tuple[str, str, str]
    mrn: str | None
    on_file: tuple[Person, ...]


def draw_now(rng: random.Random) -> datetime:
    """A present: any minute of some years."""
    return _FIRST_DAY + timedelta(minutes=rng.randrange(_DAYS * 1440))


def text_of(now: datetime) -> str:
    """A present as a task states it."""
    return now.isoformat(timespec="seconds")


def draw_subject(number: int, case: Case, registry: Registry, now: datetime, rng: random.Random) -> Asked:
    """Draw whom a task is about, with the doubles that its case wants.

    Args:
        number: The task type.
        case: The case.
        registry: Where people come from.
        now: The task's present.
        rng: Where chance comes from.
    """
    day = {"birthday": now.date(), "eve": now.date() + timedelta(days=1)}.get(case.branch)
    birthdate = registry.birthdate(day=day) if number == 2 and day else None
    person = registry.person(birthdate=birthdate)
    return asked_about(number, case, person, registry, rng)


def asked_about(number: int, case: Case, person: Person, registry: Registry, rng: random.Random) -> Asked:
    """Ask about somebody on file, or (where nobody is to be found) about somebody like them; see `draw_subject`."""
    doubles = tuple(islice(registry.near_misses(person), case.doubles))
    if number != 1 or case.branch == "found":
        return Asked((person.given, person.family, person.birthdate), person.mrn, (person, *doubles))
    absent = doubles[0] if doubles else registry.person()  # drawn, but not put on file
    return Asked((absent.given, absent.family, absent.birthdate), None, (person, *doubles[1:]))


def chart_plan(number: int, case: Case, index: int, now: datetime, rng: random.Random) -> Plan:
    """What a case lays down for the chart it asks about.

    Args:
        number: The task type.
        case: The case.
        index: Which of the case's values to take.
        now: The chart's present.
        rng: Where chance comes from.
    """
    if number not in _LAB_TYPES:
        return Plan()
    code = TYPES[number].params["code"]
    year = now - year_before(text_of(now))
    series = case.series(index, rng, year)
    extras: tuple[Extra, ...] = ()
    if case.future:
        value = ANALYTES[code].text(rng.choice((-2.0, 2.5)))
        extras = (Extra(LOOKALIKES[code], value, -timedelta(minutes=rng.randrange(30, 3 * 1440))),)
    return Plan({code: series}, extras)


def draw_counts(rng: random.Random, scale: float) -> Counts:
    """How many records a small chart has besides what is laid down: about 45 at a scale of 1, give or take a third."""

    def about(mean: float) -> int:
        return round(mean * scale * (0.67 + 0.66 * rng.random()))

    return Counts(about(4), about(17), about(15), about(6), about(3))


def task_about(
    number: int, case: Case, asked: Asked, now: datetime, rng: random.Random, *, id: str, split: str
) -> Task:
    """Word a task.

    Args:
        number: The task type.
        case: The case.
        asked: Whom it is about.
        now: The present.
        rng: Where chance comes from: reading, referral text, wording.
        id: The task's id.
        split: The split's name.
    """
    known = TYPES[number]
    given, family, birthdate = asked.name
    params: dict[str, Any] = {}
    if number == 1:
        params["sol"] = [asked.mrn or NOT_FOUND]
    elif number == 3:
        systolic = rng.randrange(88, 192)
        params["reading"] = (
            f"{systolic}/{systolic - rng.randrange(32, 68) if systolic < 130 else systolic - rng.randrange(44, 90)} mmHg"
        )
    elif number == 8:
        params["note"] = referral_text(rng)
    elif number == 9:
        params["recheck_day"] = (now.date() + timedelta(days=1)).isoformat()
    if number == 1 or case.named:
        params |= {"given": given, "family": family, "birthdate": birthdate}
    params |= described(case) | {"wording": rng.randrange(len(known.wordings) + 1)}
    return known.make(id, asked.mrn, split=split, branch=case.branch, now=text_of(now), params=params)


def described(case: Case) -> dict[str, str]:
    """What a task says of its case."""
    return {"case": case.name, "difficulty": case.difficulty}
