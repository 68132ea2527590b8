"""Task type 3: record a blood pressure that was just taken.

One branch: the chart does not matter but for who is meant, where the instruction names the patient without the MRN.
"""

from __future__ import annotations

import random
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from medenv.tasks.base import NOTHING_ASKED, AnyPatientTask, Branch, Gold
from medenv.tasks.instruction import gives_mrn, mrn_in, now_in
from medenv.tasks.official_rule import OfficialCase, OfficialChecks, PayloadChecks, accepted_posts
from medenv.tasks.orders import LOINC, NOW, SNOMED, VITAL_SIGNS, Fault, OrderContext, OrderWording, Rule
from medenv.tasks.orders.observation import VITAL_SIGN_WORDS, observation
from medenv.tasks.orders.payloads import subject
from medenv.tasks.orders.quantities import quantity
from medenv.tasks.orders.rules import codes_among, fields, neutral
from medenv.tasks.orders.wording import words
from medenv.tasks.patients import patient_of
from medenv.tasks.reference import act, finish
from medenv.tasks.scenarios import Scenario, Subject
from medenv.tasks.task import Task

__all__ = ["RecordBloodPressure", "blood_pressure"]

_FLOWSHEET_ID = "BP"
_READING = re.compile(r"\d{2,3}/\d{2,3} mmHg")
_SPELT = re.compile(r"\s*(\d{1,3})\s*/\s*(\d{1,3})\s*(?:mm\s*\[?hg\]?)?\s*", re.IGNORECASE)
_PARTS = {"8480-6": 0, "8462-4": 1}
"""LOINC codes of systolic and diastolic pressure, and their places in a reading."""
_WORDS = VITAL_SIGN_WORDS | words("pressure bp panel")


class RecordBloodPressure(AnyPatientTask):
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
        'Please chart a blood pressure of "{reading}", taken just now, for {who}.',
        'The blood pressure of {who} is "{reading}" right now; file it in the flowsheet.',
        'I have just taken a blood pressure of "{reading}" for {who}. Enter it, please.',
        'New vital sign for {who}: blood pressure "{reading}", measured at this moment. Add it to the chart.',
        'Put down "{reading}" as the present blood pressure of {who}.',
    )
    rules = (
        "Blood pressure has the flowsheet ID BP.",
        "The value is the quoted text, unit included, measured at the present time.",
        NOTHING_ASKED,
    )
    scenarios = (
        Scenario("record", 15, name="by MRN"),
        Scenario("record", 8, named=True, name="by name"),
        Scenario("record", 7, named=True, doubles=2, name="by name, doubles"),
    )

    def draw_params(self, scenario: Scenario, subject: Subject, now: datetime, rng: random.Random) -> dict[str, Any]:
        """Draw a reading."""
        systolic = rng.randrange(88, 192)
        below = rng.randrange(32, 68) if systolic < 130 else rng.randrange(44, 90)
        return {"reading": f"{systolic}/{systolic - below} mmHg"}

    def gold(self, task: Task, facts: Sequence[Mapping[str, Any]]) -> Gold:
        """Return one Observation; the answer is not looked at."""
        return Gold("record", [], [blood_pressure(patient_of(task, facts), task.params["reading"], task.now)])

    def order_rule(self, task: Task, order: Mapping[str, Any]) -> Rule:
        """Return the rule for an Observation of this reading: as text or as two components."""
        return _rule(task.params["reading"])

    def order_wording(self, task: Task, order: Mapping[str, Any]) -> OrderWording:
        """Allow the reading, and words about a measurement."""
        found = _pressures(task.params["reading"])
        said = tuple(
            f"{upper:g}{slash}{lower:g}{unit}"
            for upper, lower in ([] if found is None else [found])
            for slash in ("/", " / ")
            for unit in ("", " mmhg", "mmhg")
        )
        return OrderWording(_WORDS, once=(said, NOW))

    def official_verdict(self, case: OfficialCase, checks: OfficialChecks) -> str:
        """Compare the one payload element by element."""
        if posts := accepted_posts(case, checks, 1, ("Observation",)):
            found = PayloadChecks(checks, "Observation", posts[0][1])
            found.holds("one category", 1, lambda value: len(value) == 1, "category")
            found.holds("one category coding", 1, lambda value: len(value) == 1, "category", 0, "coding")
            found.equal("category", VITAL_SIGNS, "category", 0, "coding", 0)
            found.equal("code", {"text": case.task.params.get("code", _FLOWSHEET_ID)}, "code")
            found.equal("effectiveDateTime", case.task.now, "effectiveDateTime")
            found.equal("status", "final", "status")
            found.equal("valueString", case.task.params["reading"], "valueString")
            found.equal("subject", {"reference": f"Patient/{case.task.mrn}"}, "subject")
        return "record"

    def blind(self, task: Task, base: str = "") -> Generator[str, str, None]:
        """Fill the template from the instruction; without an MRN in it there is nothing to fill it with."""
        if not gives_mrn(task):
            yield finish([])
            return
        match = _READING.search(task.instruction)
        if match is None:
            raise ValueError(f"no blood pressure in {task.instruction!r}")
        payload = blood_pressure(mrn_in(task), match.group(0), now_in(task))
        yield from act([payload], [], base)


