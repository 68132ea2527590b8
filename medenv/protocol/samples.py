"""Random agent texts: mostly well-formed actions, now and then a malformed one.

The action space samples from here, and so does the random policy.
"""

from __future__ import annotations

import json
import random

__all__ = ["random_action"]

_CODES = ("K", "MG", "GLU", "A1C", "NA", "BP", "2823-3")
_SEARCHES = (
    "Patient?identifier={mrn}",
    "Patient?name={word}",
    "Patient/{mrn}",
    "Observation?patient={mrn}&code={code}",
    "Observation?patient={mrn}&code={code}&_sort=-date&_count={n}",
    "Observation?patient={mrn}&category=vital-signs",
    "Observation?patient={mrn}&code={code}&date=ge2023-11-{day:02d}",
    "Condition?patient={mrn}",
    "MedicationRequest?patient={mrn}&_count={n}",
    "Procedure?patient={mrn}&date=le2023-11-{day:02d}",
)
_WORDS = ("Smith", "Maria", "Lee", "Stone", "Ana")
_TEXTS = ("", "I will look at the chart first.", "get Patient/S1", "FINISH", "DELETE Patient/S1")


def random_action(rng: random.Random, mrn: str | None = None) -> str:
    """One agent text.

    Args:
        rng: Where randomness comes from.
        mrn: The patient to act on; a random MRN if None.
    """
    patient = mrn or f"S{rng.randrange(10**7):07d}"
    kind = rng.random()
    if kind < 0.6:
        search = rng.choice(_SEARCHES)
        filled = search.format(
            mrn=patient, code=rng.choice(_CODES), word=rng.choice(_WORDS), n=rng.randint(1, 50), day=rng.randint(1, 30)
        )
        return f"GET {filled}"
    if kind < 0.75:
        return f"POST ServiceRequest\n{json.dumps(_order(rng, patient))}"
    if kind < 0.95:
        return f"FINISH({json.dumps(rng.choice(([], [-1], [rng.randint(1, 300)], [round(rng.uniform(1, 9), 1)], [patient])))})"
    return rng.choice(_TEXTS)


def _order(rng: random.Random, patient: str) -> dict[str, object]:
    return {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "code": {"coding": [{"system": "http://loinc.org", "code": rng.choice(_CODES)}]},
        "subject": {"reference": f"Patient/{patient}"},
    }
