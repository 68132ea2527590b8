"""The texts of acts: what a language model would write to search, to order and to answer, with the blanks filled."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from medenv.envs.structured.view import Act, Query, View
from medenv.tasks import orders
from medenv.tasks.chart import completed_years
from medenv.tasks.reference import finish, post
from medenv.tasks.types import record_blood_pressure, replace_magnesium, replace_potassium
from medenv.tasks.types.replace_potassium import GOAL

__all__ = [
    "answer",
    "completed_age",
    "difference_of_years",
    "lab_test",
    "magnesium",
    "potassium",
    "potassium_by_rule",
    "pressure",
    "referral",
    "search_people",
    "search_results",
    "tomorrow_morning",
]


def search_results(view: View, query: Query, count: int = 0) -> Act:
    """Write a search of the patient's Observations of a code.

    Args:
        view: What is known; the MRN must be.
        query: Code, window and order.
        count: Entries a page; 0 leaves it to the server.
    """
    text = f"GET Observation?patient={quote(str(view.mrn), safe='')}&code={quote(query.code, safe='')}"
    if query.window:
        start = (view.now - timedelta(hours=query.window)).isoformat()
        text += f"&date=ge{quote(start, safe='')}"
    if query.sort:
        text += f"&_sort={query.sort}"
    return Act(text + (f"&_count={count}" if count else ""), "results", query)


def search_people(view: View, query: Query) -> Act:
    """Write a search of Patients by MRN (``identifier``) or by what the instruction says of the person.

    Args:
        view: What is known, all that `query` names among it.
        query: The parameters.
    """
    values = {**view.told, "identifier": view.mrn or ""}
    asked = "&".join(f"{name}={quote(values[name], safe='')}" for name in query.by)
    return Act(f"GET Patient?{asked}", "people", query)


def magnesium(view: View, grams: float, ndc: str) -> str:
    """Write an order of intravenous magnesium, dose in grams, given over as many hours as grams."""
    return post(replace_magnesium.magnesium(str(view.mrn), ndc, view.now_text, grams), "")


def potassium(view: View, milliequivalents: float, ndc: str) -> str:
    """Write an order of potassium by mouth, dose in mEq."""
    return post(replace_potassium.potassium(str(view.mrn), ndc, view.now_text, milliequivalents), "")


def potassium_by_rule(view: View) -> float:
    """Compute the dose in mEq by the rule that the context states.

    It is 10 for each 0.1 mmol/L that the newest value lies below 3.5.
    """
    return (GOAL - view.readings[0].value) / 0.1 * 10


def tomorrow_morning(view: View) -> str:
    """Tomorrow at 8 o'clock, at the present's offset."""
    return (view.now + timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0).isoformat()


def lab_test(view: View, loinc: str, when: str | None = None) -> str:
    """Write an order of a laboratory test.

    Args:
        view: What is known.
        loinc: Its code.
        when: When it is to be taken; None for no time.
    """
    order = orders.service_request(str(view.mrn), orders.LOINC, loinc, view.now_text, occurrence=when)
    return post(order, "")


def pressure(view: View, mrn: str | None, reading: str, ago: timedelta = timedelta()) -> str:
    """Write the POST of a blood pressure to the chart, taken now or some time ago."""
    when = (view.now - ago).isoformat() if ago else view.now_text
    return post(record_blood_pressure.blood_pressure(str(mrn), reading, when), "")


def referral(view: View, mrn: str | None, snomed: str, note: str | None) -> str:
    """Write an order of a referral, with or without a text."""
    return post(orders.service_request(str(mrn), orders.SNOMED, snomed, view.now_text, note=note), "")


def answer(*values: Any) -> str:
    """Write the FINISH with these answers."""
    return finish(values)


def completed_age(view: View) -> int:
    """Compute the patient's age in completed years from the birth date that was on screen."""
    assert view.born is not None, "needs a birth date"
    return completed_years(view.born, view.now.date())


def difference_of_years(view: View) -> int:
    """Subtract the year of birth from the present year, which gives the age on some days of a year alone."""
    assert view.born is not None, "needs a birth date"
    return view.now.year - view.born.year
