"""The `train` and `validation` splits: tasks without end from a seed, each made when it is asked for.

Within every 30 tasks of a type each scenario comes up as often as the type says. Nearly all tasks bring a patient of their own in an
overlay on the cohort; the others add to the chart of one of the cohort's patients.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import overload

from medenv.ehr import hospital
from medenv.ehr.chartset import ChartSet
from medenv.ehr.hospital import NOW, POPULATIONS, ChartPlan, Cohort, Counts, Registry, chart
from medenv.ehr.hospital.charts import KINDS
from medenv.ehr.resources import Person, patient
from medenv.errors import InputError
from medenv.tasks.chart import instant
from medenv.tasks.generate import VERSION, draw_counts, draw_now, draw_subject, task_about
from medenv.tasks.scenarios import ROUND, Scenario
from medenv.tasks.task import Task
from medenv.tasks.taskset import Overlay, TaskSet, check_choice, with_wording
from medenv.tasks.types import TYPES
from medenv.tasks.unknown import unknown

__all__ = ["LENGTH", "EndlessTasks", "charts_of", "seed_of"]

LENGTH = 1_000_000_000
"""What `len` says: sequences in Python have an end."""

_ID = re.compile(r"task(\d{1,2})_s(-?\d+)_([1-9]\d*)")
_RESIDENTS = 0.12
"""How often a task that can be about one of the cohort's patients is."""
_SLOTS = 4
"""Medical record numbers set aside for a task: its patient and the doubles."""


@dataclass(frozen=True, slots=True)
class _Draft:
    """A task and what its overlay is made from."""

    task: Task
    arriving: tuple[Person, ...]
    charted: Person
    now: datetime
    counts: Counts
    plan: ChartPlan


def charts_of(cohort: Cohort) -> ChartSet:
    """Return a cohort as a chart set."""
    size = cohort.size
    name = f"{cohort.split}-{size.patients}-{size.charts}-{size.records}-{cohort.seed}-v{hospital.VERSION}"
    return ChartSet(name, cohort.resources, size.patients + size.records)


def seed_of(id: str) -> int:
    """Return the seed of the sequence that a generated task is from, as its id says.

    Raises:
        ValueError: It is no id of a generated task.
    """
    match = _ID.fullmatch(id)
    if match is None:
        raise InputError(f"{id!r} is no id of a generated task; these are like task1_s0_1")
    return int(match[2])


