"""Comparing the independent solver with the gold: same answers, and orders that mean the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from medenv.fhir import EmbeddedBackend, Session
from medenv.grading import collect_reference_data
from medenv.tasks import Task, TaskSet, task_type
from tests.tasks.independent.reading import UnclearError, moment
from tests.tasks.independent.solver import Solved, solve

__all__ = ["Agreement", "compare", "differences"]

_MEAN = 6
_TENTH = Decimal("0.05")
"""How far a mean to one decimal place may lie from the exact one."""
_DOSE = Decimal("0.1")
"""How far a dose may lie from the exact one, in its unit."""
_ROUTES = {"IV": "IV", "oral": "by mouth"}


@dataclass
class Agreement:
    """How often solver and gold agree.

    Attributes:
        agreed: By task type, how many tasks in a wording.
        tasks: By task type, how many tasks.
        differing: What differs, one text each.
    """

    agreed: Counter[int] = field(default_factory=Counter)
    tasks: Counter[int] = field(default_factory=Counter)
    differing: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """A line about each type."""
        lines = [f"type {n}: {self.tasks[n]} tasks, {self.agreed[n]} wordings agree" for n in sorted(self.tasks)]
        total = f"{sum(self.tasks.values())} tasks, {sum(self.agreed.values())} wordings agree"
        return "\n".join([*lines, f"all: {total}, {len(self.differing)} differ"])


def compare(
    split: TaskSet,
    backend: EmbeddedBackend,
    tasks: Iterable[Task],
    wordings: Iterable[int] | None = None,
    now: str | None = None,
) -> Agreement:
    """Solve tasks and compare with the gold.

    Args:
        split: The split that the tasks are from.
        backend: The server with its charts.
        tasks: The tasks.
        wordings: One wording for each task, in turn without end; None puts every task in every wording.
        now: The present that the tasks, and their charts with them, are moved to; None for their own.
    """
    found = Agreement()
    turns: Iterator[int] | None = None if wordings is None else iter(wordings)
    known: dict[str, Any] = {}
    for own in tasks:
        task = split.present(own, now=now)
        found.tasks[task.type] += 1
        chosen = range(len(task_type(task.type).wordings)) if turns is None else [next(turns)]
        with backend.open(overlay=split.overlay(task)) as session:
            facts = collect_reference_data(task, session, known).facts or []
            seen: dict[str, str] = {}
            for wording in chosen:
                put = split.present(task, wording)
                wrong = differences(put, facts, session, seen)
                if wrong:
                    found.differing.append(f"{split.name} {put.id}, wording {wording}: {wrong}\n{put.instruction}")
                else:
                    found.agreed[task.type] += 1
    return found


def differences(task: Task, facts: list[dict[str, Any]], session: Session, seen: dict[str, str]) -> str:
    """Say how the solver's result differs from the gold; an empty text if it doesn't.

    Args:
        task: The task as it is put to an agent.
        facts: What the gold rests on.
        session: The chart.
        seen: What GETs on this chart were answered with, for those already sent.
    """

    def get(url: str) -> str:
        if url not in seen:
            response = session.get(url)
            if response.status != 200:
                raise UnclearError(f"{url} was answered with HTTP {response.status}: {response.body[:200]!r}")
            seen[url] = response.body
        return seen[url]

    try:
        solved = solve(task.instruction, task.context, get)
    except UnclearError as error:
        return f"unclear: {error}"
    gold = task_type(task.type).gold(task, facts)
    wanted = list(gold.answer), [_meaning(order) for order in gold.orders]
    return "" if _alike(task.type, solved, wanted) else f"solved {solved}, gold {wanted}"


def _alike(number: int, solved: Solved, wanted: Solved) -> bool:
    answers, orders = solved
    if len(answers) != len(wanted[0]) or len(orders) != len(wanted[1]):
        return False
    within = _TENTH if number == _MEAN else Decimal()
    if not all(_same(ours, theirs, within) for ours, theirs in zip(answers, wanted[0], strict=True)):
        return False
    pairs = zip(sorted(orders, key=_key), sorted(wanted[1], key=_key), strict=True)
    return all(_same_order(ours, theirs) for ours, theirs in pairs)


def _same(ours: Any, theirs: Any, within: Decimal) -> bool:
    if isinstance(ours, Decimal):
        number = isinstance(theirs, (int, float, Decimal)) and not isinstance(theirs, bool)
        return number and abs(ours - Decimal(str(theirs))) <= within
    return type(ours) is type(theirs) and bool(ours == theirs)


def _same_order(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    return ours.keys() == theirs.keys() and all(
        _same(ours[key], theirs[key], _DOSE if key == "dose" else Decimal()) for key in ours
    )


def _key(order: dict[str, Any]) -> tuple[str, str]:
    return order["kind"], order["code"]


def _meaning(payload: Any) -> dict[str, Any]:
    """The decisive facts of a resource that should be posted."""
    patient = payload["subject"]["reference"].removeprefix("Patient/")
    kind = payload["resourceType"]
    if kind == "Observation":
        return {
            "kind": "vital sign",
            "patient": patient,
            "code": payload["code"]["text"],
            "value": payload["valueString"],
            "taken": moment(payload["effectiveDateTime"]),
        }
    concept = payload["code"] if kind == "ServiceRequest" else payload["medicationCodeableConcept"]
    [coding] = concept["coding"]
    found = {
        "patient": patient,
        "system": coding["system"],
        "code": coding["code"],
        "signed": moment(payload["authoredOn"]),
    }
    if kind == "ServiceRequest":
        found["kind"] = "service"
        if "note" in payload:
            found["note"] = payload["note"]["text"]
        if "occurrenceDateTime" in payload:
            found["occurrence"] = moment(payload["occurrenceDateTime"])
        return found
    [dosage] = payload["dosageInstruction"]
    [amount] = dosage["doseAndRate"]
    found |= {
        "kind": "medication",
        "route": _ROUTES[dosage["route"]],
        "dose": Decimal(str(amount["doseQuantity"]["value"])),
        "unit": amount["doseQuantity"]["unit"],
    }
    if "rateQuantity" in amount:
        if amount["rateQuantity"]["unit"] != "h":
            raise ValueError(f"the gold's rate is {amount['rateQuantity']!r}; it should be in h")
        found["hours"] = Decimal(str(amount["rateQuantity"]["value"]))
    return found
