"""Orders and results that tasks demand: how their payloads are written, and what a stored one may say to be the same order."""

from medenv.tasks.orders.context import NOW, OrderContext, OrderWording, order_context
from medenv.tasks.orders.medication import MEDICATION, MEDICATION_WORDS
from medenv.tasks.orders.observation import VITAL_SIGN_WORDS, vital_sign
from medenv.tasks.orders.payloads import LOINC, NDC, SNOMED, VITAL_SIGNS, medication_request, service_request
from medenv.tasks.orders.rules import Fault, Rule
from medenv.tasks.orders.service import LABORATORY_WORDS, SERVICE

__all__ = [
    "LOINC",
    "MEDICATION",
    "NDC",
    "NOW",
    "SERVICE",
    "SNOMED",
    "USUAL_WORDS",
    "VITAL_SIGNS",
    "Fault",
    "OrderContext",
    "OrderWording",
    "Rule",
    "medication_request",
    "order_context",
    "service_request",
    "vital_sign",
]

USUAL_WORDS = {
    "MedicationRequest": MEDICATION_WORDS,
    "Observation": VITAL_SIGN_WORDS,
    "ServiceRequest": LABORATORY_WORDS,
}
"""By resource type, words that may stand beside an order or a result of this kind."""
