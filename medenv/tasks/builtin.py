"""The `builtin` split: 30 tasks a type on a small made-up cohort, every branch several times, the same on every machine.

Nothing is stored: tasks and charts are generated from one plan, which `_CASES` lays down case by case.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache

from medenv.ehr.cohort import Chart, cohort
from medenv.ehr.names import FAMILIES, FEMALE, LONGER
from medenv.ehr.people import PeopleFactory
from medenv.ehr.resources import Person, Resource
from medenv.ehr.series import Series
from medenv.tasks.cases import (
    BEFORE,
    EDGE,
    HOUR,
    LATELY,
    LOW_K,
    MILD,
    MINUTE,
    MODERATE,
    NORMAL,
    NORMAL_K,
    PAST_EDGE,
    SEVERE,
    TODAY,
    Case,
)
from medenv.tasks.chart import DAY, instant
from medenv.tasks.task import DEFAULT_NOW, Task
from medenv.tasks.types import TYPES
from medenv.tasks.types.find_patient import NOT_FOUND
from medenv.tasks.types.renew_hba1c import year_before

__all__ = ["MOST_RESOURCES", "NAME", "PER_TYPE", "VERSION", "resources", "tasks"]

NAME = "builtin"
VERSION = 1
"""Raised with every change of what a seed gives; part of what names its charts in the cache."""
MOST_RESOURCES = 10_000
PER_TYPE = 30
"""Tasks a type, and charts in each of the two wards."""

_NAMESAKES, _SIBLINGS = 6, 4
_BIRTHDAYS = 6
"""Patients born on the present day of the year, and as many on the next."""

_YEAR = instant(DEFAULT_NOW) - year_before(DEFAULT_NOW)
_ONE_DAY_TO_A_YEAR = (5 * DAY, _YEAR - DAY)
_OVER_A_YEAR = (_YEAR + DAY, 4 * _YEAR)

_CASES: Mapping[int, tuple[Case, ...]] = {
    4: (
        Case("present", 9, TODAY, buried=True),
        Case("present", 6, TODAY),
        Case("present", 3, EDGE, buried=True),
        Case("absent", 4, BEFORE, buried=True),
        Case("absent", 3, BEFORE),
        Case("absent", 2, PAST_EDGE),
        Case("absent", 3),
    ),
    5: (
        Case("absent", 3),
        Case("absent", 2, BEFORE, buried=True, values=MILD),
        Case("absent", 1, PAST_EDGE, values=MODERATE),
        Case("normal", 3, TODAY, buried=True, values=NORMAL),
        Case("normal", 3, TODAY, values=NORMAL),
        Case("mild", 2, TODAY, buried=True, values=("1.9",)),
        Case("mild", 2, TODAY, values=("1.9",)),
        Case("mild", 3, TODAY, buried=True, values=MILD),
        Case("mild", 2, EDGE, values=MILD),
        Case("moderate", 3, TODAY, buried=True, values=MODERATE),
        Case("moderate", 2, TODAY, values=MODERATE),
        Case("severe", 3, TODAY, buried=True, values=SEVERE),
        Case("severe", 1, TODAY, values=SEVERE),
    ),
    6: (
        Case("present", 3, (20 * MINUTE, 2 * HOUR), recent=(60, 90)),
        Case("present", 6, (20 * MINUTE, 6 * HOUR), recent=(21, 30)),
        Case("present", 9, (20 * MINUTE, 16 * HOUR), recent=(3, 12)),
        Case("present", 3, (20 * MINUTE, 8 * HOUR), recent=(3, 9), edge=True),
        Case("present", 3, EDGE, buried=True),
        Case("absent", 3, BEFORE, buried=True),
        Case("absent", 3),
    ),
    7: (
        Case("present", 16, LATELY, buried=True),
        Case("present", 11, LATELY),
        Case("absent", 3),
    ),
    9: (
        Case("absent", 3),
        Case("normal", 5, LATELY, buried=True, values=NORMAL_K),
        Case("normal", 3, LATELY, values=NORMAL_K),
        Case("normal", 2, LATELY, buried=True, values=("3.5",)),
        Case("normal", 2, LATELY, values=("3.5",)),
        Case("low", 9, LATELY, buried=True, values=LOW_K),
        Case("low", 6, LATELY, values=LOW_K),
    ),
    10: (
        Case("absent", 4),
        Case("stale", 7, _OVER_A_YEAR, buried=True),
        Case("stale", 4, _OVER_A_YEAR),
        Case("stale", 1, (_YEAR + MINUTE, _YEAR + MINUTE), buried=True),
        Case("fresh", 7, _ONE_DAY_TO_A_YEAR, buried=True),
        Case("fresh", 5, _ONE_DAY_TO_A_YEAR),
        Case("fresh", 2, (_YEAR, _YEAR), buried=True),
    ),
}
"""The lab types' cases, `PER_TYPE` in all each. Types 4, 6, 9 ask about one ward, 5, 7, 10 about the other."""

