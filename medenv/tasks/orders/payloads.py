"""The payloads of orders that tasks ask for, in the shape that the official graders accept.

Spellings such as the bare ``route`` and the ``note`` object follow the official function list; HAPI accepts them too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["LOINC", "NDC", "SNOMED", "VITAL_SIGNS", "dose_number", "medication_request", "service_request", "subject"]

NDC = "http://hl7.org/fhir/sid/ndc"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
VITAL_SIGNS = {"system": "http://hl7.org/fhir/observation-category", "code": "vital-signs", "display": "Vital Signs"}


def dose_number(value: float) -> int | float:
    """Return a dose as one writes it: 20 rather than 20.0, and no floating-point tail."""
    rounded = round(value, 4)
    return int(rounded) if rounded == int(rounded) else rounded


def subject(mrn: str) -> dict[str, str]:
    """Return the reference to a patient."""
    return {"reference": f"Patient/{mrn}"}


def medication_request(mrn: str, ndc: str, now: str, dosage: Mapping[str, Any]) -> dict[str, Any]:
    """Return an active MedicationRequest.

    Args:
        mrn: The patient's MRN.
        ndc: The product's National Drug Code.
        now: When it is ordered, ISO 8601 with an offset.
        dosage: The one dosageInstruction: a bare ``route`` and one ``doseAndRate``.
    """
    return {
        "resourceType": "MedicationRequest",
        "medicationCodeableConcept": {"coding": [{"system": NDC, "code": ndc}]},
        "authoredOn": now,
        "dosageInstruction": [dict(dosage)],
        "status": "active",
        "intent": "order",
        "subject": subject(mrn),
    }


def service_request(
    mrn: str, system: str, code: str, now: str, *, note: str | None = None, occurrence: str | None = None
) -> dict[str, Any]:
    """Return a stat ServiceRequest: a referral or a laboratory order.

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
        "subject": subject(mrn),
    }
    if note is not None:
        order["note"] = {"text": note}
    if occurrence is not None:
        order["occurrenceDateTime"] = occurrence
    return order