def blood_pressure(mrn: str, reading: str, now: str) -> dict[str, Any]:
    """Return an Observation that records a blood pressure.

    Args:
        mrn: The patient's MRN.
        reading: What was measured, e.g. ``121/76 mmHg``.
        now: When, ISO 8601 with an offset.
    """
    return {
        "resourceType": "Observation",
        "category": [{"coding": [dict(VITAL_SIGNS)]}],
        "code": {"text": _FLOWSHEET_ID},
        "effectiveDateTime": now,
        "status": "final",
        "valueString": reading,
        "subject": subject(mrn),
    }


def _pressures(text: Any) -> tuple[float, float] | None:
    """Return systolic and diastolic pressure from a text such as ``118/77 mmHg``, None if it is no such text."""
    match = _SPELT.fullmatch(text) if isinstance(text, str) else None
    return (float(match[1]), float(match[2])) if match else None


_PANEL = codes_among(
    lambda context: {(None, _FLOWSHEET_ID), (LOINC, "85354-9"), (LOINC, "55284-4"), (SNOMED, "75367002")},
    named="panel with all children optional mean",
)


def _code(value: Any, context: OrderContext) -> Iterator[Fault]:
    """Judge what was measured: the flowsheet's id, or the code of a blood pressure panel."""
    yield from _PANEL(value, context)
    if isinstance(value, Mapping) and value.get("text") != _FLOWSHEET_ID and not value.get("coding"):
        yield "", _FLOWSHEET_ID, value


def _component(code: str, named: str) -> Rule:
    return fields(
        {
            "code": codes_among(lambda context: {(LOINC, code)}, demanded=True, named=named),
            "valueQuantity": neutral,  # `_rule` judges both values together
        },
        demanded=("code", "valueQuantity"),
    )


_COMPONENTS = [
    _component(code, f"{part} blood pressure bp") for code, part in zip(_PARTS, ("systolic", "diastolic"), strict=True)
]


def _rule(reading: str) -> Rule:
    """Return the rule for an Observation of a reading."""
    wanted = _pressures(reading)

    def text(value: Any, context: OrderContext) -> Iterator[Fault]:
        if _pressures(value) != wanted:
            yield "", reading, value

    def components(value: Any, context: OrderContext) -> Iterator[Fault]:
        """Judge components: systolic and diastolic pressure, each once."""
        found: dict[int, Any] = {}
        for one in value if isinstance(value, list) else [value]:
            codings = (one.get("code") or {}).get("coding", []) if isinstance(one, Mapping) else []
            places = {_PARTS[coding["code"]] for coding in codings if coding.get("code") in _PARTS}
            yield from _COMPONENTS[min(places, default=0)](one, context)
            amount = quantity(one.get("valueQuantity")) if isinstance(one, Mapping) else None
            right = len(places) == 1 and amount is not None and amount[1] == "mmHg"
            if not right or amount is None or found.setdefault(min(places), amount[0]) != amount[0]:
                yield "", "systolic and diastolic pressure in mmHg", one
        if found != dict(enumerate(wanted or ())):
            yield "", reading, value

    return observation(_code, {"valueString": text, "component": components}, reading)
