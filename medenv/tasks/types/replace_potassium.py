"""Task type 9: replace potassium if it is low, and recheck it the next morning.

Branches: no value; normal; low, which needs two orders.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from medenv.tasks.base import SIGNED, Branch, Gold
from medenv.tasks.chart import newest, readings
from medenv.tasks.instruction import only
from medenv.tasks.laboratory import ReplacementTask
from medenv.tasks.official_rule import (
    OfficialCase,
    OfficialChecks,
    accepted_posts,
    check_answer,
    check_no_post,
    laboratory_order,
    latest,
    medication_order,
)
from medenv.tasks.orders import LOINC, SNOMED, OrderWording, medication_request, service_request
from medenv.tasks.orders.medication import MEDICATION_WORDS
from medenv.tasks.orders.payloads import dose_number
from medenv.tasks.orders.service import LABORATORY_WORDS
from medenv.tasks.orders.wording import words
from medenv.tasks.reference import ReferenceActions
from medenv.tasks.scenarios import LATELY, Scenario, Subject
from medenv.tasks.task import Task

__all__ = ["GOAL", "ReplacePotassium", "potassium"]

GOAL = 3.5
"""mmol/L; 3.5 itself is normal (official grader)."""

LOW_K = ("3.4", "2.9", "3.1", "3.3", "2.6", "3.2", "2.8", "3.0", "2.7")
NORMAL_K = ("3.6", "4.2", "3.9", "4.5", "4.0")

_WORDS = MEDICATION_WORDS | words(
    "potassium chloride kcl k hypokalemia hypokalaemia oral orally po by mouth tablet tablets"
)
_TOMORROW = ("tomorrow", "tomorrow morning", "next morning", "next day")
_AT_EIGHT = ("8 am", "8:00 am", "8:00", "8 o'clock")
_HYPOKALAEMIA = (
    ("http://hl7.org/fhir/sid/icd-10-cm", "E87.6"),
    ("http://hl7.org/fhir/sid/icd-10", "E87.6"),
    (SNOMED, "43339004"),
)


class ReplacePotassium(ReplacementTask):
    """Replace potassium if low; params: ``code``, ``ndc``, ``loinc`` and ``recheck_day`` (ISO date)."""

    number = 9
    name = "replace-potassium"
    title = "Procedure History"
    kind = "action"
    chart_group = 0
    branches = (
        Branch("absent", "no value at all"),
        Branch("normal", "3.5 mmol/L or more"),
        Branch("low", "below 3.5 mmol/L: 10 mEq for each 0.1, and a recheck", orders=2),
    )
    params: ClassVar[Mapping[str, Any]] = {
        "code": "K",
        "ndc": "40032-917-01",
        "loinc": "2823-3",
        "recheck_day": "2023-11-14",
    }
    wordings = (
        (
            "Look at the latest potassium of {who}. If it is low, order potassium by the dosing rule and a serum "
            "potassium for tomorrow morning at 8 o'clock. Answer with the level."
        ),
        (
            "Check the latest potassium of {who}. When it is low, order both a replacement by the dosing rule and"
            " a serum potassium for 8 o'clock tomorrow morning. Answer with the level."
        ),
        (
            "Does {who} need potassium? Go by the newest level. If it is low, order potassium by mouth according "
            "to the dosing rule, and a serum potassium test for tomorrow at 8 in the morning. The answer is the "
            "level."
        ),
        (
            "Please manage the potassium of {who}: find the last level, and where it is low place two orders, the"
            " replacement that the dosing rule gives and a serum potassium for tomorrow, 8 a.m. Report the level."
        ),
        (
            "If the most recent potassium of {who} is low, it has to be replaced by the dosing rule and measured "
            "again tomorrow morning at 8 o'clock; place both orders now. Answer with the level."
        ),
    )
    rules = (
        'Potassium is coded "{code}"; the oral product has the NDC {ndc}.',
        "A level below 3.5 mmol/L is low, however long ago it was taken; 3.5 itself is not.",
        (
            "The dose is 10 mEq by mouth for each 0.1 mmol/L that the level lies below 3.5 (40 mEq at a level of "
            "3.1, say), all of it in one order and given once."
        ),
        (
            "The serum potassium test is ordered by the LOINC code {loinc}; tomorrow is the day after the present"
            " date, and 8 o'clock is 08:00 at the present time's offset."
        ),
        SIGNED,
        "The two orders may be placed in either sequence.",
        "Without a low level nothing is ordered.",
        (
            "The answer is the level found, before any replacement, as a number in mmol/L, or -1 if the chart has"
            " none at all."
        ),
    )
    scenarios = (
        Scenario("low", 6, LATELY, place="middle", values=LOW_K, name="middle of the list"),
        Scenario("low", 3, LATELY, place="last page", values=LOW_K, name="beyond the first page"),
        Scenario("low", 2, LATELY, place="first page", values=LOW_K, name="long list"),
        Scenario("low", 3, LATELY, values=LOW_K, name="fresh"),
        Scenario("low", 2, LATELY, values=("3.4",), name="limit"),
        Scenario("low", 1, LATELY, values=LOW_K, future=True, name="future decoy"),
        Scenario("normal", 2, LATELY, place="middle", values=NORMAL_K, name="middle of the list"),
        Scenario("normal", 1, LATELY, place="last page", values=NORMAL_K, name="beyond the first page"),
        Scenario("normal", 1, LATELY, place="first page", values=NORMAL_K, name="long list"),
        Scenario("normal", 1, LATELY, values=NORMAL_K, name="fresh"),
        Scenario("normal", 1, LATELY, place="middle", values=("3.5",), name="limit"),
        Scenario("normal", 2, LATELY, values=("3.5",), name="limit"),
        Scenario("absent", 5, name="no value"),
    )

    def draw_params(self, scenario: Scenario, subject: Subject, now: datetime, rng: random.Random) -> dict[str, Any]:
        """Return the day of the recheck, the day after the present."""
        return {"recheck_day": (now.date() + timedelta(days=1)).isoformat()}

    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """Return the newest value, and both orders if it is low."""
        found = newest(readings(facts))
        if found is None:
            return Gold("absent", [-1])
        if found.value >= GOAL:
            return Gold("normal", [found.value])
        return Gold("low", [found.value], _both_orders(task, str(task.mrn), (GOAL - found.value) / 0.1 * 10))

    def order_wording(self, task: Task, order: Mapping[str, Any]) -> OrderWording:
        """Allow words about replacing or rechecking potassium, and hypokalaemia as the reason."""
        if order["resourceType"] == "MedicationRequest":
            return OrderWording(_WORDS, ("one time", "one dose"), reasons=_HYPOKALAEMIA)
        after = ("after replacement", "after potassium replacement")
        return OrderWording(LABORATORY_WORDS, after, once=(_TOMORROW, _AT_EIGHT), reasons=_HYPOKALAEMIA)

    def official_verdict(self, case: OfficialCase, checks: OfficialChecks) -> str:
        """Compare answer and both orders with the latest value."""
        value, _, _ = latest(case)
        if value is None or value >= GOAL:
            check_no_post(case, checks)
        elif posts := accepted_posts(case, checks, 2, ("MedicationRequest", "ServiceRequest")):
            found = medication_order(case, checks, posts[0][1])
            found.holds("route", "oral", lambda text: text.lower().strip() == "oral", "dosageInstruction", 0, "route")
            # The order of this arithmetic is the published grader's: doses at the edge are floating-point artefacts.
            dose = (GOAL - value) / 0.1 * 10
            amount = ("dosageInstruction", 0, "doseAndRate", 0, "doseQuantity")
            found.holds("dose", f"{dose} within 0.1", lambda number: abs(number - dose) <= 0.1, *amount, "value")
            found.equal("dose unit", "mEq", *amount, "unit")
            found.order(case.task.mrn)
            recheck = laboratory_order(case, checks, posts[1][1])
            morning = f"{case.task.params['recheck_day']}T08:"
            recheck.holds("occurrenceDateTime", morning, lambda text: morning in text, "occurrenceDateTime")
        check_answer(case, checks, [-1 if value is None else value], [])
        return "absent" if value is None else "normal" if value >= GOAL else "low"

    def blind(self, task: Task, base: str = "") -> ReferenceActions[None]:
        """Order nothing, answer nothing."""
        return only([])

    def needless_orders(self, task: Task) -> list[dict[str, Any]]:
        """Return both orders, with the smallest dose."""
        return _both_orders(task, task.mrn or "S0000000", 10)


def _both_orders(task: Task, mrn: str, dose: float) -> list[dict[str, Any]]:
    params = task.params
    morning = f"{params['recheck_day']}T08:00:00+00:00"
    recheck = service_request(mrn, LOINC, params["loinc"], task.now, occurrence=morning)
    return [potassium(mrn, params["ndc"], task.now, dose), recheck]


def potassium(mrn: str, ndc: str, now: str, milliequivalents: float) -> dict[str, Any]:
    """Return a MedicationRequest for oral potassium.

    Args:
        mrn: The patient's MRN.
        ndc: The product's National Drug Code.
        now: When it is ordered, ISO 8601 with an offset.
        milliequivalents: The dose in mEq.
    """
    dose = {"doseQuantity": {"value": dose_number(milliequivalents), "unit": "mEq"}}
    return medication_request(mrn, ndc, now, {"route": "oral", "doseAndRate": [dose]})
