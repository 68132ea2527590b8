"""Task type 3: record a blood pressure that was just taken.

One branch: the chart does not matter but for who is meant, where the instruction names the patient without the MRN.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from typing import Any, ClassVar

from medenv.tasks import orders
from medenv.tasks.base import Branch, Gold, TaskType, mrn_in, now_in
from medenv.tasks.patients import is_named, look_up, patient_of, who
from medenv.tasks.steps import Steps, act, finish
from medenv.tasks.task import Task

__all__ = ["RecordBloodPressure"]

_READING = re.compile(r"\d{2,3}/\d{2,3} mmHg")


class RecordBloodPressure(TaskType):
    """Record a blood pressure; params: ``reading``, text with its unit.

    With ``given``, ``family`` and ``birthdate`` among the params the instruction names the patient by these and not by MRN.
    """

    number = 3
    name = "record-blood-pressure"
    title = "Medication Verification"
    kind = "action"
    branches = (Branch("record", "always one Observation to create", orders=1),)
    params: ClassVar[Mapping[str, Any]] = {"reading": "118/77 mmHg"}
    wordings = (
        'The blood pressure of {who} is "{reading}" right now; file it in the flowsheet.',
        'I have just taken a blood pressure of "{reading}" for {who}. Enter it, please.',
        'New vital sign for {who}: blood pressure "{reading}", measured at this moment. Add it to the chart.',
        'Put down "{reading}" as the present blood pressure of {who}.',
    )

    def instruction(self, mrn: str | None, params: Mapping[str, Any]) -> str:
        """The patient and the reading."""
        return f'Please chart a blood pressure of "{params["reading"]}", taken just now, for {who(mrn, params)}.'

    def context(self, now: str, params: Mapping[str, Any]) -> str:
        """The present and the flowsheet id."""
        return f"The present time is {now}. Blood pressure has the flowsheet ID {orders.BLOOD_PRESSURE}."

    def facts_query(self, task: Task) -> None:
        """Nothing in the chart decides."""
        return None

    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """One Observation; the answer is not looked at."""
        return Gold("record", [], [orders.blood_pressure(patient_of(task, facts), task.params["reading"], task.now)])

    def read(self, task: Task, base: str) -> Steps[list[dict[str, Any]]]:
        """Who is meant, unless the MRN is given."""
        return look_up(task, base)

    def blind(self, task: Task, base: str = "") -> Generator[str, str, None]:
        """Fill the template from the instruction; without an MRN in it there is nothing to fill it with."""
        if is_named(task.params):
            yield finish([])
            return
        match = _READING.search(task.instruction)
        if match is None:
            raise ValueError(f"no blood pressure in {task.instruction!r}")
        payload = orders.blood_pressure(mrn_in(task), match.group(0), now_in(task))
        yield from act([payload], [], base)
