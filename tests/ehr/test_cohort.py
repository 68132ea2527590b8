"""Resources have the official server's shape, and a cohort is what its plan says."""

from __future__ import annotations

import json
import random
import re
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from medenv.ehr import Chart, Series, cohort
from medenv.ehr.labs import LABS
from medenv.ehr.people import PeopleFactory
from medenv.fhir.jsontext import Number, compact

NOW = datetime(2023, 11, 13, 10, 15, tzinfo=timezone.utc)
OFFICIAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "official" / "charts.ndjson"


@pytest.fixture(scope="module")
def people():
    factory = PeopleFactory(random.Random("people"), NOW.date())
    return [factory.person() for _ in range(40)]


@pytest.fixture(scope="module")
def resources(people):
    plan = {"K": Series(timedelta(hours=3), 25, "4.0", buried=True), "A1C": None}
    charts = [Chart(person, plan) for person in people[:20]] + [Chart(person) for person in people[20:]]
    return list(cohort(charts, NOW, "test"))


def of(resources, kind, code=None):
    return [r for r in resources if r["resourceType"] == kind and code in (None, r.get("code", {}).get("text"))]


def paths(value, prefix=""):
    """The keys of a resource in order, list items merged."""
    if isinstance(value, dict):
        return [line for key, inner in value.items() for line in [f"{prefix}.{key}", *paths(inner, f"{prefix}.{key}")]]
    if isinstance(value, list):
        return [line for inner in value for line in paths(inner, prefix)]
    return []


def test_patients_and_charts_as_planned(resources, people):
    assert [p["id"] for p in of(resources, "Patient")] == [person.mrn for person in people]
    assert not of(resources, "Observation", "A1C")
    assert len(of(resources, "Observation", "K")) == 20 * 25
    with_records = {r["subject"]["reference"] for r in resources if "subject" in r}
    assert with_records == {f"Patient/{person.mrn}" for person in people[:20]}
    for code in set(LABS) - {"A1C"}:
        assert len({r["subject"]["reference"] for r in of(resources, "Observation", code)}) == 20


def test_decimals_keep_their_zero(resources):
    newest = max(of(resources, "Observation", "K"), key=lambda r: r["effectiveDateTime"])
    assert isinstance(newest["valueQuantity"]["value"], Number)
    assert '"value":4.0,"unit":"mmol/L"' in compact(newest)


def test_meta_counts_up_as_a_load_would(resources):
    stamps = [r["meta"]["lastUpdated"] for r in resources]
    assert stamps == sorted(stamps)
    sources = [r["meta"]["source"] for r in resources]
    assert len(set(sources)) == len(sources)
    for r in resources:
        assert list(r["meta"]) == ["versionId", "lastUpdated", "source"]
        assert r["meta"]["versionId"] == "1"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", r["meta"]["lastUpdated"])
        assert re.fullmatch(r"#[A-Za-z0-9]{16}", r["meta"]["source"])


def test_abnormal_labs_are_flagged(resources):
    for r in of(resources, "Observation"):
        if "valueQuantity" in r:
            lab, number = LABS[r["code"]["text"]], float(r["valueQuantity"]["value"])
            flag = r.get("interpretation", [{"coding": [{"code": None}]}])[0]["coding"][0]["code"]
            assert flag == ("LOW" if number < lab.low else "HIGH" if number > lab.high else None)


def test_ages_and_numbers_of_people(people):
    for person in people:
        assert re.fullmatch(r"S[78]\d{6}", person.mrn)
        born = date.fromisoformat(person.birthdate)
        assert 18 <= (NOW.date() - born).days / 365 <= 98
        assert (born.month, born.day) not in [(11, 13), (11, 14)]
    assert len({(p.given, p.family) for p in people}) == len({p.mrn for p in people}) == len(people)


def test_shapes_are_the_official_ones(resources):
    """Key order and nesting of Patients and labs equal the recorded server's."""
    if not OFFICIAL.exists():
        pytest.skip(f"needs the official charts in {OFFICIAL}")
    theirs = [json.loads(line) for line in OFFICIAL.read_text(encoding="utf-8").splitlines()]
    for kind, code in (("Patient", None), ("Observation", "K")):
        shapes = {tuple(paths(r)) for r in of(theirs, kind, code)}
        ours = {tuple(paths(r)) for r in of(resources, kind, code)}
        assert len(ours) == 2, "complete addresses and short ones; flagged labs and others"
        assert ours <= shapes, kind


RECORDED = OFFICIAL.parents[1] / "recorded" / "official_exchanges.jsonl"


def test_the_other_shapes_are_the_recorded_ones(resources):
    if not RECORDED.exists():
        pytest.skip(f"needs the recorded answers in {RECORDED}")
    shapes = set()
    for line in RECORDED.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        text = row.get("text", "")
        answer = json.loads(text) if text.startswith("{") else row.get("json") or {}
        shapes |= {tuple(paths(entry["resource"])) for entry in answer.get("entry", [])}
    for kind, code in (("Condition", None), ("Procedure", None), ("MedicationRequest", None), ("Observation", "BP")):
        ours = {tuple(paths(r)) for r in of(resources, kind, code)}
        assert ours
        assert ours <= shapes, kind
