"""Splits of a fixed number of tasks on charts of their own: a round of every task type, and a small hospital that fits them all.

Every scenario comes up as often as its type says; no two types ask about the same code of one chart.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from medenv.ehr.hospital import NOW, POPULATIONS, ChartPlan, ChartSpec, Population, Registry, load_order
from medenv.ehr.resources import Person
from medenv.fhir.partial import Block
from medenv.tasks.base import TaskType
from medenv.tasks.generate import draw_counts, draw_now, draw_subject, task_about
from medenv.tasks.scenarios import LEAP_DAY, ROUND, Placement, Scenario, shuffled_round
from medenv.tasks.task import Task
from medenv.tasks.types import TYPES

__all__ = ["FixedSplit", "make_split"]

_PEOPLE = 120
"""Patients with a chart: four groups, of `ROUND` each."""


@dataclass(frozen=True, slots=True)
class FixedSplit:
    """The tasks of a split, and what its charts are made from.

    Attributes:
        tasks: The tasks, type after type.
        people: Everybody on file, in load order.
        charts: The charts of those who have one.
        name: Names the random streams.
    """

    tasks: tuple[Task, ...]
    people: tuple[Person, ...]
    charts: tuple[ChartSpec, ...]
    name: str

    def resources(self) -> Iterator[str | Block]:
        """Return the charts in load order, for a store."""
        return load_order(self.name, self.people, self.charts)


def make_split(
    split: str,
    name: str,
    scale: float,
    *,
    first: int = 0,
    now: datetime | None = None,
    always_named: bool = False,
) -> FixedSplit:
    """Generate a split.

    Args:
        split: The split's name, and whose names and numbers its people have.
        name: Names the random streams: equal names give equal tasks and charts.
        scale: How long charts are, see `draw_counts`.
        first: The index of the first medical record number to give out, see `Registry`.
        now: The present of all charts but those of people born on a leap day; None draws one for each.
        always_named: Whether no task that any chart will do for gives the MRN, so that each needs a look.
    """
    made = _Making(POPULATIONS[split], random.Random(name), first, now)
    for kind in _placed(Placement.SPECIAL_BIRTHDAYS):
        made.give_birthdays(kind)
    for kind in sorted(_placed(Placement.RESULTS), key=lambda kind: kind.chart_group):
        made.lay_down_results(kind)
    for kind in _placed(Placement.ANY_CHART):
        made.ask_about_anybody(kind, always_named)
    for kind in _placed(Placement.NEWCOMERS):
        made.ask_about_newcomers(kind)
    return made.split(name, scale)


def _placed(placement: Placement) -> list[TaskType]:
    return [kind for kind in TYPES.values() if kind.placement is placement]


@dataclass
class _Making:
    """A split in the making."""

    population: Population
    rng: random.Random
    first: int
    now: datetime | None
    registry: Registry = field(init=False)
    presents: list[datetime] = field(init=False)
    charted: list[Person] = field(init=False)
    plans: list[ChartPlan] = field(init=False)
    tasks: dict[int, list[Task]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.registry = Registry(self.population, self.rng, NOW.date(), first=self.first)
        self.presents = [self.now or draw_now(self.rng) for _ in range(_PEOPLE)]
        self.charted = self.registry.population(_PEOPLE)
        self.plans = [ChartPlan() for _ in self.charted]

    def give_birthdays(self, kind: TaskType) -> None:
        """Give the first patients birthdays that matter in their own present, and ask about them."""
        rng, scenarios = self.rng, shuffled_round(kind.scenarios, self.rng)
        for at, scenario in enumerate(scenarios):
            if scenario.name == LEAP_DAY:
                self.presents[at] = kind.present(scenario, draw_now(rng), rng)
            present = self.presents[at]
            other = draw_subject(kind, scenario, Registry(self.population, rng, present.date()), present, rng)
            self.charted[at] = self.registry.replace(self.charted[at], birthdate=other.name[2])
        for at, scenario in enumerate(scenarios):
            self._ask(kind, scenario, self.charted[at], self.presents[at])

    def lay_down_results(self, kind: TaskType) -> None:
        """Lay results down in the charts of the type's group, and ask about them."""
        for index, scenario in enumerate(shuffled_round(kind.scenarios, self.rng)):
            at = kind.chart_group * ROUND + index
            plan, before = kind.chart_plan(scenario, index, self.presents[at], self.rng), self.plans[at]
            self.plans[at] = ChartPlan({**before.series, **plan.series}, before.extras + plan.extras)
            self._ask(kind, scenario, self.charted[at], self.presents[at])

    def ask_about_anybody(self, kind: TaskType, always_named: bool) -> None:
        """Ask about any charted patients, in the scenarios' order or only in those that name the patient, in turns."""
        scenarios = [one for one in kind.scenarios if one.named]
        if not always_named:
            scenarios = [one for one in kind.scenarios for _ in range(one.count)]
        for index, at in enumerate(self.rng.sample(range(_PEOPLE), ROUND)):
            self._ask(kind, scenarios[index % len(scenarios)], self.charted[at], self.presents[at])

    def ask_about_newcomers(self, kind: TaskType) -> None:
        """Ask about people who are put on file for it."""
        for scenario in shuffled_round(kind.scenarios, self.rng):
            self._ask(kind, scenario, self.registry.person(), NOW)

    def _ask(self, kind: TaskType, scenario: Scenario, person: Person, now: datetime) -> None:
        made = self.tasks.setdefault(kind.number, [])
        subject = kind.subject(scenario, person, self.registry, self.rng)
        id = f"task{kind.number}_{len(made) + 1}"
        made.append(task_about(kind, scenario, subject, now, self.rng, id=id, split=self.population.name))

    def split(self, name: str, scale: float) -> FixedSplit:
        """Return the split, with its people in random order."""
        tasks = tuple(task for number in sorted(self.tasks) for task in self.tasks[number])
        on_file = self._on_file(tasks)
        charts = [
            ChartSpec(person, draw_counts(self.rng, scale), now, plan)
            for person, now, plan in zip(self.charted, self.presents, self.plans, strict=True)
        ]
        self.rng.shuffle(on_file)
        place = {person.mrn: i for i, person in enumerate(on_file)}
        charts.sort(key=lambda chart: place[chart.person.mrn])
        return FixedSplit(tasks, tuple(on_file), tuple(charts), name)

    def _on_file(self, tasks: Sequence[Task]) -> list[Person]:
        """Return everybody drawn but those whom a task is not to find."""
        absent = {
            (task.params["given"], task.params["family"], task.params["birthdate"])
            for task in tasks
            if task.mrn is None
        }
        return [one for one in self.registry.people if (one.given, one.family, one.birthdate) not in absent]