_WARD = {4: 0, 6: 0, 9: 0, 5: 1, 7: 1, 10: 1}

_INJURIES = (
    ("twisted the right knee while skiing", "MRI shows a torn medial meniscus"),
    ("fell on the outstretched left hand", "X-ray shows a displaced fracture of the distal radius"),
    ("felt a snap behind the right heel at football", "ultrasound shows a complete rupture of the Achilles tendon"),
    ("has had pain in the left hip for eight months", "X-ray shows advanced osteoarthritis"),
    ("dislocated the right shoulder for the third time", "MRI shows a detached anterior labrum"),
    ("cannot lift the left arm after a fall", "MRI shows a full-thickness tear of the rotator cuff"),
)
_REQUESTS = (
    "Please assess for surgery and advise on weight bearing.",
    "Please see this week and advise on further treatment.",
    "Please review and take over the surgical planning.",
)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A seed's tasks and the charts that they are about."""

    tasks: tuple[Task, ...]
    charts: tuple[Chart, ...]
    seed: str


def tasks(seed: int = 0) -> tuple[Task, ...]:
    """The 300 tasks, type after type.

    Args:
        seed: 0 is the split as published; others give other patients and values under the same plan.
    """
    return _plan(seed).tasks


def resources(seed: int = 0) -> Iterator[Resource]:
    """The cohort's resources in load order, to be given to a store; at most `MOST_RESOURCES`.

    Args:
        seed: As for `tasks`.
    """
    plan = _plan(seed)
    return cohort(plan.charts, instant(DEFAULT_NOW), plan.seed)


@lru_cache(maxsize=4)
def _plan(seed: int) -> _Plan:
    name = f"{NAME}:{seed}"
    rng = random.Random(name)
    now = instant(DEFAULT_NOW)
    factory = PeopleFactory(rng, now.date())
    wards = [[factory.person() for _ in range(PER_TYPE)] for _ in range(2)]
    patients = [person for ward in wards for person in ward]
    for position, index in enumerate(rng.sample(range(len(patients)), 2 * _BIRTHDAYS)):
        day = now.date() + timedelta(days=position % 2)
        patients[index] = replace(patients[index], birthdate=factory.birthdate(day))
    wards = [patients[:PER_TYPE], patients[PER_TYPE:]]

    made: dict[int, list[Task]] = {2: _ages(patients, rng), 3: _pressures(patients, rng), 8: _referrals(patients, rng)}
    series: dict[str, dict[str, Series | None]] = {person.mrn: {} for person in patients}
    for number, cases in _CASES.items():
        made[number] = []
        planned = [(case.branch, case.series(index, rng)) for case in cases for index in range(case.count)]
        rng.shuffle(planned)
        for person, (branch, plan) in zip(wards[_WARD[number]], planned, strict=True):
            series[person.mrn][TYPES[number].params["code"]] = plan
            made[number].append(_task(number, len(made[number]), person.mrn, branch))
    made[1], bystanders = _searches(patients, factory, rng)
    charts = [Chart(person, series[person.mrn]) for person in patients] + [Chart(person) for person in bystanders]
    rng.shuffle(charts)
    return _Plan(tuple(task for number in sorted(made) for task in made[number]), tuple(charts), name)


