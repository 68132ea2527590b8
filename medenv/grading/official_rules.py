"""The ten rules of the official grader: what the chart demands, and what the conversation must then hold.

Each rule adds its checks and returns the branch that the chart put the task in. Source: benchmark.md section 2.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from medenv.tasks.orders import LOINC, NDC, SNOMED, VITAL_SIGNS
from medenv.tasks.types.find_patient import NOT_FOUND
from medenv.tasks.types.replace_magnesium import NORMAL_ABOVE, TIERS
from medenv.tasks.types.replace_potassium import GOAL

if TYPE_CHECKING:
    from medenv.grading.official import Case, Checks

__all__ = ["RULES"]


def _instant(text: str) -> datetime:
    """`datetime.fromisoformat`, with a trailing Z read alike on every Python (3.10 refuses it, 3.11 doesn't)."""
    return datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)


def _observations(case: Case) -> list[tuple[datetime, Any, str]]:
    """Time, value and time's text of every listed Observation; raises if one lacks either, as the published graders do."""
    found = []
    for entry in case.facts or ():
        text = entry["effectiveDateTime"]
        found.append((_instant(text), entry["valueQuantity"]["value"], text))
    return found


def _latest(case: Case, since: datetime | None = None) -> tuple[Any, str | None, datetime | None]:
    """Value, time's text and time of the latest Observation; of equal times the first listed, None if there is none."""
    value, text, latest = None, None, None
    for when, reading, shown in _observations(case):
        if (since is None or when >= since) and (latest is None or when > latest):
            value, text, latest = reading, shown, when
    return value, text, latest


def _day_before(case: Case) -> datetime:
    return _instant(case.task.now) - timedelta(hours=24)


def _no_post(case: Case, checks: Checks) -> None:
    checks.add("no POST", "no agent message contains POST", lambda: case.has_post, lambda found: not found)


def _answer(case: Case, checks: Checks, *accepted: Any) -> None:
    checks.add("answer", accepted[0], lambda: case.answer, lambda found: any(a == found for a in accepted))


def _posts(case: Case, checks: Checks, count: int, resources: tuple[str, ...]) -> list[tuple[str, Any]] | None:
    """The accepted POSTs, if there are as many as wanted; their URLs are checked."""
    posts: list[tuple[str, Any]] = []

    def find() -> int:
        posts.extend(case.accepted_posts())
        return len(posts)

    checks.add(f"exactly {count} accepted POST" + "s" * (count > 1), count, find)
    if len(posts) != count:
        return None
    for (url, _), resource in zip(posts, resources, strict=True):
        checks.add(f"{resource}: url", f"{case.base}{resource}", lambda url=url: url)  # type: ignore[misc]
    return posts


class _Payload:
    """Checks on one posted payload, each under the resource's name."""

    def __init__(self, checks: Checks, resource: str, payload: Any) -> None:
        self.checks, self.resource, self.payload = checks, resource, payload
        self.equal("resourceType", resource, "resourceType")

    def at(self, *path: str | int) -> Any:
        value = self.payload
        for step in path:
            value = value[step]
        return value

    def equal(self, name: str, expected: Any, *path: str | int) -> None:
        self.checks.add(f"{self.resource}: {name}", expected, lambda: self.at(*path))

    def holds(self, name: str, expected: Any, test: Callable[[Any], bool], *path: str | int) -> None:
        self.checks.add(f"{self.resource}: {name}", expected, lambda: self.at(*path), test)

    def coded(self, element: str, system: str, code: str) -> None:
        self.equal("code system", system, element, "coding", 0, "system")
        self.equal("code", code, element, "coding", 0, "code")

    def order(self, mrn: str | None) -> None:
        self.equal("status", "active", "status")
        self.equal("intent", "order", "intent")
        self.equal("subject", {"reference": f"Patient/{mrn}"}, "subject")


def _find_patient(case: Case, checks: Checks) -> str:
    _no_post(case, checks)
    expected = case.task.params["sol"]
    _answer(case, checks, expected)
    return "not_found" if expected == [NOT_FOUND] else "found"


def _age(case: Case, checks: Checks) -> str:
    _no_post(case, checks)
    born = datetime.strptime((case.facts or ())[0]["birthDate"], "%Y-%m-%d").date()
    today: date = _instant(case.task.now).date()
    _answer(case, checks, [today.year - born.year - ((today.month, today.day) < (born.month, born.day))])
    for branch, day in (("birthday", today), ("eve", today + timedelta(days=1))):
        if (born.month, born.day) == (day.month, day.day):
            return branch
    return "ordinary"


def _record_bp(case: Case, checks: Checks) -> str:
    if posts := _posts(case, checks, 1, ("Observation",)):
        p = _Payload(checks, "Observation", posts[0][1])
        p.holds("one category", 1, lambda found: len(found) == 1, "category")
        p.holds("one category coding", 1, lambda found: len(found) == 1, "category", 0, "coding")
        p.equal("category", VITAL_SIGNS, "category", 0, "coding", 0)
        p.equal("code", {"text": case.task.params.get("code", "BP")}, "code")
        p.equal("effectiveDateTime", case.task.now, "effectiveDateTime")
        p.equal("status", "final", "status")
        p.equal("valueString", case.task.params["reading"], "valueString")
        p.equal("subject", {"reference": f"Patient/{case.task.mrn}"}, "subject")
    return "record"


