"""A cohort from a plan: who is on file, and how the values that questions turn on shall lie.

The same plan and seed give the same resources, byte for byte, in the order in which a server is loaded.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from medenv.ehr import background
from medenv.ehr.labs import LABS
from medenv.ehr.resources import Ledger, Person, Resource, lab, patient
from medenv.ehr.series import Measurement, Series

__all__ = ["LOADED", "Chart", "cohort"]

LOADED = datetime(2024, 6, 3, 8, 0, tzinfo=timezone.utc)
"""When the first resource was stored (meta.lastUpdated); a fixed time, so that cohorts are reproducible."""


@dataclass(frozen=True, slots=True)
class Chart:
    """The plan for one patient.

    Attributes:
        person: Who.
        series: Laboratory code to plan; None as a plan keeps the code out of the chart, a code without a plan gets a
            short series. None instead of the mapping means a patient on file without any record.
    """

    person: Person
    series: Mapping[str, Series | None] | None = None


def cohort(charts: Sequence[Chart], now: datetime, seed: str) -> Iterator[Resource]:
    """Build a cohort's resources.

    Args:
        charts: Who is in it.
        now: The benchmark's present; nothing in a chart is later.
        seed: Names the random stream.

    Yields:
        Patients, Conditions, labs, vitals, Procedures, MedicationRequests; within each kind patient after patient.
    """
    rng = random.Random(seed)
    ledger = Ledger(rng, LOADED)
    for chart in charts:
        yield ledger.stamp(patient(chart.person))
    treated = [(chart.person.mrn, chart.series) for chart in charts if chart.series is not None]
    for mrn, _ in treated:
        yield from map(ledger.stamp, background.conditions(mrn, now, rng))
    for mrn, series in treated:
        yield from map(ledger.stamp, _labs(mrn, series, now, rng))
    for build in (background.vitals, background.procedures, background.medication):
        for mrn, _ in treated:
            yield from map(ledger.stamp, build(mrn, now, rng))


def _labs(mrn: str, series: Mapping[str, Series | None], now: datetime, rng: random.Random) -> Iterator[Resource]:
    """One patient's labs, codes mixed, each code in its own listing order."""
    plans = {**series, **background.other_labs(rng, set(series), list(LABS))}
    queues: dict[str, list[Measurement]] = {
        code: plan.draw(LABS[code], now, rng) for code, plan in plans.items() if plan is not None
    }
    turns = [code for code, values in queues.items() for _ in values]
    rng.shuffle(turns)
    positions = dict.fromkeys(queues, 0)
    for code in turns:
        measurement = queues[code][positions[code]]
        positions[code] += 1
        kind = LABS[code]
        issued = min(now, measurement.at + timedelta(minutes=rng.randrange(15, 90)))
        yield lab(mrn, code, kind.unit, measurement.value, measurement.at, issued, kind.flag(measurement.value))