def _task(number: int, index: int, mrn: str | None, branch: str, params: Mapping[str, object] | None = None) -> Task:
    identity = f"task{number}_{index + 1}"
    return TYPES[number].make(identity, mrn, split=NAME, branch=branch, now=DEFAULT_NOW, params=params)


def _ages(patients: Sequence[Person], rng: random.Random) -> list[Task]:
    """Type 2: everybody with a birthday today or tomorrow, and others."""
    today = instant(DEFAULT_NOW).date()
    days = {today.isoformat()[5:]: "birthday", (today + timedelta(days=1)).isoformat()[5:]: "eve"}
    special = [person for person in patients if person.birthdate[5:] in days]
    ordinary = [person for person in patients if person.birthdate[5:] not in days]
    chosen = special + rng.sample(ordinary, PER_TYPE - len(special))
    rng.shuffle(chosen)
    return [
        _task(2, index, person.mrn, days.get(person.birthdate[5:], "ordinary")) for index, person in enumerate(chosen)
    ]


def _pressures(patients: Sequence[Person], rng: random.Random) -> list[Task]:
    """Type 3: readings of all sorts."""
    chosen = []
    for index, person in enumerate(rng.sample(list(patients), PER_TYPE)):
        systolic = rng.randrange(92, 186)
        reading = f"{systolic}/{systolic - rng.randrange(32, 68)} mmHg"
        chosen.append(_task(3, index, person.mrn, "record", {"reading": reading}))
    return chosen


def _referrals(patients: Sequence[Person], rng: random.Random) -> list[Task]:
    """Type 8: different injuries and requests."""
    chosen = []
    for index, person in enumerate(rng.sample(list(patients), PER_TYPE)):
        (story, finding), request = _INJURIES[index % len(_INJURIES)], _REQUESTS[index % len(_REQUESTS)]
        age = rng.randrange(2, 10)
        note = f"Patient {story} {age} days ago; {finding}. {request}"
        chosen.append(_task(8, index, person.mrn, "refer", {"note": note}))
    return chosen


def _searches(
    patients: Sequence[Person], factory: PeopleFactory, rng: random.Random
) -> tuple[list[Task], list[Person]]:
    """Type 1, and the people who are on file by name only: targets, namesakes, same birthdays, longer names."""
    bystanders = [factory.person() for _ in range(20)]
    targets = rng.sample(list(patients), 12) + rng.sample(bystanders, 8)
    namesakes = [factory.person(name=(one.given, one.family), gender=one.gender) for one in targets[:_NAMESAKES]]
    siblings = [
        factory.person(
            name=("Signe" if one.given == "Sunniva" else "Sunniva", one.family),
            gender="female",
            birthdate=one.birthdate,
        )
        for one in targets[-_SIBLINGS:]
    ]
    short = [
        factory.person(name=(given, rng.choice(FAMILIES)), gender="female" if given in FEMALE else "male")
        for given in LONGER
    ]
    longer = [
        factory.person(name=(LONGER[one.given], one.family), gender=one.gender, birthdate=one.birthdate)
        for one in short
    ]
    found = targets + short
    cases = [(one.given, one.family, one.birthdate, one.mrn) for one in found]
    on_file = {
        (one.given, one.family, one.birthdate)
        for one in [*patients, *bystanders, *namesakes, *siblings, *short, *longer]
    }
    strangers = rng.sample(list(patients), len(patients))
    while len(cases) < PER_TYPE:
        one, other = strangers.pop(), strangers.pop()
        # a real name with someone else's birthday, or a real birthday with someone else's family name, in turns
        given, family, born = (
            (one.given, one.family, other.birthdate) if len(cases) % 2 else (one.given, other.family, one.birthdate)
        )
        if (given, family, born) not in on_file:
            cases.append((given, family, born, ""))
    rng.shuffle(cases)
    made = []
    for index, (given, family, born, mrn) in enumerate(cases):
        params = {"family": family, "given": given, "birthdate": born, "sol": [mrn or NOT_FOUND]}
        made.append(_task(1, index, mrn or None, "found" if mrn else "not_found", params))
    return made, [*bystanders, *namesakes, *siblings, *short, *longer]
