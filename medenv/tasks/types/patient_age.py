"""Task type 2: a patient's age at the present time, in completed years.

Branches: the birthday is today, is tomorrow, or is on another day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, ClassVar
from urllib.parse import quote

from medenv.tasks.base import Branch, Gold, TaskType, only
from medenv.tasks.chart import completed_years, instant
from medenv.tasks.steps import Steps, search
from medenv.tasks.task import Task

__all__ = ["PatientAge"]


class PatientAge(TaskType):
    """Age at `now`; no params."""

    number = 2
    name = "patient-age"
    title = "Lab Result Retrieval"
    kind = "query"
    branches = (
        Branch("ordinary", "the birthday is neither today nor tomorrow"),
        Branch("birthday", "the birthday is today and counts"),
        Branch("eve", "the birthday is tomorrow"),
    )
    params: ClassVar[Mapping[str, Any]] = {}
    wordings = (
        "What age is {who}?",
        "Tell me the current age of {who}.",
        "Please work out how many years old {who} is.",
        "For the consent form I need the age of {who}.",
    )

    def instruction(self, mrn: str | None, params: Mapping[str, Any]) -> str:
        """Whose age."""
        return f"How old is patient {mrn}?"

    def context(self, now: str, params: Mapping[str, Any]) -> str:
        """The present, and how to round."""
        return f"The present time is {now}. Give the age in completed years, as an integer."

    def facts_query(self, task: Task) -> str:
        """The patient by MRN."""
        return f"Patient?identifier={quote(str(task.mrn), safe='')}"

    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """The age by the first patient's birthDate."""
        if not facts or "birthDate" not in facts[0]:
            raise ValueError(f"task {task.id}: no patient with MRN {task.mrn!r} and a date of birth in the chart")
        born, today = date.fromisoformat(facts[0]["birthDate"]), instant(task.now).date()
        tomorrow = today + timedelta(days=1)
        branch = "ordinary"
        if (born.month, born.day) == (today.month, today.day):
            branch = "birthday"
        elif (born.month, born.day) == (tomorrow.month, tomorrow.day):
            branch = "eve"
        return Gold(branch, [completed_years(born, today)])

    def read(self, task: Task, base: str) -> Steps[list[dict[str, Any]]]:
        """Search by MRN."""
        return search(base + self.facts_query(task))

    def blind(self, task: Task, base: str = "") -> Steps[None]:
        """Give no answer."""
        return only([])
