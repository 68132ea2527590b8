"""Requests for the benchmarks, drawn from the charts themselves: what agents ask, in unlimited variety."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

ORDER = (
    '{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"K"}],"text":"K"},'
    '"subject":{"reference":"Patient/%s"},"effectiveDateTime":"2023-11-13T10:15:00+00:00",'
    '"valueQuantity":{"value":4.1,"unit":"mmol/L"}}'
)
"""What is created and deleted again."""

PAGE = 20


class Requests:
    """Draws requests.

    Args:
        resources: The charts.
        seed: Equal seeds draw equal requests.
    """

    def __init__(self, resources: Iterable[Mapping[str, Any]], seed: int) -> None:
        self._random = random.Random(seed)
        self.patients: list[str] = []
        self._names: list[str] = []
        self._ids: list[str] = []
        dates: dict[tuple[str, str], list[str]] = defaultdict(list)
        for one in resources:
            self._ids.append(f"{one['resourceType']}/{one['id']}")
            if one["resourceType"] == "Patient":
                self.patients.append(one["id"])
                self._names += [
                    f"family={quote(n['family'])}&given={quote(n['given'][0])}"
                    for n in one.get("name", ())[:1]
                    if "given" in n
                ]
            elif one["resourceType"] == "Observation" and "effectiveDateTime" in one:
                for coding in one.get("code", {}).get("coding", ())[:1]:
                    dates[one["subject"]["reference"][8:], coding["code"]].append(one["effectiveDateTime"])
        if not dates or not self._names:
            raise ValueError("the data has no Patients with names and coded Observations; the benchmark needs both")
        self.series = {key: sorted(found) for key, found in dates.items()}
        self._long = {key: found for key, found in self.series.items() if len(found) > PAGE} or self.series
        self._asked: set[str] = set()

    def _new(self, draw: Any) -> str:
        while True:
            request: str = draw()
            if request not in self._asked:
                self._asked.add(request)
                return request

    def _bound(self, first: str, last: str) -> str:
        a, b = (datetime.fromisoformat(text[:19]).replace(tzinfo=timezone.utc) for text in (first, last))
        span = max(1, int((b - a).total_seconds()))
        return (a + timedelta(seconds=self._random.randrange(-86400, span))).strftime("%Y-%m-%dT%H:%M:%SZ")

    def read(self) -> str:
        """Read one resource."""
        return self._random.choice(self._ids)

    def page(self) -> str:
        """Draw a new search by patient, code and date with a full page of answers."""

        def draw() -> str:
            (patient, code), dates = self._random.choice(list(self._long.items()))
            bound = self._bound(dates[0], dates[max(0, len(dates) - PAGE - 1)])
            return f"Observation?patient={patient}&code={code}&date=ge{bound}"

        return self._new(draw)

    def newest(self) -> str:
        """Draw a new search for the newest observation of a patient and code before some instant."""

        def draw() -> str:
            (patient, code), dates = self._random.choice(list(self.series.items()))
            return f"Observation?patient={patient}&code={code}&date=le{self._bound(dates[0], dates[-1])}&_sort=-date&_count=1"

        return self._new(draw)

    def bounded(self) -> str:
        """Draw a new search by patient, code and date bound, however many it finds."""

        def draw() -> str:
            (patient, code), dates = self._random.choice(list(self.series.items()))
            prefix = self._random.choice(("ge", "gt", "le", "lt"))
            return f"Observation?patient={patient}&code={code}&date={prefix}{self._bound(dates[0], dates[-1])}"

        return self._new(draw)

    def name(self) -> str:
        """Draw a search for a patient by name."""
        return f"Patient?{self._random.choice(self._names)}"
