"""The cohort: sizes, who has a chart of which length, and all of it in load order, ready for a store.

The same size, split and seed give the same resources on every machine, to the byte.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice

from medenv.ehr.hospital.charts import KINDS, ChartPlan, Counts, chart
from medenv.ehr.hospital.people import POPULATIONS, Registry
from medenv.ehr.hospital.records import MetaSequence
from medenv.ehr.resources import Person, patient
from medenv.errors import InputError
from medenv.fhir import jsontext
from medenv.fhir.partial import Block

__all__ = ["NOW", "OFFICIAL", "SIZES", "VERSION", "ChartSpec", "Cohort", "Size", "load_order"]

VERSION = 1
"""Raised with every change of what a seed gives; part of what names a cohort."""

NOW = datetime(2023, 11, 13, 10, 15, tzinfo=timezone.utc)
"""The present of the cohort's charts: the benchmark's."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much a cohort holds.

    Attributes:
        patients: People on file.
        charts: How many of them have records.
        conditions: Records of this kind, all charts together; likewise the others.
        labs: Laboratory Observations.
        vitals: Vital-sign Observations.
        procedures: Procedures.
        medications: MedicationRequests.
    """

    patients: int
    charts: int
    conditions: int
    labs: int
    vitals: int
    procedures: int
    medications: int

    @property
    def observations(self) -> int:
        """Labs and vital signs."""
        return self.labs + self.vitals

    @property
    def records(self) -> int:
        """Return all resources but the patients."""
        return self.conditions + self.labs + self.vitals + self.procedures + self.medications

    def scaled(self, charts: int) -> Size:
        """Return the same shape with another number of charts, each as long as before.

        Args:
            charts: How many, at least 1.

        Raises:
            ValueError: It is less than 1, or more than a population has numbers for.
        """
        most = min(population.residents for population in POPULATIONS.values()) * self.charts // self.patients
        if not 1 <= charts <= most:
            raise InputError(f"a cohort has from 1 to {most} charts, not {charts}")

        def part(count: int) -> int:
            return max(1, round(count * charts / self.charts))

        return Size(
            max(charts, part(self.patients)),
            charts,
            *(part(n) for n in (self.conditions, self.labs, self.vitals, self.procedures, self.medications)),
        )


OFFICIAL = Size(695, 100, 74_821, 269_708, 293_718, 124_969, 21_991)
"""The official hospital: 785,207 records, of which 563,426 are Observations (about 269.7 and 293.7 thousand)."""

_RECORDS = 60_000


def _default() -> Size:
    """Return the official proportions at 60,000 records, in six times as many charts."""
    share = _RECORDS / OFFICIAL.records
    small = [
        round(n * share) for n in (OFFICIAL.conditions, OFFICIAL.vitals, OFFICIAL.procedures, OFFICIAL.medications)
    ]
    return Size(1_000, 600, small[0], _RECORDS - sum(small), *small[1:])


SIZES: Mapping[str, Size] = {"default": _default(), "full": OFFICIAL}
"""Sizes by name."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """A cohort by what it is made from.

    Attributes:
        split: Whose names and numbers, one of `POPULATIONS`.
        size: How much it holds.
        seed: Names the random streams.
    """

    split: str = "train"
    size: Size = SIZES["default"]
    seed: int = 0

    @property
    def name(self) -> str:
        """Return what names its random streams."""
        return f"cohort:{VERSION}:{self.split}:{self.seed}:{self.size.patients}:{self.size.charts}:{self.size.records}"

    def people(self) -> tuple[list[Person], list[Person]]:
        """Return those with a chart, and those on file by name only, who are easily taken for them."""
        rng = random.Random(f"{self.name}:people")
        registry = Registry(POPULATIONS[self.split], rng, NOW.date(), resident=True)
        treated = registry.population(self.size.charts)
        others = self.size.patients - len(treated)
        doubles = min(others // 3, len(treated))
        for one in rng.sample(treated, doubles):
            list(islice(registry.near_misses(one), 1))
        while len(registry.people) < self.size.patients:
            registry.person()
        return treated, registry.people[len(treated) :]

    def counts(self) -> list[Counts]:
        """Return how long each chart is: some many times as long as others, all together exactly the size."""
        rng = random.Random(f"{self.name}:counts")
        weights = [
            0.25 + rng.random() * rng.random() * 3 + (2.5 if rng.random() < 0.08 else 0)
            for _ in range(self.size.charts)
        ]
        size = self.size
        shares = [
            _shared(n, weights) for n in (size.conditions, size.labs, size.vitals, size.procedures, size.medications)
        ]
        return [Counts(*each) for each in zip(*shares, strict=True)]

    def resources(self) -> Iterator[str | Block]:
        """Return everything in load order, for a store."""
        treated, others = self.people()
        everybody = treated + others
        random.Random(f"{self.name}:order").shuffle(everybody)
        charted = {person.mrn: counts for person, counts in zip(treated, self.counts(), strict=True)}
        charts = [ChartSpec(person, charted[person.mrn], NOW) for person in everybody if person.mrn in charted]
        return load_order(self.name, everybody, charts)


@dataclass(frozen=True, slots=True)
class ChartSpec:
    """A chart to make: whose, how many records of each kind, its present, and what is laid down for it."""

    person: Person
    counts: Counts
    now: datetime
    plan: ChartPlan | None = None


def load_order(name: str, people: Sequence[Person], charts: Sequence[ChartSpec]) -> Iterator[str | Block]:
    """Yield patients, then each kind of record patient after patient, numbered as a server that is filled in one go.

    Args:
        name: Names the random streams.
        people: Everybody on file.
        charts: The charts of those who have one.
    """
    stamps = MetaSequence(random.Random(f"{name}:stamps"), 1)
    for person in people:
        _, updated, source = stamps.take()
        resource = patient(person)
        meta = {"versionId": "1", "lastUpdated": updated, "source": f"#{source}"}
        rest = {key: value for key, value in resource.items() if key not in ("resourceType", "id")}
        yield jsontext.compact({"resourceType": "Patient", "id": person.mrn, "meta": meta, **rest})
    made = [
        (one.person.mrn, chart(one.person, one.now, one.counts, f"{name}:{one.person.mrn}", one.plan)) for one in charts
    ]
    for kind in KINDS:
        for mrn, records in made:
            first = stamps.number
            filled = [(form, (*stamps.take(), *blanks)) for form, blanks in records[kind]()]
            if filled:
                yield Block(mrn, first, stamps.newest, filled)


def _shared(total: int, weights: Sequence[float]) -> list[int]:
    """Return a number in whole parts by weight, exact in sum."""
    whole = sum(weights)
    exact = [total * weight / whole for weight in weights]
    parts = [int(part) for part in exact]
    by_rest = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for i in by_rest[: total - sum(parts)]:
        parts[i] += 1
    return parts
