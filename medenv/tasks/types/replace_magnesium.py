"""Task type 5: replace magnesium if it is low.

Branches: no value within 24 hours; normal; and three tiers of deficiency, each with its own IV dose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from medenv.tasks.base import SIGNED, WITHIN_A_DAY, Branch, Gold
from medenv.tasks.chart import DAY, instant, newest, readings, since
from medenv.tasks.evidence import Results
from medenv.tasks.instruction import only
from medenv.tasks.laboratory import ReplacementTask
from medenv.tasks.official_rule import (
    OfficialCase,
    OfficialChecks,
    accepted_posts,
    check_answer,
    check_no_post,
    day_before,
    latest,
    medication_order,
)
from medenv.tasks.orders import SNOMED, OrderWording, medication_request
from medenv.tasks.orders.medication import MEDICATION_WORDS
from medenv.tasks.orders.payloads import dose_number
from medenv.tasks.orders.wording import words
from medenv.tasks.reference import ReferenceActions
from medenv.tasks.scenarios import BEFORE, EDGE, PAST_EDGE, TODAY, Scenario
from medenv.tasks.task import Task

__all__ = ["NORMAL_ABOVE", "TIERS", "ReplaceMagnesium", "magnesium"]

NORMAL_ABOVE = 1.9
"""mg/dL; 1.9 itself is replaced (official grader)."""

TIERS = (("severe", 1.0, 4), ("moderate", 1.5, 2), ("mild", float("inf"), 1))
"""Branch, the value in mg/dL it lies below, grams over as many hours (dosing rules of the official task)."""

MILD = ("1.5", "1.8", "1.6", "1.7")
MODERATE = ("1.0", "1.4", "1.2", "1.1", "1.3")
SEVERE = ("0.9", "0.6", "0.8", "0.7")
NORMAL = ("2.0", "2.3", "2.1", "2.5", "2.2", "2.4")

_WORDS = MEDICATION_WORDS | words(
    "magnesium sulfate sulphate mgso4 heptahydrate water injection solution mg hypomagnesemia hypomagnesaemia intravenous "
    "intravenously iv infusion infuse infused drip ivpb piggyback"
)
_HYPOMAGNESAEMIA = (
    ("http://hl7.org/fhir/sid/icd-10-cm", "E83.42"),
    ("http://hl7.org/fhir/sid/icd-10", "E83.4"),
    (SNOMED, "190855004"),
)


class ReplaceMagnesium(ReplacementTask):
    """Replace magnesium if low; params: ``code`` and ``ndc``."""

    number = 5
    name = "replace-magnesium"
    title = "Condition Lookup"
    kind = "action"
    chart_group = 1
    results = Results(window=DAY)
    branches = (
        Branch("absent", "no value within 24 h: nothing to order"),
        Branch("normal", "above 1.9 mg/dL"),
        Branch("mild", "1.5 to 1.9 mg/dL: 1 g", orders=1),
        Branch("moderate", "1 to below 1.5 mg/dL: 2 g", orders=1),
        Branch("severe", "below 1 mg/dL: 4 g", orders=1),
    )
    params: ClassVar[Mapping[str, Any]] = {"code": "MG", "ndc": "0338-1715-40"}
    wordings = (
        (
            "Look at the latest serum magnesium that {who} had in the past 24 hours. If it is low, order "
            "intravenous magnesium by the dosing rules. Answer with the level."
        ),
        (
            "Check the newest magnesium of {who} within the past 24 hours and order IV magnesium by the dosing "
            "rules if it is low. Answer with that level."
        ),
        (
            "Does {who} need magnesium? Go by the latest level of the past 24 hours: if low, order it "
            "intravenously as the dosing rules say. The answer is the level."
        ),
        (
            "Please manage the magnesium of {who}: find the last level from the past 24 hours, and where it is "
            "low place the IV order that the dosing rules give. Report the level."
        ),
        (
            "If the most recent magnesium of {who} (past 24 hours only) is low, it has to be replaced "
            "intravenously by the dosing rules. Answer with the level."
        ),
    )
    rules = (
        'Magnesium is coded "{code}"; the intravenous product has the NDC {ndc}.',
        WITHIN_A_DAY,
        (
            "Dosing by serum level: from 1.5 up to and including 1.9 mg/dL (mild) 1 g IV over 1 hour; from 1 to "
            "under 1.5 mg/dL (moderate) 2 g IV over 2 hours; under 1 mg/dL (severe) 4 g IV over 4 hours."
        ),
        "The dose is one order and given once.",
        SIGNED,
        "Above 1.9 mg/dL, or without a level in that time, nothing is ordered.",
        (
            "The answer is the level found, before any replacement, as a number in mg/dL, or an empty list if "
            "none was taken in that time."
        ),
    )
    scenarios = (
        Scenario("absent", 1, name="no value"),
        Scenario("absent", 2, BEFORE, values=MILD, name="stale"),
        Scenario("absent", 1, BEFORE, place="middle", values=SEVERE, name="stale, middle of the list"),
        Scenario("absent", 1, PAST_EDGE, values=MODERATE, name="limit"),
        Scenario("normal", 1, TODAY, values=("2.0",), name="limit"),
        Scenario("normal", 1, TODAY, values=NORMAL, name="fresh"),
        Scenario("normal", 1, TODAY, place="first page", values=NORMAL, name="long list"),
        Scenario("normal", 1, TODAY, place="middle", values=NORMAL, name="middle of the list"),
        Scenario("normal", 1, TODAY, place="last page", values=NORMAL, name="beyond the first page"),
        Scenario("mild", 2, TODAY, values=("1.9",), name="limit"),
        Scenario("mild", 1, TODAY, place="middle", values=("1.9",), name="limit"),
        Scenario("mild", 1, TODAY, place="last page", values=("1.9",), name="limit"),
        Scenario("mild", 1, TODAY, place="first page", values=("1.5",), name="limit"),
        Scenario("mild", 2, TODAY, place="middle", values=MILD, name="middle of the list"),
        Scenario("mild", 1, TODAY, values=MILD, future=True, name="future decoy"),
        Scenario("mild", 2, EDGE, values=MILD, name="limit"),
        Scenario("moderate", 2, TODAY, values=("1.0", "1.4"), name="limit"),
        Scenario("moderate", 1, TODAY, place="middle", values=MODERATE, name="middle of the list"),
        Scenario("moderate", 1, TODAY, place="last page", values=MODERATE, name="beyond the first page"),
        Scenario("moderate", 1, TODAY, place="first page", values=MODERATE, name="long list"),
        Scenario("severe", 1, TODAY, values=("0.9",), name="limit"),
        Scenario("severe", 2, TODAY, place="middle", values=SEVERE, name="middle of the list"),
        Scenario("severe", 1, TODAY, place="first page", values=SEVERE, name="long list"),
        Scenario("severe", 1, TODAY, values=SEVERE, name="fresh"),
    )

    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """Return the newest value in the window, and the order for its tier."""
        found = newest(since(readings(facts), instant(task.now) - DAY))
        if found is None:
            return Gold("absent", [])
        if found.value > NORMAL_ABOVE:
            return Gold("normal", [found.value])
        branch, grams = next((branch, grams) for branch, below, grams in TIERS if found.value < below)
        return Gold(branch, [found.value], [magnesium(str(task.mrn), task.params["ndc"], task.now, grams)])

    def order_wording(self, task: Task, order: Mapping[str, Any]) -> OrderWording:
        """Allow words about replacing magnesium, and hypomagnesaemia as the reason."""
        return OrderWording(_WORDS, ("one time", "one dose"), reasons=_HYPOMAGNESAEMIA)

    def official_verdict(self, case: OfficialCase, checks: OfficialChecks) -> str:
        """Compare answer and order with the tier of the latest value of the last 24 hours."""
        value, _, _ = latest(case, day_before(case))
        if value is None:
            check_no_post(case, checks)
            return "absent"
        if value > NORMAL_ABOVE:
            check_no_post(case, checks)
            branch = "normal"
        else:
            branch, dose = next((name, grams) for name, below, grams in TIERS if value < below)
            if posts := accepted_posts(case, checks, 1, ("MedicationRequest",)):
                found = medication_order(case, checks, posts[0][1])
                amounts = ("dosageInstruction", 0, "doseAndRate", 0)
                found.equal("route", "IV", "dosageInstruction", 0, "route")
                found.equal("dose", {"value": dose, "unit": "g"}, *amounts, "doseQuantity")
                found.equal("rate", {"value": dose, "unit": "h"}, *amounts, "rateQuantity")
                found.order(case.task.mrn)
        check_answer(case, checks, [value], [])
        return branch

    def blind(self, task: Task, base: str = "") -> ReferenceActions[None]:
        """Order nothing, answer nothing."""
        return only([])

    def needless_orders(self, task: Task) -> list[dict[str, Any]]:
        """Return the order of the mildest tier."""
        return [magnesium(task.mrn or "S0000000", task.params["ndc"], task.now, 1)]


def magnesium(mrn: str, ndc: str, now: str, grams: float) -> dict[str, Any]:
    """Return a MedicationRequest for IV magnesium, one gram an hour.

    Args:
        mrn: The patient's MRN.
        ndc: The product's National Drug Code.
        now: When it is ordered, ISO 8601 with an offset.
        grams: The dose in grams, which is also its duration in hours.
    """
    dose = dose_number(grams)
    quantities = {"doseQuantity": {"value": dose, "unit": "g"}, "rateQuantity": {"value": dose, "unit": "h"}}
    return medication_request(mrn, ndc, now, {"route": "IV", "doseAndRate": [quantities]})
