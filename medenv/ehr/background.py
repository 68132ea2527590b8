"""What else a chart holds: diagnoses, procedures, medication, vital signs and labs that no question turns on.

Codes are real (ICD-10, CPT, order ids in the official style); which patient has which is chance.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from medenv.ehr.labs import VITALS
from medenv.ehr.resources import Resource, condition, medication_request, procedure, vital
from medenv.ehr.series import HISTORY, Series, shuffled

__all__ = ["conditions", "medication", "other_labs", "procedures", "vitals"]

_DIAGNOSES = (
    ("I10", "Essential hypertension"),
    ("E11.9", "Type 2 diabetes mellitus"),
    ("E78.5", "Hyperlipidemia"),
    ("N18.30", "Chronic kidney disease, stage 3"),
    ("I50.9", "Heart failure"),
    ("J44.9", "Chronic obstructive pulmonary disease"),
    ("I48.91", "Atrial fibrillation"),
    ("K21.9", "Gastro-esophageal reflux"),
    ("D64.9", "Anemia"),
    ("F32.9", "Depression, single episode"),
    ("M17.11", "Osteoarthritis of right knee"),
    ("E03.9", "Hypothyroidism"),
    ("J18.9", "Pneumonia"),
    ("N39.0", "Urinary tract infection"),
    ("E87.6", "Hypokalemia"),
    ("E83.42", "Hypomagnesemia"),
    ("K57.30", "Diverticulosis of large intestine"),
    ("G47.33", "Obstructive sleep apnea"),
    ("S83.512A", "Sprain of left anterior cruciate ligament"),
    ("Z79.4", "Long-term use of insulin"),
)
_PROCEDURES = (
    ("71046", "Chest X-ray, two views"),
    ("93000", "Electrocardiogram, twelve leads"),
    ("74177", "CT of abdomen and pelvis with contrast"),
    ("45378", "Colonoscopy, diagnostic"),
    ("93306", "Echocardiography, complete"),
    ("80053", "Comprehensive metabolic panel"),
    ("85025", "Complete blood count with differential"),
    ("73721", "MRI of a lower-limb joint"),
    ("36556", "Central venous catheter"),
    ("97110", "Therapeutic exercises"),
    ("LABPTT", "Partial thromboplastin time"),
    ("NURTELE", "Telemetry"),
)
_DRUGS: tuple[tuple[str, str, str, tuple[str, str] | None], ...] = (
    ("Lisinopril 10 mg tablet", "Daily", "Oral", ("10", "mg")),
    ("Metformin 500 mg tablet", "Twice daily", "Oral", ("500", "mg")),
    ("Atorvastatin 40 mg tablet", "At bedtime", "Oral", ("40", "mg")),
    ("Furosemide 20 mg tablet", "Daily", "Oral", ("20", "mg")),
    ("Insulin glargine 100 units/mL", "At bedtime", "Subcutaneous", ("14", "Units")),
    ("Insulin lispro sliding scale", "With meals", "Subcutaneous", None),
    ("Pantoprazole 40 mg tablet", "Daily", "Oral", ("40", "mg")),
    ("Ceftriaxone 1 g in 50 mL", "Daily", "Intravenous", ("1", "g")),
    ("Acetaminophen 500 mg tablet", "Every 6 hours as needed", "Oral", ("500", "mg")),
    ("Levothyroxine 75 mcg tablet", "Daily", "Oral", ("75", "mcg")),
    ("Heparin 5000 units/mL", "Every 8 hours", "Subcutaneous", ("5000", "Units")),
    ("Sodium chloride 0.9 % infusion", "Continuous", "Intravenous", None),
)
_STATUSES = ("active", "active", "completed", "stopped")
_MINUTES = int(HISTORY / timedelta(minutes=1))


def _times(count: int, now: datetime, rng: random.Random, within: int = _MINUTES) -> list[datetime]:
    """Distinct times up to `within` minutes before now."""
    return [now - timedelta(minutes=minutes) for minutes in rng.sample(range(30, within), count)]


def _listed(resources: list[Resource], key: str, rng: random.Random) -> list[Resource]:
    return shuffled(resources, rng, lambda resource: resource[key])


def conditions(mrn: str, now: datetime, rng: random.Random) -> list[Resource]:
    """A problem list of 4 to 9 diagnoses."""
    count = rng.randrange(4, 10)
    pairs = zip(rng.sample(_DIAGNOSES, count), _times(count, now, rng), strict=True)
    return _listed([condition(mrn, code, display, at) for (code, display), at in pairs], "onsetDateTime", rng)


def procedures(mrn: str, now: datetime, rng: random.Random) -> list[Resource]:
    """6 to 12 procedures."""
    times = _times(rng.randrange(6, 13), now, rng)
    return _listed([procedure(mrn, *rng.choice(_PROCEDURES), at) for at in times], "performedDateTime", rng)


def medication(mrn: str, now: datetime, rng: random.Random) -> list[Resource]:
    """3 to 8 medication orders."""
    count = rng.randrange(3, 9)
    orders = [
        medication_request(mrn, name, rng.choice(_STATUSES), at, timing, route, dose)
        for (name, timing, route, dose), at in zip(rng.sample(_DRUGS, count), _times(count, now, rng), strict=True)
    ]
    return _listed(orders, "authoredOn", rng)


def vitals(mrn: str, now: datetime, rng: random.Random) -> Iterator[Resource]:
    """5 to 8 readings of every vital sign in the last ten days."""
    for name, draw in VITALS.items():
        times = _times(rng.randrange(5, 9), now, rng, within=10 * 24 * 60)
        yield from _listed([vital(mrn, name, draw(rng), at) for at in times], "effectiveDateTime", rng)


def other_labs(rng: random.Random, known: set[str], codes: list[str]) -> dict[str, Series]:
    """Short series for the codes that a chart has no plan for."""
    return {
        code: Series(age=timedelta(minutes=rng.randrange(40, 4 * 24 * 60)), count=rng.randrange(4, 9))
        for code in codes
        if code not in known
    }
