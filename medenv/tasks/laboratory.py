"""Task types that turn on the results of one laboratory code, `Task.params["code"]`."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from medenv.ehr.hospital import ChartPlan, Extra
from medenv.ehr.hospital.catalogue import ANALYTES, LOOKALIKES
from medenv.tasks.answers import numbers
from medenv.tasks.base import Gold, TaskType
from medenv.tasks.chart import DAY, year_before
from medenv.tasks.evidence import Results
from medenv.tasks.reference import ReferenceActions, newest_first
from medenv.tasks.scenarios import Placement, Scenario
from medenv.tasks.task import Task

__all__ = ["LaboratoryTask", "LatestResultTask", "ReplacementTask"]


class LaboratoryTask(TaskType):
    """A task type whose answer rests on results of one laboratory code."""

    placement = Placement.RESULTS
    results: ClassVar[Results] = Results()
    """Which results count."""
    params: ClassVar[Mapping[str, Any]]

    def reference_query(self, task: Task) -> str:
        """Return the official graders' search for all results of the code, without paging."""
        return f"Observation?patient={task.mrn}&code={task.params['code']}&_count=5000"

    def evidence(self, task: Task) -> Results:
        """Return `results`."""
        return self.results

    def chart_plan(self, scenario: Scenario, index: int, now: datetime, rng: random.Random) -> ChartPlan:
        """Return the results that a scenario lays down, and a future one of a code that is easily taken for it."""
        code = self.params["code"]
        year = now - year_before(now.isoformat(timespec="seconds"))
        series = scenario.series(index, rng, year)
        extras: tuple[Extra, ...] = ()
        if scenario.future:
            value = ANALYTES[code].text(rng.choice((-2.0, 2.5)))
            extras = (Extra(LOOKALIKES[code], value, -timedelta(minutes=rng.randrange(30, 3 * 1440))),)
        return ChartPlan({code: series}, extras)

    def fits_resident(self, scenario: Scenario) -> bool:
        """Return whether a result of the last day is added to the chart, and older ones don't count."""
        return self.results.window is not None and scenario.ages is not None and scenario.ages[1] <= DAY


class LatestResultTask(LaboratoryTask):
    """A task type that turns on the newest result of one laboratory code."""

    def read(self, task: Task, base: str) -> ReferenceActions[list[dict[str, Any]]]:
        """Ask for the newest results, sorted by the server."""
        return newest_first(base, str(task.mrn), task.params["code"])


class ReplacementTask(LatestResultTask):
    """A task type that tells the newest result and orders what replaces it where it is low."""

    def right_answer(self, task: Task, gold: Gold, answer: list[Any]) -> bool:
        """Return whether it is the level; without one either way of saying so will do."""
        if gold.branch == "absent":
            return answer == [] or numbers(answer) == [-1]
        return super().right_answer(task, gold, answer)

    def expected_answer(self, task: Task, gold: Gold) -> str:
        """Return the level, or both ways of saying that there is none."""
        return "[] or [-1]" if gold.branch == "absent" else super().expected_answer(task, gold)
