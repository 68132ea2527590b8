"""Task type 6: the mean of all glucose values of the last 24 hours.

Branches: there are some, or there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote

from medenv.tasks.base import Branch, Gold, TaskType, observations_query, only
from medenv.tasks.chart import DAY, instant, mean, readings, since
from medenv.tasks.steps import Steps, observations
from medenv.tasks.task import Task

__all__ = ["MeanGlucose"]

PAGE = 50
"""Values asked for a page, so that even a reading every five minutes (288 a day) fits into eight turns."""


class MeanGlucose(TaskType):
    """Mean glucose over 24 h; params: ``code``."""

    number = 6
    name = "mean-glucose"
    title = "Vital Signs Retrieval"
    kind = "query"
    branches = (Branch("present", "values within 24 h"), Branch("absent", "no value, or none within 24 h"))
    params: ClassVar[Mapping[str, Any]] = {"code": "GLU"}
    wordings = (
        "Average the capillary glucose readings (CBG) of {who} over the past 24 hours.",
        "Over the past 24 hours, what do the CBG values of {who} come to on average?",
        "Take every CBG of {who} from the past 24 hours and tell me their arithmetic mean.",
        "What was the mean capillary glucose (CBG) for {who}, past 24 hours only?",
    )

    def instruction(self, mrn: str | None, params: Mapping[str, Any]) -> str:
        """Which mean of whom."""
        return f"Work out the mean of all capillary glucose (CBG) values that patient {mrn} had in the past 24 hours."

    def context(self, now: str, params: Mapping[str, Any]) -> str:
        """The present, the code, the unit, and what to say if there is none."""
        return (
            f'The present time is {now}. CBG is coded "{params["code"]}". '
            "Answer with one number in mg/dL, or with -1 if nothing was measured in the past 24 hours."
        )

    def facts_query(self, task: Task) -> str:
        """All values of the code, as the official graders ask for them."""
        return observations_query(task)

    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """The mean over the window, or -1."""
        values = since(readings(facts), instant(task.now) - DAY)
        return Gold("present", [mean(values)]) if values else Gold("absent", [-1])

    def read(self, task: Task, base: str) -> Steps[list[dict[str, Any]]]:
        """The window's values, page after page; `gold` checks the window again."""
        start = quote((instant(task.now) - DAY).isoformat(), safe="")
        return observations(base, str(task.mrn), task.params["code"], f"&date=ge{start}&_count={PAGE}")

    def blind(self, task: Task, base: str = "") -> Steps[None]:
        """Say that there is none."""
        return only([-1])
