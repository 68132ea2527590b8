"""What a hospital measures: laboratory analytes with their panels, and vital signs.

Reference ranges and units are common adult ones; loadings say how an analyte moves with acute illness and with kidney function.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from medenv.ehr.hospital.labs import LABS

__all__ = ["ANALYTES", "DAILY", "LIVER", "LOOKALIKES", "PANELS", "VITAL_SIGNS", "Analyte"]


@dataclass(frozen=True, slots=True)
class Analyte:
    """A laboratory analyte.

    Attributes:
        code: Base name, as the chart codes it.
        unit: UCUM unit.
        low: Lower limit of the reference range.
        high: Upper limit.
        centre: The mean of well people.
        spread: Their standard deviation.
        acute: How many spreads it moves with one unit of acute illness.
        renal: How many spreads it moves with one unit of kidney failure.
        keep: Correlation of one value with the next (autocorrelation).
        whole: Whether results are whole numbers (written with ``.0`` all the same).
        follows: An analyte of the same draw whose ups and downs it shares, if any.
    """

    code: str
    unit: str
    low: float
    high: float
    centre: float
    spread: float
    acute: float = 0.0
    renal: float = 0.0
    keep: float = 0.7
    whole: bool = False
    follows: str | None = None

    def text(self, deviation: float) -> str:
        """Return a result as the chart writes it.

        Args:
            deviation: Spreads from the centre.
        """
        return self.written(self.centre + self.spread * deviation)

    def written(self, value: float) -> str:
        """Return a number as the chart writes it, never below the smallest that can be measured."""
        value = max(0.1, value)
        return f"{max(1, round(value))}.0" if self.whole else f"{value:.1f}"

    def flag(self, text: str) -> str | None:
        """``HIGH`` or ``LOW`` if a result is outside the reference range."""
        number = float(text)
        return "LOW" if number < self.low else "HIGH" if number > self.high else None


def _graded(code: str, centre: float, spread: float, **more: Any) -> Analyte:
    """Return an analyte that tasks ask about: unit and range as in `LABS`."""
    lab = LABS[code]
    return Analyte(code, lab.unit, lab.low, lab.high, centre, spread, whole=lab.step == 1.0, **more)


ANALYTES = {
    one.code: one
    for one in (
        _graded("NA", 139, 2.6, acute=-0.5),
        _graded("K", 4.1, 0.38, acute=-0.15, renal=0.7, keep=0.6),
        Analyte("CL", "mmol/L", 98, 107, 102, 2.8, acute=-0.1),
        Analyte("CO2", "mmol/L", 22, 29, 25.5, 2.2, acute=-0.4, renal=-0.8),
        Analyte("BUN", "mg/dL", 7, 20, 14, 4.2, acute=0.5, renal=3.6, whole=True),
        _graded("CR", 0.9, 0.18, acute=0.3, renal=4.5, keep=0.93, follows="BUN"),
        _graded("GLU", 112, 22, acute=0.6, keep=0.55),
        Analyte("CA", "mg/dL", 8.5, 10.5, 9.3, 0.45, acute=-0.5, renal=-0.4),
        _graded("MG", 2.05, 0.2, acute=-0.2, renal=0.5, keep=0.7),
        Analyte("PHOS", "mg/dL", 2.5, 4.5, 3.5, 0.6, renal=1.3),
        _graded("WBC", 7.4, 1.9, acute=1.5, keep=0.85),
        _graded("HGB", 13.4, 1.2, acute=-0.8, renal=-0.8, follows="HCT"),
        Analyte("HCT", "%", 36, 50, 40.4, 3.5, acute=-0.8, renal=-0.8, keep=0.93),
        Analyte("PLT", "K/uL", 150, 400, 250, 58, acute=0.2, keep=0.9, whole=True),
        Analyte("ALT", "U/L", 7, 55, 26, 10, acute=0.5, keep=0.92, whole=True),
        Analyte("AST", "U/L", 8, 48, 25, 9, acute=0.7, whole=True, follows="ALT"),
        Analyte("ALP", "U/L", 40, 129, 80, 22, acute=0.3, keep=0.93, whole=True),
        Analyte("TBIL", "mg/dL", 0.2, 1.2, 0.6, 0.22, acute=0.4, keep=0.9),
        Analyte("ALB", "g/dL", 3.5, 5.0, 4.1, 0.33, acute=-1.3, keep=0.94),
        Analyte("INR", "ratio", 0.9, 1.2, 1.0, 0.08, acute=0.7, keep=0.85),
        Analyte("PTT", "s", 25, 35, 29, 3, acute=0.4, keep=0.75),
        Analyte("LACT", "mmol/L", 0.5, 2.0, 1.2, 0.35, acute=1.4, keep=0.6),
        Analyte("CRP", "mg/L", 0, 10, 4, 2.4, acute=9.0, keep=0.8),
        Analyte("TROP", "ng/L", 0, 19, 8, 4, acute=2.0, renal=1.5, keep=0.7, whole=True),
        Analyte("BNP", "pg/mL", 0, 100, 46, 25, acute=2.0, renal=2.0, keep=0.85, whole=True),
        _graded("A1C", 5.5, 0.35, keep=0.95),
        Analyte("TSH", "mIU/L", 0.4, 4.0, 1.9, 0.7, keep=0.9),
        Analyte("LDL", "mg/dL", 0, 130, 108, 28, keep=0.9, whole=True),
        Analyte("HDL", "mg/dL", 40, 90, 54, 12, keep=0.93, whole=True),
        Analyte("FERR", "ng/mL", 12, 300, 110, 55, acute=2.0, keep=0.9, whole=True),
    )
}
"""The analytes by code."""

_METABOLIC = ("NA", "K", "CL", "CO2", "BUN", "CR", "GLU", "CA")
_BLOOD_COUNT = ("WBC", "HGB", "HCT", "PLT")
LIVER = ("ALT", "AST", "ALP", "TBIL", "ALB")

DAILY = _METABOLIC + _BLOOD_COUNT
"""Drawn every morning of a stay."""

PANELS: tuple[tuple[float, tuple[str, ...]], ...] = (
    (0.55, ("MG", "PHOS")),
    (0.30, LIVER),
    (0.22, ("INR", "PTT")),
    (0.12, ("LACT",)),
    (0.15, ("CRP",)),
    (0.08, ("TROP", "BNP")),
)
"""What is drawn with the morning panels besides, and how often."""

LOOKALIKES = {"MG": "MGU", "K": "KU", "GLU": "GLUU", "A1C": "A1AT"}
"""Codes that begin alike but are another test: magnesium, potassium and glucose in urine, alpha-1-antitrypsin."""

VITAL_SIGNS = ("BP", "Heart Rate", "Resp", "SpO2", "Temp", "Pain Score")
"""The six flowsheet ids."""
