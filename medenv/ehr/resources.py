"""Builders of the chart's FHIR resources, with the elements and the key order that the official server serves.

Shapes: official server as described in MedAgentBench's data (Patient, lab and vital Observation, Condition, Procedure, MedicationRequest).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from medenv.fhir.jsontext import Number

__all__ = ["Person", "condition", "lab", "medication_request", "patient", "procedure", "timestamp", "vital"]

Resource = dict[str, Any]

_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
_US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"


@dataclass(frozen=True, slots=True)
class Person:
    """Who a patient is.

    Attributes:
        mrn: ``S`` and seven digits, also the Patient's id.
        given: Given name.
        family: Family name.
        gender: ``female`` or ``male``.
        birthdate: ISO date.
        race: Code and display of OMB race.
        ethnicity: Code and display of OMB ethnicity.
        phone: Home telephone.
        address: A FHIR Address.
    """

    mrn: str
    given: str
    family: str
    gender: str
    birthdate: str
    race: tuple[str, str]
    ethnicity: tuple[str, str]
    phone: str
    address: Mapping[str, Any] = field(default_factory=dict)


def timestamp(at: datetime | str) -> str:
    """Return an instant to the second with its offset, as charts write it; a text stays as it is."""
    return at if isinstance(at, str) else at.isoformat(timespec="seconds")


def _coding(system: str, code: str, display: str) -> dict[str, str]:
    return {"system": system, "code": code, "display": display}


def _subject(mrn: str) -> dict[str, Any]:
    return {"reference": f"Patient/{mrn}", "identifier": {"system": _TERMINOLOGY + "v2-0203", "value": mrn}}


def patient(person: Person) -> Resource:
    """Return a Patient."""

    def extension(name: str, value_set: str, pair: tuple[str, str]) -> Resource:
        coding = _coding(f"http://hl7.org/fhir/v3/{value_set}", *pair)
        return {"url": _US_CORE + name, "valueCodeableConcept": {"coding": [coding]}}

    return {
        "resourceType": "Patient",
        "id": person.mrn,
        "extension": [
            extension("us-core-race", "Race", person.race),
            extension("us-core-ethnicity", "Ethnicity", person.ethnicity),
        ],
        "identifier": [
            {
                "use": "usual",
                "type": {"coding": [_coding(_TERMINOLOGY + "v2-0203", "MR", "Medical Record Number")]},
                "value": person.mrn,
            }
        ],
        "name": [{"use": "official", "family": person.family, "given": [person.given]}],
        "telecom": [{"system": "phone", "value": person.phone, "use": "home"}],
        "gender": person.gender,
        "birthDate": person.birthdate,
        "address": [dict(person.address)],
    }


def lab(
    mrn: str, code: str, unit: str, value: str, at: datetime | str, issued: datetime | str, flag: str | None = None
) -> Resource:
    """Return a laboratory Observation.

    Args:
        mrn: The patient.
        code: The laboratory's base name, e.g. ``K``.
        unit: UCUM unit.
        value: The number as it is to be written, trailing zeros included.
        at: When it was drawn.
        issued: When the result came.
        flag: ``HIGH`` or ``LOW`` if abnormal.
    """
    category = _coding(_TERMINOLOGY + "observation-category", "laboratory", "Laboratory")
    resource: Resource = {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [category]}],
        "code": {"coding": [_coding("http://loinc.org", code, code)], "text": code},
        "subject": _subject(mrn),
        "effectiveDateTime": timestamp(at),
        "issued": timestamp(issued),
        "valueQuantity": {
            "value": Number(value),
            "unit": unit,
            "system": "http://unitsofmeasure.org",
            "code": unit,
        },
    }
    if flag:
        coding = _coding(_TERMINOLOGY + "v3-ObservationInterpretation", flag, flag.capitalize())
        resource["interpretation"] = [{"coding": [coding]}]
    return resource


def vital(mrn: str, name: str, value: str, at: datetime | str) -> Resource:
    """Return a vital-sign Observation: named by text alone, its value a string, without a status."""
    category = _coding("http://hl7.org/fhir/observation-category", "vital-signs", "Vital Signs")
    return {
        "resourceType": "Observation",
        "category": [{"coding": [category]}],
        "code": {"text": name},
        "subject": _subject(mrn),
        "effectiveDateTime": timestamp(at),
        "valueString": value,
    }


def condition(mrn: str, code: str, display: str, onset: datetime | str) -> Resource:
    """Return a Condition with an ICD-10 code."""
    return {
        "resourceType": "Condition",
        "code": {"coding": [_coding("http://hl7.org/fhir/sid/icd-10", code, display)]},
        "subject": _subject(mrn),
        "onsetDateTime": timestamp(onset),
        "recordedDate": timestamp(onset),
    }


def procedure(mrn: str, code: str, display: str, at: datetime | str) -> Resource:
    """Return a Procedure with a CPT code or an order id, without a status."""
    return {
        "resourceType": "Procedure",
        "code": {"coding": [_coding("http://www.ama-assn.org/go/cpt", code, display)], "text": display},
        "subject": _subject(mrn),
        "performedDateTime": timestamp(at),
    }


def medication_request(
    mrn: str, name: str, status: str, at: datetime | str, timing: str, route: str, dose: tuple[str, str] | None
) -> Resource:
    """Return a MedicationRequest that names its drug by text; `dose` is number and unit, None where the order gives none."""
    dosage: Resource = {"timing": {"code": {"text": timing}}, "route": {"text": route}}
    if dose is not None:
        value, unit = dose
        dosage["doseAndRate"] = [{"doseQuantity": {"value": Number(value), "unit": unit}}]
    return {
        "resourceType": "MedicationRequest",
        "status": status,
        "intent": "order",
        "medicationCodeableConcept": {"text": name},
        "subject": _subject(mrn),
        "authoredOn": timestamp(at),
        "dosageInstruction": [dosage],
    }
