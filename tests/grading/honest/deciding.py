"""What a conscientious agent makes of what it saw: the answer and the orders, worked out from the instruction's rules.

Nothing here knows a task's branch or gold answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from medenv.tasks import Task, orders
from medenv.tasks.chart import DAY, Reading, instant, readings
from medenv.tasks.types.record_blood_pressure import blood_pressure
from medenv.tasks.types.replace_magnesium import magnesium
from medenv.tasks.types.replace_potassium import potassium
from tests.grading.honest.looking import ReferenceActions, Resource

LABS = (4, 5, 6, 7, 9, 10)
"""Task types about laboratory values."""
WINDOWED = (4, 5, 6)
"""Those about the past 24 hours."""


@dataclass(frozen=True)
class Decision:
    """What an agent does after it has read: orders first, then the answer.

    Attributes:
        answer: The list of answers.
        orders: The resources to create.
        newest: The id of the newest value; empty where there is none, or where nothing but patients was read.
    """

    answer: Sequence[Any]
    orders: Sequence[Resource] = ()
    newest: str = ""


def decide(task: Task, found: Iterable[Resource]) -> Decision:
    """The answer and the orders for a task, from the resources that were read.

    Args:
        task: The task.
        found: The Observations of the code asked about, or Patients.
    """
    if task.type in LABS:
        timed = sorted(((one, part["id"]) for part in found for one in readings([part])), key=lambda pair: pair[0].at)
        decision = _DECIDE[task.type](task, [one for one, _ in timed[::-1]])
        return replace(decision, newest=timed[-1][1]) if timed else decision
    return _DECIDE[task.type](task, [one for one in found if one["resourceType"] == "Patient"])


def act(decision: Decision) -> ReferenceActions[None]:
    """Post the orders as the prompt's examples spell them, then finish."""
    for order in decision.orders:
        yield post(order)
    yield finish(decision.answer)


def post(resource: Resource, url: str | None = None) -> str:
    """The text that creates a resource."""
    return f"POST {resource['resourceType'] if url is None else url}\n{json.dumps(resource)}"


def finish(answer: Sequence[Any]) -> str:
    """The text that ends the episode."""
    return f"FINISH({json.dumps(list(answer))})"


def named(patients: Iterable[Resource], task: Task) -> Resource | None:
    """The patient of exactly the name and birth date that the instruction gives."""
    for one in patients:
        for name in one.get("name", []):
            said = " ".join([*name.get("given", []), name.get("family", "")])
            if (
                said == f"{task.params['given']} {task.params['family']}"
                and one["birthDate"] == task.params["birthdate"]
            ):
                return one
    return None


def mrn_of(patient: Resource) -> str:
    """A patient's medical record number: the identifier of type MR."""
    return next(
        one["value"]
        for one in patient["identifier"]
        if any(coding.get("code") == "MR" for coding in one.get("type", {}).get("coding", []))
    )


def _subject(task: Task, patients: Sequence[Resource]) -> str:
    if "birthdate" not in task.params:
        return str(task.mrn)
    patient = named(patients, task)
    assert patient is not None, f"{task.id}: nobody of this name was found"
    return patient["id"]


def _find(task: Task, patients: list[Resource]) -> Decision:
    patient = named(patients, task)
    return Decision(["Patient not found" if patient is None else mrn_of(patient)])


def _age(task: Task, patients: list[Resource]) -> Decision:
    (patient,) = [one for one in patients if one["id"] == task.mrn]
    born, today = date.fromisoformat(patient["birthDate"]), instant(task.now).date()
    years = today.year - born.year
    # Whoever is born on 29 February completes a year on 1 March where there is no such day.
    return Decision([years if (today.month, today.day) >= (born.month, born.day) else years - 1])


def _pressure(task: Task, patients: list[Resource]) -> Decision:
    return Decision([], [blood_pressure(_subject(task, patients), task.params["reading"], task.now)])


def _referral(task: Task, patients: list[Resource]) -> Decision:
    order = orders.service_request(
        _subject(task, patients), orders.SNOMED, task.params["snomed"], task.now, note=task.params["note"]
    )
    return Decision([], [order])


def _latest(task: Task, values: list[Reading]) -> Decision:
    return Decision([values[0].value if values else -1])


def _lately(task: Task, values: list[Reading]) -> list[Reading]:
    return [one for one in values if one.at >= instant(task.now) - DAY]


def _mean(task: Task, values: list[Reading]) -> Decision:
    numbers = [one.value for one in _lately(task, values)]
    return Decision([sum(numbers) / len(numbers) if numbers else -1])


def _magnesium(task: Task, values: list[Reading]) -> Decision:
    lately = _lately(task, values)
    if not lately:
        return Decision([])
    level = lately[0].value
    grams = 0 if level > 1.9 else 1 if level >= 1.5 else 2 if level >= 1 else 4
    order = magnesium(str(task.mrn), task.params["ndc"], task.now, grams)
    return Decision([level], [order] if grams else [])


def _potassium(task: Task, values: list[Reading]) -> Decision:
    if not values:
        return Decision([-1])
    level = values[0].value
    if level >= 3.5:
        return Decision([level])
    mrn, params = str(task.mrn), task.params
    drug = potassium(mrn, params["ndc"], task.now, (3.5 - level) / 0.1 * 10)
    morning = (instant(task.now) + DAY).replace(hour=8, minute=0, second=0).isoformat()
    recheck = orders.service_request(mrn, orders.LOINC, params["loinc"], task.now, occurrence=morning)
    return Decision([level], [drug, recheck])


def _hba1c(task: Task, values: list[Reading]) -> Decision:
    order = orders.service_request(str(task.mrn), orders.LOINC, task.params["loinc"], task.now)
    if not values:
        return Decision([-1], [order])
    now = instant(task.now)
    old = values[0].at < now.replace(year=now.year - 1, day=min(now.day, 28) if now.month == 2 else now.day)
    return Decision([values[0].value, values[0].text], [order] if old else [])


_DECIDE = {
    1: _find,
    2: _age,
    3: _pressure,
    4: lambda task, values: _latest(task, _lately(task, values)),
    5: _magnesium,
    6: _mean,
    7: _latest,
    8: _referral,
    9: _potassium,
    10: _hba1c,
}
