"""What an answer or order of a task rests on, and so what an episode must have been shown before it.

A task type names one of these needs; the strict grader (`medenv.grading.strict.evidence`) judges whether it was met.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

__all__ = ["Need", "NoSuchPatient", "Nothing", "PatientByName", "PatientElements", "Results"]


@dataclass(frozen=True, slots=True)
class Nothing:
    """The instruction holds everything."""


@dataclass(frozen=True, slots=True)
class PatientElements:
    """The patient's resource, read or found by its MRN, with some elements.

    Attributes:
        elements: Their names, e.g. ``birthDate``.
    """

    elements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PatientByName:
    """The patient's resource with name and birth date, by which the instruction names them."""


@dataclass(frozen=True, slots=True)
class NoSuchPatient:
    """Searches that would have shown a patient of the name and birth date that the instruction gives, had there been one."""


@dataclass(frozen=True, slots=True)
class Results:
    """Results of the laboratory code in `Task.params`, and that no other would change the answer.

    Attributes:
        window: How long before the present a result still counts; None for however long.
        every: Whether all results that count decide, and not the newest of them alone.
    """

    window: timedelta | None = None
    every: bool = False


Need = Nothing | PatientElements | PatientByName | NoSuchPatient | Results
"""What a task's answer or order rests on."""
