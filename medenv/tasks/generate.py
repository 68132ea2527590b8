"""Tasks from a scenario and a stream of chance: who is concerned, and the wording.

What is particular to a task type, the type draws itself.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone

from medenv.ehr.hospital import Counts, Registry
from medenv.tasks.base import TaskType
from medenv.tasks.scenarios import Scenario, Subject
from medenv.tasks.task import Task

__all__ = ["VERSION", "draw_counts", "draw_now", "draw_subject", "task_about", "text_of"]

VERSION = 2
"""The version of `test`, `train` and `validation`: raised with every change of what a seed gives or of what a task says, and so of
everything that can alter a score; part of what names the random streams."""

_FIRST_DAY = datetime(2022, 1, 10, tzinfo=timezone.utc)
_DAYS = 1_200


def draw_now(rng: random.Random) -> datetime:
    """Draw a present: any minute of some years."""
    return _FIRST_DAY + timedelta(minutes=rng.randrange(_DAYS * 1440))


def text_of(now: datetime) -> str:
    """Return a present as a task states it."""
    return now.isoformat(timespec="seconds")


def draw_subject(kind: TaskType, scenario: Scenario, registry: Registry, now: datetime, rng: random.Random) -> Subject:
    """Draw whom a task is about, with the doubles that its scenario wants.

    Args:
        kind: The task type.
        scenario: One of its scenarios.
        registry: Where people come from.
        now: The task's present.
        rng: Where chance comes from.
    """
    day = kind.birthday(scenario, now.date())
    person = registry.person(birthdate=registry.birthdate(day=day) if day else None)
    return kind.subject(scenario, person, registry, rng)


def draw_counts(rng: random.Random, scale: float) -> Counts:
    """Draw how many records a small chart has besides what is laid down: about 45 at a scale of 1, give or take a third."""

    def about(mean: float) -> int:
        return round(mean * scale * (0.67 + 0.66 * rng.random()))

    return Counts(about(4), about(17), about(15), about(6), about(3))


def task_about(
    kind: TaskType, scenario: Scenario, subject: Subject, now: datetime, rng: random.Random, *, id: str, split: str
) -> Task:
    """Word a task.

    Args:
        kind: The task type.
        scenario: One of its scenarios.
        subject: Whom it is about.
        now: The present.
        rng: Where chance comes from: reading, referral text, wording.
        id: The task's id.
        split: The split's name.
    """
    params = kind.draw_params(scenario, subject, now, rng)
    if scenario.named:
        params |= dict(zip(("given", "family", "birthdate"), subject.name, strict=True))
    params |= {"case": scenario.name, "difficulty": scenario.difficulty, "wording": rng.randrange(len(kind.wordings))}
    return kind.make(id, subject.mrn, split=split, branch=scenario.branch, now=text_of(now), params=params)
