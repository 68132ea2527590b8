"""The sets of results that usual mistakes lead to, and whether one of them gives an answer by the task's own rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from medenv.grading.strict.evidence import shows_result
from medenv.grading.strict.search_log import SearchLog, as_list
from medenv.tasks import Task, task_type
from medenv.tasks.chart import DAY, instant
from medenv.tasks.evidence import Results

__all__ = ["ShownResults", "exclusive", "gives", "other_windows", "unbounded"]

Resource = Mapping[str, Any]

_LONG_AGO = "1800-01-01T00:00:00+00:00"
_USUAL_WINDOWS = tuple(timedelta(hours=hours) for hours in (6, 12, 36, 48, 72, 7 * 24))
"""Windows that are taken for the past 24 hours, besides calendar days."""


class ShownResults:
    """The results that were on screen before a turn, each once, by whose they are and what was measured.

    Attributes:
        own: The patient's results of the task's code, in the order of their ids.
        of_others: Those of the code by other patients, a list for each.
        of_other_codes: The patient's other results, a list for each code, and one of all.
        pages: The patient's results of the code that a page showed, where a list had several pages.
    """

    def __init__(self, log: SearchLog, before: int, task: Task) -> None:
        mrn, code = str(task.mrn), task.params["code"]
        newest: dict[str, Resource] = {}
        for id_, versions in log.shown("Observation", before).items():
            newest.update((id_, one) for one in versions if shows_result(one))
        results = [newest[id_] for id_ in sorted(newest, key=_by_id)]
        self.own = [one for one in results if _patient_of(one, mrn) == mrn and _has_code(one, code)]
        others: dict[str, list[Resource]] = {}
        codes: dict[str, list[Resource]] = {}
        for one in results:
            if _patient_of(one, mrn) != mrn and _has_code(one, code):
                others.setdefault(_patient_of(one, mrn), []).append(one)
            elif _patient_of(one, mrn) == mrn and not _has_code(one, code):
                codes.setdefault(str(_codes(one)), []).append(one)
        self.of_others = list(others.values())
        self.of_other_codes = (
            [*codes.values(), [one for one in results if _patient_of(one, mrn) == mrn]] if codes else []
        )
        kept = {str(one.get("id")) for one in self.own}
        self.pages = [
            sorted(
                (one for one in page.matches if str(one.get("id")) in kept), key=lambda one: _by_id(str(one.get("id")))
            )
            for logged in log.all
            if len([turn for turn, _ in logged.pages if turn < before]) > 1
            for turn, page in logged.pages
            if turn < before
        ]


def _by_id(id_: str) -> tuple[int, str]:
    return len(id_), id_


def _patient_of(result: Resource, otherwise: str) -> str:
    """Return whose a result is; of one shown without its subject it is supposed."""
    return str((result.get("subject") or {}).get("reference", f"/{otherwise}")).rpartition("/")[2]


def _codes(result: Resource) -> list[Any]:
    return [coding.get("code") for coding in as_list((result.get("code") or {}).get("coding"))]


def _has_code(result: Resource, code: str) -> bool:
    """Return whether a result has a code; of one shown without any it is supposed."""
    codes = _codes(result)
    return code in codes or not codes


def unbounded(task: Task) -> Task:
    """Return a task as it is to somebody who minds no window."""
    need = task_type(task.type).evidence(task)
    return replace(task, now=_LONG_AGO) if isinstance(need, Results) and need.window else task


def exclusive(task: Task) -> Task:
    """Return a task as it is to somebody for whom a value taken exactly 24 hours ago is too old."""
    return replace(task, now=(instant(task.now) + timedelta(seconds=1)).isoformat())


def other_windows(task: Task) -> Iterator[Task]:
    """Yield the task as it is to those who take another window than the past 24 hours, which reach to the present and beyond."""
    now = instant(task.now)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    yield unbounded(task)
    yield exclusive(task)
    for start in (today, today - DAY, *(now - hours for hours in _USUAL_WINDOWS)):
        yield replace(task, now=(start + DAY).isoformat())


def gives(task: Task, results: Sequence[Resource], answer: list[Any] | None) -> bool:
    """Return whether a set of resources leads to an answer, by the task's own rule."""
    try:
        kind = task_type(task.type)
        gold = kind.gold(task, results)
        return answer is not None and kind.right_answer(task, gold, answer)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return False