class EndlessTasks(TaskSet):
    """The tasks of a generated split, or those of them that were chosen.

    Attributes:
        cohort: The charts that overlays are put on.
    """

    def __init__(
        self,
        cohort: Cohort,
        seed: int = 0,
        *,
        type: int | None = None,
        branch: str | None = None,
        difficulty: str | None = None,
    ) -> None:
        """Begin a sequence; nothing is generated yet.

        Args:
            cohort: The charts; made for the split.
            seed: Names the sequence.
            type: Only this task type.
            branch: Only this branch.
            difficulty: Only tasks of this difficulty.
        """
        super().__init__(cohort.split, (), charts_of(cohort), seed, VERSION)
        wanted: dict[int, tuple[int, ...]] = {}
        for number in TYPES if type is None else (type,):
            fits = [branch in (None, one.branch) and difficulty in (None, one.difficulty) for one in _round(number)]
            if any(fits):
                wanted[number] = tuple(i for i, fit in enumerate(fits) if fit)
        if not wanted:
            raise InputError(
                f"no task of type {type} in the split {cohort.split!r} is of branch {branch!r} and {difficulty!r}"
            )
        object.__setattr__(self, "cohort", cohort)
        object.__setattr__(self, "_wanted", wanted)
        object.__setattr__(self, "_choice", (type, branch, difficulty))

    cohort: Cohort
    _wanted: dict[int, tuple[int, ...]]
    _choice: tuple[int | None, str | None, str | None]

    @property
    def endless(self) -> bool:
        """Tasks are made as they are asked for."""
        return True

    def __len__(self) -> int:
        return LENGTH

    @overload
    def __getitem__(self, index: int) -> Task: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Task]: ...

    def __getitem__(self, index: int | slice) -> Task | Sequence[Task]:
        if isinstance(index, slice):
            return tuple(self._draft(*self._place(i)).task for i in range(*index.indices(LENGTH)))
        if not -LENGTH <= index < LENGTH:
            raise IndexError(f"task {index} of {LENGTH}")
        return self._draft(*self._place(index % LENGTH)).task

    def __iter__(self) -> Iterator[Task]:
        return (self[index] for index in range(LENGTH))

    def _place(self, index: int) -> tuple[int, int]:
        """Return the type of the index-th task, and which one of its type it is (from 0)."""
        around, position = divmod(index, len(self._wanted))
        order = list(self._wanted)
        random.Random(f"{self._name}:types:{around}").shuffle(order)
        number = order[position]
        wanted = self._wanted[number]
        turn, position = divmod(around, len(wanted))
        shuffled = self._shuffled(number, turn)
        return number, turn * ROUND + [at for at, one in enumerate(shuffled) if one in wanted][position]

    @property
    def _name(self) -> str:
        return f"{self.name}:{VERSION}:{self.seed}"

    def _shuffled(self, number: int, turn: int) -> list[int]:
        """Return in which order a round goes through a type's scenarios."""
        order = list(range(ROUND))
        random.Random(f"{self._name}:{number}:round:{turn}").shuffle(order)
        return order

    def task(self, id: str) -> Task:
        """Return one task by its id, whether or not it is among those chosen.

        Raises:
            UnknownNameError: It is no id of this split and seed.
        """
        return self._draft(*self._parsed(id)).task

    def _parsed(self, id: str) -> tuple[int, int]:
        match = _ID.fullmatch(id)
        if match is None or int(match[1]) not in TYPES or int(match[2]) != self.seed:
            there_is = f"its ids are task1_s{self.seed}_1 and so on, with the type, the seed and a number"
            raise unknown(
                f"task in split {self.name!r} with id", id, [f"task{t}_s{self.seed}_1" for t in TYPES], there_is
            )
        return int(match[1]), int(match[3]) - 1

    def choose(
        self, type: int | str | None = None, branch: str | None = None, difficulty: str | None = None
    ) -> EndlessTasks:
        """Return the tasks that fit, without end; see `TaskSet.choose`. What was chosen before and isn't said anew stays."""
        before = self._choice
        number = before[0] if type is None else check_choice(type, None, None)
        branch, difficulty = branch or before[1], difficulty or before[2]
        check_choice(number, branch, difficulty)
        return EndlessTasks(self.cohort, self.seed, type=number, branch=branch, difficulty=difficulty)

    def present(self, task: Task, paraphrase: int | None = None, now: str | None = None) -> Task:
        """Return a task as it is to be put to the agent; with another present its patient's chart moves along."""
        if now is not None and now != task.now:
            present = instant(now)
            if (
                present.utcoffset() != timedelta()
                or present.second
                or present.microsecond
                or not now.endswith(":00+00:00")
            ):
                raise InputError(f"now is {now!r}; give a minute like 2024-05-06T07:08:00+00:00")
            task = self._draft(*self._parsed(task.id), present).task
        return with_wording(self.name, task, paraphrase)

    def overlay(self, task: Task) -> Overlay:
        """Return the resources that a task brings: its patient, doubles and chart, or additions to a chart of the cohort.

        Raises:
            UnknownNameError: It is no task of this split and seed.
        """
        draft = self._draft_of(task)
        name = f"{self._name}:{task.id}"
        records = chart(draft.charted, draft.now, draft.counts, name, draft.plan)
        people = [{"resourceType": "Patient", **patient(one)} for one in draft.arriving]
        return [*people, *(one for kind in KINDS for one in records[kind]())]

    def own_patient(self, task: Task) -> str | None:
        """Return the MRN of the patient whose chart a task brings; None if it adds to a chart of the cohort."""
        draft = self._draft_of(task)
        return draft.charted.mrn if draft.charted in draft.arriving else None

    def _draft_of(self, task: Task) -> _Draft:
        place = self._parsed(task.id)
        draft = self._draft(*place)
        return draft if draft.task.now == task.now else self._draft(*place, instant(task.now))

    def _draft(self, number: int, n: int, now: datetime | None = None) -> _Draft:
        kind = TYPES[number]
        rng = random.Random(f"{self._name}:{number}:{n}")
        turn, position = divmod(n, ROUND)
        scenario = _round(number)[self._shuffled(number, turn)[position]]
        drawn, resident = kind.present(scenario, draw_now(rng), rng), rng.random() < _RESIDENTS
        index, counts = rng.randrange(1000), draw_counts(rng, 1.0)
        present = now or drawn
        at_home = resident and now is None and kind.fits_resident(scenario)
        if at_home:
            present = NOW + timedelta(minutes=rng.randrange(2 * 1440, 20 * 1440))
        registry = Registry(POPULATIONS[self.name], rng, present.date(), first=(n * len(TYPES) + number - 1) * _SLOTS)
        treated, known = _residents(self.cohort)
        registry.avoid(known)
        if at_home:
            person = rng.choice([one for one in treated if one.birthdate[5:] not in _special(present)])
            subject = kind.subject(scenario, person, registry, rng)
            arriving, counts = subject.on_file[1:], Counts(0, 0, 0, 0, 0)
        else:
            subject = draw_subject(kind, scenario, registry, present, rng)
            person, arriving = subject.on_file[0], subject.on_file
        plan = kind.chart_plan(scenario, index, present, rng)
        order = list(arriving)
        rng.shuffle(order)
        id = f"task{number}_s{self.seed}_{n + 1}"
        task = task_about(kind, scenario, subject, present, rng, id=id, split=self.name)
        return _Draft(task, tuple(order), person, present, counts, plan)

    @property
    def fingerprint(self) -> str:
        """Return a hash of all that the tasks depend on: ``sha256:..``."""
        said = json.dumps([self._name, self.cohort.name, *self._choice])
        return f"sha256:{hashlib.sha256(said.encode()).hexdigest()}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EndlessTasks) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __reduce__(self) -> tuple[object, ...]:
        return (_restored, (self.cohort, self.seed, self._choice))

    def __repr__(self) -> str:
        return f"<tasks of {self.name}, seed {self.seed}, chosen by type, branch and difficulty: {self._choice}>"


def _restored(cohort: Cohort, seed: int, choice: tuple[int | None, str | None, str | None]) -> EndlessTasks:
    return EndlessTasks(cohort, seed, type=choice[0], branch=choice[1], difficulty=choice[2])


@cache
def _round(number: int) -> tuple[Scenario, ...]:
    """Return a type's scenarios, each as often as it comes up in a round."""
    return tuple(scenario for scenario in TYPES[number].scenarios for _ in range(scenario.count))


@lru_cache(maxsize=4)
def _residents(cohort: Cohort) -> tuple[tuple[Person, ...], frozenset[tuple[str, str, str]]]:
    """Return a cohort's patients with a chart, and by what everybody on file is known."""
    treated, others = cohort.people()
    return tuple(treated), frozenset((one.given, one.family, one.birthdate) for one in [*treated, *others])


def _special(now: datetime) -> tuple[str, str]:
    """Month and day of today and tomorrow."""
    return now.date().isoformat()[5:], (now.date() + timedelta(days=1)).isoformat()[5:]
