"""One patient's chart, kind by kind: what a course holds, and what a plan lays down for single laboratory codes."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from medenv.ehr.hospital.course import Course, course_of
from medenv.ehr.hospital.labs import LABS
from medenv.ehr.hospital.problems import COMMON_DRUGS, COMMON_PROCEDURES, SYMPTOMS
from medenv.ehr.hospital.records import PatientRecords, Times
from medenv.ehr.hospital.series import Series
from medenv.ehr.resources import Person
from medenv.fhir.partial import FilledResource

__all__ = ["KINDS", "ChartPlan", "Counts", "Extra", "chart"]

KINDS = ("Condition", "lab", "vital", "Procedure", "MedicationRequest")
"""The kinds of records in load order (official server)."""

_STATUSES = ("active", "active", "completed", "completed", "stopped")


@dataclass(frozen=True, slots=True)
class Counts:
    """How many records of each kind a chart has, besides those a plan brings."""

    conditions: int
    labs: int
    vitals: int
    procedures: int
    medications: int


@dataclass(frozen=True, slots=True)
class Extra:
    """A laboratory result that lies beside the question: code, value, and its age (negative: later than the present)."""

    code: str
    value: str
    age: timedelta


@dataclass(frozen=True, slots=True)
class ChartPlan:
    """What is laid down for a chart.

    Attributes:
        series: Laboratory code to the plan of its values; None keeps the code out of the chart.
        extras: Results that lie beside the question.
    """

    series: Mapping[str, Series | None] = field(default_factory=dict)
    extras: tuple[Extra, ...] = ()


def chart(
    person: Person, now: datetime, counts: Counts, name: str, plan: ChartPlan | None = None
) -> dict[str, Callable[[], list[FilledResource]]]:
    """Return a patient's records.

    Args:
        person: Who.
        now: The chart's present.
        counts: How many records of each kind.
        name: Names the random streams, one for the course and one for each kind.
        plan: What is laid down; nothing if None.

    Returns:
        For each of `KINDS` what makes its records, in the order in which the chart lists them; ids, times of storage and
        sources are missing.
    """
    times, sheet, planned = Times(now), PatientRecords(person.mrn), plan or ChartPlan()
    age = int(now.year - int(person.birthdate[:4]))
    course = course_of(age, counts.labs, times.clock, random.Random(f"{name}:course"))

    def stream(kind: str) -> random.Random:
        return random.Random(f"{name}:{kind}")

    return {
        "Condition": lambda: _conditions(sheet, times, course, counts.conditions, stream("Condition")),
        "lab": lambda: _labs(sheet, times, course, counts.labs, planned, now, stream("lab")),
        "vital": lambda: [
            sheet.vital(one.name, one.value, times.text(one.at)) for one in course.signs(counts.vitals, stream("vital"))
        ],
        "Procedure": lambda: _procedures(sheet, times, course, counts.procedures, stream("Procedure")),
        "MedicationRequest": lambda: _medications(sheet, times, course, counts.medications, stream("drug")),
    }


def _conditions(
    sheet: PatientRecords, times: Times, course: Course, count: int, rng: random.Random
) -> list[FilledResource]:
    """Every problem once if there is room, then problems and symptoms of single days."""
    own = [code for problem in course.problems for code in problem.codes]
    found = []
    for i in range(count):
        first = i < len(course.problems)
        code, display = course.problems[i].codes[0] if first else rng.choice(own if rng.random() < 0.6 else SYMPTOMS)
        found.append(sheet.condition(code, display, times.midnight(course.day(rng) + 1)))
    rng.shuffle(found)
    return found


def _procedures(
    sheet: PatientRecords, times: Times, course: Course, count: int, rng: random.Random
) -> list[FilledResource]:
    found = []
    for _ in range(count):
        code, display = COMMON_PROCEDURES[int(len(COMMON_PROCEDURES) * rng.random() * rng.random())]
        minute = 6 * 60 + rng.randrange(840) - times.clock - 1440 * course.day(rng)
        found.append(sheet.procedure(code, display, times.text(minute if minute < 0 else minute - 1440)))
    return found


def _medications(
    sheet: PatientRecords, times: Times, course: Course, count: int, rng: random.Random
) -> list[FilledResource]:
    drugs = [drug for problem in course.problems for drug in problem.drugs]
    found = []
    for _ in range(count):
        drug = rng.choice(drugs if drugs and rng.random() < 0.6 else COMMON_DRUGS)
        found.append(sheet.medication(drug, rng.choice(_STATUSES), times.midnight(course.day(rng) + 1)))
    return found


def _labs(
    sheet: PatientRecords, times: Times, course: Course, count: int, plan: ChartPlan, now: datetime, rng: random.Random
) -> list[FilledResource]:
    """Return the course's results, with those that a plan lays down spread among them, each code in its own listing order."""
    course_results = course.results(count, rng, plan.series)
    found = [sheet.lab(r.code, r.value, times.text(r.at), times.text(r.issued)) for r in course_results]
    queues = [
        [
            sheet.lab(code, m.value, m.at.isoformat(timespec="seconds"), _issued(m.at, now, rng))
            for m in series.draw(LABS[code], now, rng)
        ]
        for code, series in plan.series.items()
        if series is not None
    ]
    for extra in plan.extras:
        at = (now - extra.age).isoformat(timespec="seconds")
        queues.append([sheet.lab(extra.code, extra.value, at, at)])
    if not queues:
        return found
    queues.append(found)
    turns = [i for i, queue in enumerate(queues) for _ in queue]
    rng.shuffle(turns)
    iterators = [iter(queue) for queue in queues]
    return [next(iterators[i]) for i in turns]


def _issued(at: datetime, now: datetime, rng: random.Random) -> str:
    return min(now, at + timedelta(minutes=rng.randrange(20, 90))).isoformat(timespec="seconds")
