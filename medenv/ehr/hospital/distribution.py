"""How a cohort is distributed, beside what is known of the official hospital, and whether its medicine hangs together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from statistics import correlation, fmean, median, pstdev
from typing import Any

import orjson

from medenv.ehr.hospital.cohort import NOW, OFFICIAL
from medenv.ehr.hospital.people import FEMALE_SHARE, MEAN_AGE, SD_AGE

__all__ = ["Figure", "distribution"]

_LONG = 12  # values; in shorter series taking off the mean hides what one value says of the next
_FEW = 30  # pairs below which a correlation says nothing


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report: what, here, and in the official hospital (empty where nothing is known)."""

    what: str
    here: str
    official: str = ""


def distribution(lines: Iterable[str]) -> list[Figure]:
    """Work out a cohort's figures.

    Args:
        lines: Its resources as JSON.
    """
    seen = _Seen()
    for line in lines:
        seen.take(orjson.loads(line))
    return [*seen.counts(), *seen.people(), *seen.medicine()]


class _Seen:
    """What the figures need of each resource."""

    def __init__(self) -> None:
        self.types: Counter[str] = Counter()
        self.born: dict[str, tuple[date, str]] = {}
        self.per_chart: Counter[str] = Counter()
        self.vitals: Counter[str] = Counter()
        self.labs: Counter[str] = Counter()
        self.flagged = 0
        self.first = "9999"
        self.draws: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
        self.diabetic: set[str] = set()
        self.at_times: Counter[tuple[str, str, str]] = Counter()

    def take(self, one: dict[str, Any]) -> None:
        kind = one["resourceType"]
        self.types[kind] += 1
        if kind == "Patient":
            self.born[one["id"]] = date.fromisoformat(one["birthDate"]), one["gender"]
            return
        mrn = one["subject"]["identifier"]["value"]
        self.per_chart[mrn] += 1
        if kind == "Condition" and one["code"]["coding"][0]["code"].startswith("E11"):
            self.diabetic.add(mrn)
        if kind == "Observation":
            time, code = one["effectiveDateTime"], one["code"]["text"]
            self.first = min(self.first, time)
            if "valueQuantity" not in one:
                self.vitals[code] += 1
                return
            self.labs[code] += 1
            self.flagged += "interpretation" in one
            self.at_times[mrn, time, code] += 1
            self.draws[mrn, time][code] = one["valueQuantity"]["value"]

    def counts(self) -> list[Figure]:
        records = sum(self.per_chart.values())
        labs, vitals = sum(self.labs.values()), sum(self.vitals.values())

        def share(n: int, official: int) -> tuple[str, str]:
            return (
                f"{n:,} ({100 * n / max(1, records):.2f} %)",
                f"{official:,} ({100 * official / OFFICIAL.records:.2f} %)",
            )

        sizes = sorted(self.per_chart.values())
        found = [
            Figure("patients", f"{self.types['Patient']:,}", f"{OFFICIAL.patients:,}"),
            Figure("patients with a chart", f"{len(self.per_chart):,}", f"{OFFICIAL.charts:,}"),
            Figure("records", f"{records:,}", f"{OFFICIAL.records:,}"),
        ]
        for name, here, official in (
            ("Observation", labs + vitals, OFFICIAL.observations),
            ("Procedure", self.types["Procedure"], OFFICIAL.procedures),
            ("Condition", self.types["Condition"], OFFICIAL.conditions),
            ("MedicationRequest", self.types["MedicationRequest"], OFFICIAL.medications),
            ("labs", labs, OFFICIAL.labs),
            ("vital signs", vitals, OFFICIAL.vitals),
        ):
            found.append(Figure(name, *share(here, official)))
        found += [
            Figure("kinds of vital signs", str(len(self.vitals)), "6"),
            Figure("kinds of labs", str(len(self.labs))),
            Figure("first Observation", self.first[:10], "2018-11-13"),
        ]
        if sizes:
            spread = f"{sizes[0]:,} / {median(sizes):,.0f} / {sizes[-1]:,}"
            found.append(Figure("records per chart: least / median / most", spread))
        return found

    def people(self) -> list[Figure]:
        charted = [self.born[mrn] for mrn in self.per_chart if mrn in self.born]
        if not charted:
            return []
        ages = [(NOW.date() - born).days / 365.25 for born, _ in charted]
        women = sum(gender == "female" for _, gender in charted) / len(charted)
        return [
            Figure("age of those with a chart", f"{fmean(ages):.2f} +- {pstdev(ages):.2f}", f"{MEAN_AGE} +- {SD_AGE}"),
            Figure("women among them", f"{100 * women:.0f} %", f"{100 * FEMALE_SHARE:.0f} %"),
        ]

    def medicine(self) -> list[Figure]:
        labs = sum(self.labs.values())
        if not labs:
            return []
        repeated = sum(n - 1 for n in self.at_times.values())
        found = [
            Figure("labs flagged high or low", f"{100 * self.flagged / labs:.1f} %"),
            Figure("results per draw", f"{labs / len(self.draws):.1f}"),
            Figure("results reported again for the same time", f"{repeated:,}"),
        ]
        for one, other in (("HGB", "HCT"), ("BUN", "CR"), ("NA", "K")):
            pairs = [(d[one], d[other]) for d in self.draws.values() if one in d and other in d]
            if len(pairs) >= _FEW:
                found.append(Figure(f"correlation of {one} and {other}", f"{_correlation(pairs):.2f}"))
        found += self._autocorrelation()
        for who, fits in (("with", True), ("without", False)):
            values = [d["A1C"] for (mrn, _), d in self.draws.items() if "A1C" in d and (mrn in self.diabetic) == fits]
            if values:
                found.append(Figure(f"mean HbA1c {who} diabetes on the problem list", f"{fmean(values):.1f} %"))
        return found

    def _autocorrelation(self) -> list[Figure]:
        """Of one value with the patient's next, with each patient's own mean taken off."""
        series: dict[tuple[str, str], list[float]] = defaultdict(list)
        for (mrn, _), draw in sorted(self.draws.items()):
            for code in ("K", "CR", "HGB"):
                if code in draw:
                    series[code, mrn].append(draw[code])
        found = []
        for code in ("K", "CR", "HGB"):
            pairs = []
            for (known, _), values in series.items():
                if known == code and len(values) > _LONG:
                    mean = fmean(values)
                    pairs += [(a - mean, b - mean) for a, b in pairwise(values)]
            if len(pairs) >= _FEW:
                found.append(Figure(f"autocorrelation of {code}", f"{_correlation(pairs):.2f}"))
        return found


def _correlation(pairs: Sequence[tuple[float, float]]) -> float:
    return correlation([a for a, _ in pairs], [b for _, b in pairs])
