"""The `test` split: 30 tasks a type, stored with the package, on charts that only it has and no overlay.

The tasks are read from a file, which carries the charts' fingerprint; the charts are made when they are first needed.
"""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any

from medenv.ehr.chartset import ChartSet
from medenv.ehr.hospital import NOW, WARDS, Entry, Plan, Registry, load_order
from medenv.ehr.resources import Person
from medenv.fhir.forms import Block
from medenv.tasks.cases import CASES, ROUND, Case
from medenv.tasks.generate import (
    VERSION,
    asked_about,
    chart_plan,
    draw_counts,
    draw_now,
    draw_subject,
    task_about,
)
from medenv.tasks.task import Task
from medenv.tasks.taskset import TaskSet, fields_of, fingerprint_of

__all__ = ["FILE", "MOST_RESOURCES", "NAME", "load", "resources", "stored_text", "tasks"]

NAME = "test"
FILE = "test.jsonl.gz"
MOST_RESOURCES = 20_000

_PEOPLE = 120
_WARDS = {4: 0, 9: 0, 5: 1, 10: 1, 6: 2, 7: 3}
"""Which thirty of the charted patients the laboratory types ask about: never two types about one code of one chart."""
_SCALE = 2.6


@dataclass(frozen=True, slots=True)
class _Plan:
    tasks: tuple[Task, ...]
    people: tuple[Person, ...]
    entries: tuple[Entry, ...]
    name: str


def load() -> TaskSet:
    """The split as stored.

    Raises:
        ValueError: The file is damaged.
    """
    head, found = _stored()
    charts = ChartSet(f"test-{head['data'].removeprefix('sha256:')[:16]}", resources, MOST_RESOURCES, head["data"])
    return TaskSet(NAME, found, charts)


@lru_cache(maxsize=1)
def _stored() -> tuple[Mapping[str, Any], tuple[Task, ...]]:
    raw = files("medenv.tasks").joinpath("data").joinpath(FILE).read_bytes()
    try:
        first, *rest = gzip.decompress(raw).decode().splitlines()
        head, found = json.loads(first), tuple(Task(**json.loads(line)) for line in rest)
    except (EOFError, OSError, ValueError, TypeError, zlib.error) as error:
        raise ValueError(f"the stored split {FILE} is damaged ({error}); install medenv again") from None
    if fingerprint_of(found) != head["tasks"]:
        raise ValueError(
            f"the stored split {FILE} is damaged (its tasks do not hash to {head['tasks']}); install medenv again"
        )
    return head, found


def stored_text(data: str) -> str:
    """What the stored file holds, before compression: a head and a task a line.

    Args:
        data: The charts' fingerprint.
    """
    made = tasks()
    head = {"split": NAME, "version": VERSION, "tasks": fingerprint_of(made), "data": data}
    return "".join(json.dumps(row) + "\n" for row in [head, *map(fields_of, made)])


def tasks() -> tuple[Task, ...]:
    """The tasks as they are generated, from which the stored file was written."""
    return _plan().tasks


def resources() -> Iterator[str | Block]:
    """The charts in load order, for a store."""
    plan = _plan()
    return load_order(plan.name, plan.people, plan.entries)


@lru_cache(maxsize=1)
def _plan() -> _Plan:
    name = f"{NAME}:{VERSION}"
    rng = random.Random(name)
    registry = Registry(WARDS[NAME], rng, NOW.date())
    presents = [draw_now(rng) for _ in range(_PEOPLE)]
    charted = registry.population(_PEOPLE)
    ages = _cases(2, rng)
    for i, case in enumerate(ages):  # those whose birthday is today or tomorrow in their own present
        own = Registry(WARDS[NAME], rng, presents[i].date())
        charted[i] = registry.replace(charted[i], draw_subject(2, case, own, presents[i], rng).name[2])
    made: dict[int, list[Task]] = {}
    plans: list[Plan] = [Plan() for _ in charted]

    def add(number: int, case: Case, at: int, person: Person | None = None, now: datetime | None = None) -> None:
        asked = asked_about(number, case, person or charted[at], registry, rng)
        id = f"task{number}_{len(made.setdefault(number, [])) + 1}"
        present = now or presents[at]
        made[number].append(task_about(number, case, asked, present, rng, id=id, split=NAME))

    for at, case in enumerate(ages):
        add(2, case, at)
    for number, ward in _WARDS.items():
        for i, case in enumerate(_cases(number, rng)):
            at = ward * ROUND + i
            plan = chart_plan(number, case, i, presents[at], rng)
            plans[at] = Plan({**plans[at].series, **plan.series}, plans[at].extras + plan.extras)
            add(number, case, at)
    for number in (3, 8):
        by_name = [case for case in CASES[number] if case.named]
        for i, at in enumerate(rng.sample(range(_PEOPLE), ROUND)):
            add(number, by_name[i % len(by_name)], at)
    for case in _cases(1, rng):
        add(1, case, 0, registry.person(), NOW)
    on_file = _on_file(registry, made[1], charted)
    entries = tuple(
        Entry(person, draw_counts(rng, _SCALE), now, plan)
        for person, now, plan in zip(charted, presents, plans, strict=True)
    )
    rng.shuffle(on_file)
    place = {person.mrn: i for i, person in enumerate(on_file)}
    ordered = tuple(sorted(entries, key=lambda entry: place[entry.person.mrn]))
    return _Plan(tuple(task for number in sorted(made) for task in made[number]), tuple(on_file), ordered, name)


def _cases(number: int, rng: random.Random) -> list[Case]:
    """A type's cases, each as often as a round has it, in random order."""
    found = [case for case in CASES[number] for _ in range(case.count)]
    rng.shuffle(found)
    return found


def _on_file(registry: Registry, searches: Sequence[Task], charted: Sequence[Person]) -> list[Person]:
    """Everybody drawn but those whom a search is not to find."""
    absent = {
        (task.params["given"], task.params["family"], task.params["birthdate"]) for task in searches if task.mrn is None
    }
    return [one for one in registry.people if (one.given, one.family, one.birthdate) not in absent]
