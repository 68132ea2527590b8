"""Random searches of the kinds that were recorded, with values drawn from the charts: any seed gives fresh ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from random import Random
from typing import Any
from urllib.parse import quote

from tests.fhir import recordings

WEIGHTS = {
    "Observation": 52,
    "Patient": 14,
    "Condition": 12,
    "MedicationRequest": 10,
    "Procedure": 10,
    "ServiceRequest": 2,
}
DATES = {
    "Observation": ("date",),
    "Condition": ("onset-date", "recorded-date"),
    "MedicationRequest": ("authoredon", "date"),
    "Procedure": ("date",),
    "ServiceRequest": ("authored",),
}
SORTS = {
    "Observation": "date -date code -code status _id -_id _lastUpdated -_lastUpdated value-quantity -value-quantity category patient",
    "Patient": "family -family birthdate -birthdate gender _id -_id name -name address-city -given",
    "Condition": "onset-date -onset-date recorded-date code _id -_id patient",
    "MedicationRequest": "authoredon -authoredon status -status _id -_id patient",
    "Procedure": "date -date code status _id -_id patient",
    "ServiceRequest": "authored -authored _id status",
}
SAFE = "!$'()*,/:;?@~-._"
"""What Python's requests leaves unescaped in a value, the plus sign and the characters of a query's own aside."""


class Searches:
    """Draws searches.

    Args:
        seed: Equal seeds draw equal searches.
        lines: The charts' resources as texts; None for those that were recorded.
    """

    def __init__(self, seed: int, lines: Iterable[str] | None = None) -> None:
        self._random = Random(seed)
        self._by_type: dict[str, list[dict[str, Any]]] = {}
        for one in map(json.loads, recordings.stored_lines() if lines is None else lines):
            self._by_type.setdefault(one["resourceType"], []).append(one)
        self._patients = self._by_type["Patient"]
        self._with_charts = sorted({o["subject"]["reference"][8:] for o in self._by_type["Observation"]})

    def draw(self) -> str:
        """One search, quoted."""
        random = self._random
        type_ = random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        params = self._patient_conditions() if type_ == "Patient" else self._conditions(type_)
        params += self._controls(type_)
        random.shuffle(params)
        safe = SAFE + "+" if self._maybe(0.3) else SAFE  # a plus sign sent as it is reads as a blank
        query = "&".join(f"{n}={quote(v, safe=safe)}" for n, v in params)
        return f"{type_}?{query}" if query else type_

    def _maybe(self, chance: float) -> bool:
        return self._random.random() < chance

    def _conditions(self, type_: str) -> list[tuple[str, str]]:
        random = self._random
        found: list[tuple[str, str]] = []
        if self._maybe(0.85):
            found.append(self._patient())
        one = random.choice(self._by_type.get(type_, self._by_type["Observation"]))
        if self._maybe(0.5):
            found += self._dates(type_, one)
        extra: list[Callable[[], tuple[str, str]]] = [lambda: self._code(type_, one)]
        if type_ in ("Observation", "Condition"):
            extra.append(lambda: ("category", self._token(one.get("category", [{}])[0])))
        if type_ in ("Observation", "MedicationRequest", "Procedure", "ServiceRequest"):
            values = ("final", "active", "completed", "stopped", "final,amended", "nope", "preliminary")
            extra.append(lambda: (random.choice(("status", "status", "status:not")), random.choice(values)))
        if type_ == "Observation":
            extra += [lambda: ("value-quantity", self._quantity(one)), lambda: ("value-string", self._words(one))]
        if type_ == "Condition":
            extra.append(lambda: ("clinical-status", random.choice(("active", "resolved", "active,inactive"))))
        if type_ == "MedicationRequest":
            extra.append(lambda: ("intent", random.choice(("order", "plan", "order,plan"))))
        for draw in random.sample(extra, k=min(len(extra), random.choices((0, 1, 2), (30, 50, 20))[0])):
            found.append(draw())
        return found

    def _patient(self) -> tuple[str, str]:
        random = self._random
        ids = random.sample(self._with_charts, k=2)
        name = random.choice(("patient", "patient", "patient", "subject", "subject:Patient", "patient.identifier"))
        # lists are few: on some of them H2 takes a minute
        shape = random.choices(("one", "typed", "list", "nobody"), (60, 20, 8, 12))[0]
        if shape == "list":
            return name, ",".join(ids)
        id_ = "S0000000" if shape == "nobody" else ids[0]
        return name, f"Patient/{id_}" if shape == "typed" and name != "patient.identifier" else id_

    def _date(self, near: str) -> str:
        """A date of some precision near one that is there, or that very one."""
        random = self._random
        year, month, day = random.choice((near[:4], "2022", "2023")), random.randint(1, 12), random.randint(1, 28)
        if self._maybe(0.25) and len(near) >= 10:
            return random.choice((near, near[:10], near[:7]))
        time = f"T{random.randint(0, 23):02d}:{random.randint(0, 59):02d}:00"
        return random.choice(
            (
                year,
                f"{year}-{month:02d}",
                *[f"{year}-{month:02d}-{day:02d}"] * 5,
                *[f"{year}-{month:02d}-{day:02d}{time}{zone}" for zone in ("Z", "+00:00", "", "-05:00")],
            )
        )

    def _dates(self, type_: str, one: dict[str, Any]) -> list[tuple[str, str]]:
        random = self._random
        held = [v for v in one.values() if isinstance(v, str) and v[:2] in ("19", "20")]
        near = random.choice(held) if held else "2023-11-12T10:15:00+00:00"
        name = random.choice(DATES[type_])
        found = [
            (name, random.choice(("ge", "gt", "le", "lt", "sa", "eb", "ne", "eq", "", "ge", "le")) + self._date(near))
        ]
        if self._maybe(0.35):
            lower, upper = sorted((self._date(near), self._date(near)))
            found = [(name, random.choice(("ge", "gt")) + lower), (name, random.choice(("le", "lt")) + upper)]
        return found

    def _token(self, concept: dict[str, Any]) -> str:
        random = self._random
        coding = (concept.get("coding") or [{}])[0]
        code, system = coding.get("code", "x"), coding.get("system", "http://loinc.org")
        shapes = (code, code, f"{system}|{code}", f"{system}|", f"|{code}", f"{code},nope", code.lower(), "nope")
        return random.choice(shapes)

    def _code(self, type_: str, one: dict[str, Any]) -> tuple[str, str]:
        random = self._random
        concept = one.get("code") or one.get("medicationCodeableConcept") or {}
        text = concept.get("text") or (concept.get("coding") or [{}])[0].get("display") or "x"
        modifier = random.choice(("", "", "", "", ":text", ":not"))
        name = "combo-code" if type_ == "Observation" and self._maybe(0.25) and modifier != ":text" else "code"
        if modifier == ":text":
            return f"{name}:text", random.choice((text, text[:4], text.lower()))
        return name + modifier, self._token(concept)

    def _quantity(self, one: dict[str, Any]) -> str:
        random = self._random
        value = one.get("valueQuantity", {"value": 4.1, "unit": "mmol/L"})
        prefix = random.choice(("", "gt", "ge", "lt", "le", "ne", "eq", "ap"))
        number = random.choice((str(value["value"]), "4", "4.0", "100", "3.5"))
        unit = random.choice(
            ("", "", f"|http://unitsofmeasure.org|{value.get('unit', 'mg/dL')}", f"||{value.get('unit', 'mg/dL')}")
        )
        return prefix + number + unit

    def _words(self, one: dict[str, Any]) -> str:
        return self._random.choice((one.get("valueString", "97")[:3], "118", "97", "BP", "1"))

    def _patient_conditions(self) -> list[tuple[str, str]]:
        random = self._random
        one = random.choice(self._patients)
        name, address = one.get("name", [{}])[0], one.get("address", [{}])[0]
        family, given = name.get("family", "Lee"), name.get("given", ["Kim"])[0]
        born = one.get("birthDate", "1950-01-01")
        number = one.get("telecom", [{"value": "1"}])[0].get("value", "1")
        draws: list[Callable[[], tuple[str, str]]] = [
            lambda: ("family", random.choice((family, family[:3], family.upper(), f"{family},Peter", f"{family}x"))),
            lambda: ("given", random.choice((given, given[:2], given.lower()))),
            lambda: ("name", random.choice((family, given, f"{given} {family}", family[:2]))),
            lambda: (random.choice(("family:exact", "name:exact")), random.choice((family, family.lower()))),
            lambda: ("family:contains", family[1:4] or "a"),
            lambda: (
                "birthdate",
                random.choice(("", "ge", "le", "gt", "lt", "ne")) + born[: random.choice((4, 7, 10))],
            ),
            lambda: ("gender", random.choice(("male", "female", "male,female", "other"))),
            lambda: ("identifier", random.choice((one["id"], f"|{one['id']}", f"MRN|{one['id']}"))),
            lambda: ("_id", random.choice((one["id"], f"Patient/{one['id']}", "S0000000"))),
            lambda: (
                "address",
                random.choice((address.get("city", "x"), address.get("state", "IN"), address.get("line", ["Elm"])[0])),
            ),
            lambda: ("address-city", random.choice((address.get("city", "x"), address.get("city", "x")[:4].lower()))),
            lambda: ("address-state", address.get("state", "IN")),
            lambda: ("address-postalcode", address.get("postalCode", "1")[:3]),
            lambda: (random.choice(("phone", "telecom")), number),
            lambda: (
                random.choice(("birthdate:missing", "gender:missing", "phone:missing")),
                random.choice(("true", "false")),
            ),
            lambda: ("active", "true"),
            lambda: ("deceased", random.choice(("true", "false"))),
            lambda: ("general-practitioner", "x"),
        ]
        return [draw() for draw in random.sample(draws, k=random.choices((0, 1, 2, 3), (5, 45, 35, 15))[0])]

    def _controls(self, type_: str) -> list[tuple[str, str]]:
        random = self._random
        found: list[tuple[str, str]] = []
        if self._maybe(0.3):
            counts = ("1", "2", "3", "5", "10", "12", "13", "14", "20", "50", "100", "200", "500", "0")
            found.append(("_count", random.choice(counts)))
        if self._maybe(0.25):
            keys = SORTS[type_].split()
            found.append(("_sort", ",".join(random.sample(keys, k=random.choices((1, 2), (75, 25))[0]))))
        if self._maybe(0.06):
            found.append(("_summary", random.choice(("true", "false", "count", "data", "text"))))
        elif self._maybe(0.06):
            found.append(("_elements", random.choice(("id", "code,subject", "name", "status", "foo", "code"))))
        if self._maybe(0.05):
            found.append(("_total", random.choice(("accurate", "estimate", "none"))))
        if self._maybe(0.04):
            found.append(("_offset", random.choice(("0", "5", "20", "100"))))
        if self._maybe(0.05) and type_ != "Patient":
            found.append(("_include", f"{type_}:{random.choice(('subject', 'patient'))}"))
        if self._maybe(0.03):
            found.append((random.choice(("foo", "page", "limit", "date_start", "Patient", "_foo")), "x"))
        if self._maybe(0.06):
            found.append(("_format", random.choice(("json", "application/fhir+json", "application/json"))))
        if self._maybe(0.03):
            found.append(("_pretty", random.choice(("true", "false"))))
        return found
