"""Laboratory codes that tasks may ask about: units, reference ranges, and how plausible values are drawn.

Codes are the base names that the official charts use instead of LOINC numbers.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

__all__ = ["LABS", "Lab"]


@dataclass(frozen=True, slots=True)
class Lab:
    """A laboratory code.

    Attributes:
        code: Base name.
        unit: UCUM unit.
        low: Lower limit of the reference range.
        high: Upper limit.
        centre: The commonest value.
        spread: Standard deviation.
        step: 1.0 where results are whole numbers; results are written with one decimal all the same.
        burst: The time before the latest value in which most of a stay's values lie; None where they are spread over years.
    """

    code: str
    unit: str
    low: float
    high: float
    centre: float
    spread: float
    step: float = 0.1
    burst: timedelta | None = timedelta(days=9)

    def draw(self, rng: random.Random) -> str:
        """Draw a value as text."""
        value = max(self.step, rng.gauss(self.centre, self.spread))
        return f"{round(value / self.step) * self.step:.1f}"

    def flag(self, value: str) -> str | None:
        """Return ``HIGH`` or ``LOW`` if the value is out of range, else None."""
        number = float(value)
        return "LOW" if number < self.low else "HIGH" if number > self.high else None


LABS = {
    lab.code: lab
    for lab in (
        Lab("MG", "mg/dL", 1.8, 2.6, 2.1, 0.3),
        Lab("K", "mmol/L", 3.5, 5.1, 4.0, 0.45),
        Lab("GLU", "mg/dL", 70, 140, 128, 38, step=1.0),
        Lab("A1C", "%", 4.0, 5.6, 6.6, 1.1, burst=None),
        Lab("NA", "mmol/L", 135, 145, 139, 3.5, step=1.0),
        Lab("CR", "mg/dL", 0.5, 1.2, 1.0, 0.35),
        Lab("WBC", "K/uL", 4.0, 11.0, 8.2, 2.8),
        Lab("HGB", "g/dL", 12.0, 17.0, 12.4, 1.7),
    )
}
"""The laboratory codes by name."""