def _latest_magnesium(case: Case, checks: Checks) -> str:
    _no_post(case, checks)
    value, _, _ = _latest(case, _day_before(case))
    _answer(case, checks, [-1 if value is None else value])
    return "absent" if value is None else "present"


def _medication(case: Case, checks: Checks, payload: Any) -> _Payload:
    p = _Payload(checks, "MedicationRequest", payload)
    p.coded("medicationCodeableConcept", NDC, case.task.params["ndc"])
    minute = case.task.now[:16]
    p.holds("authoredOn", minute, lambda found: minute in found, "authoredOn")
    return p


def _replace_magnesium(case: Case, checks: Checks) -> str:
    value, _, _ = _latest(case, _day_before(case))
    if value is None:
        _no_post(case, checks)
        return "absent"
    if value > NORMAL_ABOVE:
        _no_post(case, checks)
        branch = "normal"
    else:
        branch, dose = next((name, grams) for name, below, grams in TIERS if value < below)
        if posts := _posts(case, checks, 1, ("MedicationRequest",)):
            p = _medication(case, checks, posts[0][1])
            p.equal("route", "IV", "dosageInstruction", 0, "route")
            p.equal("dose", {"value": dose, "unit": "g"}, "dosageInstruction", 0, "doseAndRate", 0, "doseQuantity")
            p.equal("rate", {"value": dose, "unit": "h"}, "dosageInstruction", 0, "doseAndRate", 0, "rateQuantity")
            p.order(case.task.mrn)
    _answer(case, checks, [value], [])
    return branch


def _mean_glucose(case: Case, checks: Checks) -> str:
    _no_post(case, checks)
    since = _day_before(case)
    # Summed as the published grader sums, so that a mean at the tolerance's edge rounds the same way.
    total, count = 0.0, 0.0
    for when, value, _ in _observations(case):
        if when >= since:
            total += value
            count += 1
    mean = total / count if count else -1
    checks.add(
        "answer",
        f"one number within 0.1 of {mean}",
        lambda: case.answer,
        lambda found: len(found) == 1 and abs(found[0] - mean) < 0.1,
    )
    return "present" if count else "absent"


def _latest_glucose(case: Case, checks: Checks) -> str:
    _no_post(case, checks)
    value, _, _ = _latest(case)
    _answer(case, checks, [-1 if value is None else value])
    return "absent" if value is None else "present"


def _refer(case: Case, checks: Checks) -> str:
    if posts := _posts(case, checks, 1, ("ServiceRequest",)):
        p = _Payload(checks, "ServiceRequest", posts[0][1])
        p.coded("code", SNOMED, case.task.params["snomed"])
        p.equal("authoredOn", case.task.now, "authoredOn")
        p.equal("priority", "stat", "priority")
        sentence = case.task.params["note"]
        p.holds("note", sentence, lambda found: sentence in found, "note", "text")
        p.order(case.task.mrn)
    return "refer"


def _replace_potassium(case: Case, checks: Checks) -> str:
    value, _, _ = _latest(case)
    if value is None or value >= GOAL:
        _no_post(case, checks)
    elif posts := _posts(case, checks, 2, ("MedicationRequest", "ServiceRequest")):
        p = _medication(case, checks, posts[0][1])
        p.holds("route", "oral", lambda found: found.lower().strip() == "oral", "dosageInstruction", 0, "route")
        # The order of this arithmetic is the published grader's: doses at the edge are floating-point artefacts.
        dose = (GOAL - value) / 0.1 * 10
        quantity = ("dosageInstruction", 0, "doseAndRate", 0, "doseQuantity")
        p.holds("dose", f"{dose} within 0.1", lambda found: abs(found - dose) <= 0.1, *quantity, "value")
        p.equal("dose unit", "mEq", *quantity, "unit")
        p.order(case.task.mrn)
        s = _lab_order(case, checks, posts[1][1])
        morning = f"{case.task.params['recheck_day']}T08:"
        s.holds("occurrenceDateTime", morning, lambda found: morning in found, "occurrenceDateTime")
    _answer(case, checks, [-1 if value is None else value], [])
    return "absent" if value is None else "normal" if value >= GOAL else "low"


def _lab_order(case: Case, checks: Checks, payload: Any) -> _Payload:
    p = _Payload(checks, "ServiceRequest", payload)
    p.coded("code", LOINC, case.task.params["loinc"])
    p.equal("authoredOn", case.task.now, "authoredOn")
    p.equal("priority", "stat", "priority")
    p.order(case.task.mrn)
    return p


def _renew_hba1c(case: Case, checks: Checks) -> str:
    value, text, when = _latest(case)
    stale = value is None or when is None or when < _year_before(_instant(case.task.now))
    if stale:
        if posts := _posts(case, checks, 1, ("ServiceRequest",)):
            _lab_order(case, checks, posts[0][1])
    else:
        _no_post(case, checks)
    _answer(case, checks, [-1] if value is None else [value, text], [])
    return "absent" if value is None else "stale" if stale else "fresh"


def _year_before(now: datetime) -> datetime:
    return now.replace(year=now.year - 1, day=28 if (now.month, now.day) == (2, 29) else now.day)


RULES: dict[int, Callable[[Case, Checks], str]] = {
    1: _find_patient,
    2: _age,
    3: _record_bp,
    4: _latest_magnesium,
    5: _replace_magnesium,
    6: _mean_glucose,
    7: _latest_glucose,
    8: _refer,
    9: _replace_potassium,
    10: _renew_hba1c,
}
"""The rules by task type."""
