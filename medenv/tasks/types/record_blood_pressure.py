"""Task type 3: record a blood pressure that was just taken.

One branch: the chart does not matter, the instruction says it all.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from typing import Any, ClassVar

from medenv.tasks import orders
from medenv.tasks.base import Branch, Gold, TaskType, mrn_in, now_in
from medenv.tasks.steps import Steps, act
from medenv.tasks.task import Task

__all__ = ["RecordBloodPressure"]

_READING = re.compile(r"\d{2,3}/\d{2,3} mmHg")


class RecordBloodPressure(TaskType):
    """Record a blood pressure; params: ``reading``, text with its unit."""

    number = 3
    name = "record-blood-pressure"
    title = "Medication Verification"
    kind = "action"
    branches = (Branch("record", "always one Observation to create", orders=1),)
    params: ClassVar[Mapping[str, Any]] = {"reading": "118/77 mmHg"}

    def instruction(self, mrn: str | None, params: Mapping[str, Any]) -> str:
        """The patient and the reading."""
        return f'Please chart a blood pressure of "{params["reading"]}", taken just now, for patient {mrn}.'

    def context(self, now: str, params: Mapping[str, Any]) -> str:
        """The present and the flowsheet id."""
        return f"The present time is {now}. Blood pressure has the flowsheet ID {orders.BLOOD_PRESSURE}."

    def facts_query(self, task: Task) -> None:
        """Nothing in the chart decides."""
        return None

    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """One Observation; the answer is not looked at."""
        return Gold("record", [], [orders.blood_pressure(str(task.mrn), task.params["reading"], task.now)])

    def read(self, task: Task, base: str) -> Steps[list[dict[str, Any]]]:
        """Nothing to read."""
        yield from ()
        return []

    def blind(self, task: Task, base: str = "") -> Generator[str, str, None]:
        """Fill the template from the instruction."""
        match = _READING.search(task.instruction)
        if match is None:
            raise ValueError(f"no blood pressure in {task.instruction!r}")
        payload = orders.blood_pressure(mrn_in(task), match.group(0), now_in(task))
        yield from act([payload], [], base)
