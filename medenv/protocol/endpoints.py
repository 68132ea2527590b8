"""The nine FHIR endpoints an agent is told of, as data from which instructions and function schemas are written.

Which endpoints there are, and their parameters, is MedAgentBench's function list; the descriptions are our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["ENDPOINTS", "Endpoint", "Parameter"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One search parameter, or one element of a resource to post.

    Attributes:
        name: The parameter's or element's name.
        description: What it holds.
        required: Whether the request must have it.
        example: A JSON text (elements) that shows the form; empty for search parameters.
        repeats: Whether a request may give it more than once.
    """

    name: str
    description: str
    required: bool = False
    example: str = ""
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing an agent can ask of the server.

    Attributes:
        name: Its name as a native function.
        method: ``GET`` or ``POST``.
        resource: The FHIR resource type.
        title: What it is for, in a few words.
        description: The same in a sentence or two.
        parameters: Search parameters (GET) or elements of the body (POST).
    """

    name: str
    method: str
    resource: str
    title: str
    description: str
    parameters: Sequence[Parameter]


_PATIENT = Parameter("patient", "the patient's id (the MRN)", required=True)
_SUBJECT = Parameter("subject", "whom it is for", True, '{"reference": "Patient/MRN"}')
_AUTHORED = Parameter(
    "authoredOn", "when the order is signed: date, time and offset", True, '"2020-01-31T08:30:00+00:00"'
)
_ACTIVE = Parameter("status", "active", True, '"active"')
_ORDER = Parameter("intent", "order", True, '"order"')

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "find_patients",
        "GET",
        "Patient",
        "find patients",
        "Patients with their demographics.",
        (
            Parameter("identifier", "the medical record number (MRN)"),
            Parameter("family", "last name"),
            Parameter("given", "first name"),
            Parameter("name", "one part of the name"),
            Parameter("birthdate", "date of birth, YYYY-MM-DD"),
            Parameter("gender", "male, female, other or unknown"),
            Parameter("telecom", "phone number"),
            Parameter("address", "any part of the address"),
            Parameter("address-city", "city"),
            Parameter("address-state", "state"),
            Parameter("address-postalcode", "postal code"),
        ),
    ),
    Endpoint(
        "find_lab_results",
        "GET",
        "Observation",
        "laboratory results",
        "Laboratory values with unit and time.",
        (
            _PATIENT,
            Parameter("code", "which test, by its short name in this hospital", required=True),
            Parameter(
                "date",
                "when it was taken; prefixes such as ge and le bound a range, and the parameter may be repeated",
                repeats=True,
            ),
        ),
    ),
    Endpoint(
        "find_vital_signs",
        "GET",
        "Observation",
        "vital signs",
        "Vital signs from the flowsheets.",
        (
            _PATIENT,
            Parameter("category", "vital-signs", required=True),
            Parameter("date", "when it was taken, as above", repeats=True),
        ),
    ),
    Endpoint(
        "find_problems",
        "GET",
        "Condition",
        "problem list",
        "The patient's diagnoses.",
        (_PATIENT, Parameter("category", "problem-list-item")),
    ),
    Endpoint(
        "find_medication_orders",
        "GET",
        "MedicationRequest",
        "medication orders",
        "What has been prescribed.",
        (
            _PATIENT,
            Parameter("category", "which kind of order"),
            Parameter("date", "when it is to be given", repeats=True),
        ),
    ),
    Endpoint(
        "find_procedures",
        "GET",
        "Procedure",
        "procedures",
        "What has been done.",
        (_PATIENT, Parameter("date", "when it was done", required=True, repeats=True), Parameter("code", "CPT code")),
    ),
    Endpoint(
        "record_vital_sign",
        "POST",
        "Observation",
        "record a vital sign",
        "Files one measurement in the chart.",
        (
            Parameter("resourceType", "Observation", True, '"Observation"'),
            Parameter(
                "category",
                "vital signs",
                True,
                '[{"coding": [{"system": "http://hl7.org/fhir/observation-category", "code": "vital-signs", '
                '"display": "Vital Signs"}]}]',
            ),
            Parameter("code", "what was measured, by its flowsheet id", True, '{"text": "FLOWSHEET ID"}'),
            Parameter("effectiveDateTime", "when it was measured", True, '"2020-01-31T08:30:00+00:00"'),
            Parameter("status", "final", True, '"final"'),
            Parameter("valueString", "the measurement as written", True, '"72 bpm"'),
            _SUBJECT,
        ),
    ),
    Endpoint(
        "order_medication",
        "POST",
        "MedicationRequest",
        "order a medication",
        "Orders one medication.",
        (
            Parameter("resourceType", "MedicationRequest", True, '"MedicationRequest"'),
            Parameter(
                "medicationCodeableConcept",
                "which drug",
                True,
                '{"coding": [{"system": "http://hl7.org/fhir/sid/ndc", "code": "NDC", "display": "name"}], "text": "name"}',
            ),
            _AUTHORED,
            Parameter(
                "dosageInstruction",
                "route as plain text, dose, and for an infusion its duration as rate",
                True,
                '[{"route": "ROUTE", "doseAndRate": [{"doseQuantity": {"value": 5, "unit": "mg"}, '
                '"rateQuantity": {"value": 3, "unit": "h"}}]}]',
            ),
            _ACTIVE,
            _ORDER,
            _SUBJECT,
        ),
    ),
    Endpoint(
        "order_service",
        "POST",
        "ServiceRequest",
        "order a test or a referral",
        "Orders one service.",
        (
            Parameter("resourceType", "ServiceRequest", True, '"ServiceRequest"'),
            Parameter(
                "code", "which service", True, '{"coding": [{"system": "SYSTEM", "code": "CODE", "display": "name"}]}'
            ),
            _AUTHORED,
            _ACTIVE,
            _ORDER,
            Parameter("priority", "stat", True, '"stat"'),
            _SUBJECT,
            Parameter("note", "free text", False, '{"text": "..."}'),
            Parameter("occurrenceDateTime", "when it is to be done", False, '"2020-02-01T08:30:00+00:00"'),
        ),
    ),
)
"""The endpoints, searches first. ``SYSTEM`` is http://loinc.org for laboratory tests and http://snomed.info/sct for referrals."""
