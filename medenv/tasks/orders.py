"""The payloads that the benchmark's action tasks ask for, in the shape that the official graders accept.

Spellings such as the bare ``route`` and the ``note`` object follow the official function list; HAPI accepts them too.
"""

from __future__ import annotations

from typing import Any

__all__ = ["BLOOD_PRESSURE", "LOINC", "NDC", "SNOMED", "blood_pressure", "magnesium", "potassium", "service_request"]

NDC = "http://hl7.org/fhir/sid/ndc"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
BLOOD_PRESSURE = "BP"
"""The flowsheet id of blood pressure."""
VITAL_SIGNS = {"system": "http://hl7.org/fhir/observation-category", "code": "vital-signs", "display": "Vital Signs"}


def _number(value: float) -> int | float:
    """A dose as one writes it: 20 rather than 20.0, and no floating-point tail."""
    rounded = round(value, 4)
    return int(rounded) if rounded == int(rounded) else rounded


def _subject(mrn: str) -> dict[str, str]:
    return {"reference": f"Patient/{mrn}"}


def blood_pressure(mrn: str, reading: str, now: str) -> dict[str, Any]:
    """An Observation that records a blood pressure.

    Args:
        mrn: The patient's MRN.
        reading: What was measured, e.g. ``121/76 mmHg``.
        now: When, ISO 8601 with an offset.
    """
    return {
        "resourceType": "Observation",
        "category": [{"coding": [dict(VITAL_SIGNS)]}],
        "code": {"text": BLOOD_PRESSURE},
        "effectiveDateTime": now,
        "status": "final",
        "valueString": reading,
        "subject": _subject(mrn),
    }


def _medication_request(mrn: str, ndc: str, now: str, dosage: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "medicationCodeableConcept": {"coding": [{"system": NDC, "code": ndc}]},
        "authoredOn": now,
        "dosageInstruction": [dosage],
        "status": "active",
        "intent": "order",
        "subject": _subject(mrn),
    }


def magnesium(mrn: str, ndc: str, now: str, grams: float) -> dict[str, Any]:
    """A MedicationRequest for IV magnesium, one gram an hour.

    Args:
        mrn: The patient's MRN.
        ndc: The product's National Drug Code.
        now: When it is ordered.
        grams: The dose in grams, which is also its duration in hours.
    """
    dose = _number(grams)
    quantities = {"doseQuantity": {"value": dose, "unit": "g"}, "rateQuantity": {"value": dose, "unit": "h"}}
    return _medication_request(mrn, ndc, now, {"route": "IV", "doseAndRate": [quantities]})


def potassium(mrn: str, ndc: str, now: str, milliequivalents: float) -> dict[str, Any]:
    """A MedicationRequest for oral potassium, the dose in mEq."""
    dose = {"doseQuantity": {"value": _number(milliequivalents), "unit": "mEq"}}
    return _medication_request(mrn, ndc, now, {"route": "oral", "doseAndRate": [dose]})


def service_request(
    mrn: str, system: str, code: str, now: str, *, note: str | None = None, occurrence: str | None = None
) -> dict[str, Any]:
    """A stat ServiceRequest: a referral or a laboratory order.

    Args:
        mrn: The patient's MRN.
        system: The code's system, `LOINC` or `SNOMED`.
        code: What is ordered.
        now: When it is ordered.
        note: Free text that goes with it.
        occurrence: When it is to happen, ISO 8601 with an offset.
    """
    order: dict[str, Any] = {
        "resourceType": "ServiceRequest",
        "code": {"coding": [{"system": system, "code": code}]},
        "authoredOn": now,
        "status": "active",
        "intent": "order",
        "priority": "stat",
        "subject": _subject(mrn),
    }
    if note is not None:
        order["note"] = {"text": note}
    if occurrence is not None:
        order["occurrenceDateTime"] = occurrence
    return order
