"""The cohort: exact sizes, official shapes and order, plausible medicine, and the same bytes everywhere."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from datetime import date, datetime
from itertools import islice
from pathlib import Path

import pytest

from medenv.ehr.chartset import lines
from medenv.ehr.hospital import NOW, OFFICIAL, POPULATIONS, SIZES, Cohort, Registry
from medenv.ehr.hospital.catalogue import ANALYTES, VITAL_SIGNS
from medenv.ehr.hospital.distribution import distribution
from medenv.fhir import Store
from medenv.fhir.store import build, read_lines

pytestmark = pytest.mark.quick

SMALL = SIZES["default"].scaled(24)
PINNED = "a05a1aa590b0e4daa2fdfd6f5ac93a95cd85b0fe8b6affabd35febfaafee2ff9"
SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
TIMES = {
    "Observation": "effectiveDateTime",
    "Condition": "onsetDateTime",
    "Procedure": "performedDateTime",
    "MedicationRequest": "authoredOn",
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("cohort") / "small.db"
    build(Cohort(size=SMALL).resources, path)
    return Store(path)


@pytest.fixture(scope="module")
def resources(store):
    return [json.loads(line) for line in lines(store)]


@pytest.fixture(scope="module")
def default(tmp_path_factory):
    path = tmp_path_factory.mktemp("cohort") / "default.db"
    build(Cohort().resources, path)
    return Store(path)


def paths(value, prefix=""):
    if isinstance(value, dict):
        return [line for key, inner in value.items() for line in [f"{prefix}.{key}", *paths(inner, f"{prefix}.{key}")]]
    return [line for inner in value for line in paths(inner, prefix)] if isinstance(value, list) else []


def test_the_full_size_is_the_official_hospitals():
    assert SIZES["full"] is OFFICIAL
    assert (OFFICIAL.patients, OFFICIAL.charts, OFFICIAL.records) == (695, 100, 785_207)
    assert (OFFICIAL.observations, OFFICIAL.procedures) == (563_426, 124_969)
    assert (OFFICIAL.conditions, OFFICIAL.medications) == (74_821, 21_991)
    counts = Cohort(size=OFFICIAL).counts()
    assert len(counts) == 100
    assert sum(one.labs + one.vitals for one in counts) == 563_426
    assert sum(one.procedures for one in counts) == 124_969
    assert max(one.labs for one in counts) > 3 * min(one.labs for one in counts)


def test_the_default_size_is_built_exactly(default):
    size = SIZES["default"]
    assert size.records == 60_000
    assert sum(count for kind, count in default.counts.items() if kind != "Patient") == 60_000
    assert default.counts["Patient"] == size.patients == 1_000
    for kind, official in (("Observation", 563_426), ("Procedure", 124_969), ("Condition", 74_821)):
        assert default.counts[kind] / 60_000 == pytest.approx(official / 785_207, rel=0.001)


@pytest.mark.parametrize("charts", [0, -1, 10**9])
def test_impossible_numbers_of_charts_are_refused(charts):
    with pytest.raises(ValueError, match=str(charts)):
        SIZES["default"].scaled(charts)


def test_a_scaled_size_keeps_its_shape():
    assert SMALL.charts == 24
    assert SMALL.records == pytest.approx(2400, rel=0.01)
    assert SIZES["default"].scaled(1).patients >= 1


def test_forms_and_text_give_the_same_store(store, tmp_path):
    """What is generated without a parse is what the same resources as NDJSON give, row for row."""
    text = tmp_path / "small.ndjson"
    text.write_text("".join(line + "\n" for line in lines(store)), encoding="utf-8")
    build(lambda: read_lines(text), tmp_path / "again.db")
    assert Store(tmp_path / "again.db").fingerprint == store.fingerprint
    dumps = []
    for path in (store.path, tmp_path / "again.db"):
        db = sqlite3.connect(path)
        dumps.append(
            {
                table: sorted(db.execute(f"SELECT * FROM {table}"))
                for table in ("meta", "kind", "resource", "named", "home")
            }
        )
        db.close()
    assert dumps[0] == dumps[1]


PRINT = f"""
import hashlib
import sys
from pathlib import Path
from medenv.ehr.chartset import lines
from medenv.ehr.hospital import SIZES, Cohort
from medenv.fhir import Store
from medenv.fhir.store import build
build(Cohort(size=SIZES["default"].scaled({SMALL.charts})).resources, Path(sys.argv[1]))
store = Store(Path(sys.argv[1]))
print(hashlib.sha256("".join(line + "\\n" for line in lines(store)).encode()).hexdigest(), store.fingerprint)
"""


def test_every_process_python_and_sqlite_gives_the_same_bytes(store, tmp_path):
    """The constant was made on CPython 3.11 and SQLite 3.40; wherever this test runs, it must come out again."""
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    command = [sys.executable, "-c", PRINT, str(tmp_path / "other.db")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [PINNED, store.fingerprint]


def test_seeds_and_wards_differ(store, tmp_path):
    for n, cohort in enumerate((Cohort(size=SMALL, seed=1), Cohort("validation", SMALL))):
        build(cohort.resources, tmp_path / f"{n}.db")
        assert Store(tmp_path / f"{n}.db").fingerprint != store.fingerprint


def test_load_order_and_numbers(resources):
    kinds = [one["resourceType"] for one in resources]
    assert list(dict.fromkeys(kinds)) == ["Patient", "Condition", "Observation", "Procedure", "MedicationRequest"]
    patients = kinds.count("Patient")
    assert [one["id"] for one in resources[patients:]] == [str(n) for n in range(patients + 1, len(kinds) + 1)]
    stamps = [one["meta"]["lastUpdated"] for one in resources]
    assert stamps == sorted(stamps)
    assert len({one["meta"]["source"] for one in resources}) == len(resources)
    parts = [_part(one) for one in resources]
    assert list(dict.fromkeys(parts)) == [
        "Patient",
        "Condition",
        "laboratory",
        "vital-signs",
        "Procedure",
        "MedicationRequest",
    ]
    for part in dict.fromkeys(parts):
        owners = [
            one["subject"]["reference"] for one, p in zip(resources, parts, strict=True) if p == part != "Patient"
        ]
        runs = [owner for i, owner in enumerate(owners) if i == 0 or owners[i - 1] != owner]
        assert len(runs) == len(set(runs)), part


def _part(one):
    return one["category"][0]["coding"][0]["code"] if one["resourceType"] == "Observation" else one["resourceType"]


def test_ids_are_not_in_order_of_time(resources):
    listed: dict[str, list[str]] = {}
    for one in resources:
        if _part(one) == "laboratory":
            listed.setdefault(one["subject"]["reference"], []).append(one["effectiveDateTime"])
    assert all(times != sorted(times) for times in listed.values() if len(times) > 5)


def test_shapes_are_the_recorded_ones(resources):
    recorded = SHARED / "recorded" / "official_exchanges.jsonl"
    if not recorded.exists():
        pytest.skip(f"needs the recorded answers in {recorded}")
    shapes = {tuple(paths(json.loads(line))) for line in (SHARED / "official" / "charts.ndjson").open(encoding="utf-8")}
    for line in recorded.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        text = row.get("text", "")
        answer = json.loads(text) if text.startswith("{") else row.get("json") or {}
        shapes |= {tuple(paths(entry["resource"])) for entry in answer.get("entry", [])}
    ours = {tuple(paths(one)): one for one in resources}
    assert [one for shape, one in ours.items() if shape not in shapes] == []


def test_times_values_flags_and_units(resources):
    for one in resources:
        if one["resourceType"] == "Patient":
            continue
        time = one[TIMES[one["resourceType"]]]
        assert time.endswith("+00:00")
        assert time >= "2018-11"
        assert datetime.fromisoformat(time) <= NOW
        if _part(one) == "laboratory":
            analyte, value = ANALYTES[one["code"]["text"]], one["valueQuantity"]
            assert value["unit"] == value["code"] == analyte.unit
            assert isinstance(value["value"], float)
            assert datetime.fromisoformat(time) <= datetime.fromisoformat(one["issued"]) <= NOW
            flag = one.get("interpretation", [{"coding": [{"code": None}]}])[0]["coding"][0]["code"]
            expected = "LOW" if value["value"] < analyte.low else "HIGH" if value["value"] > analyte.high else None
            assert flag == expected


def test_everybody_with_a_chart_had_a_sodium_this_morning(resources):
    today = f"{NOW.date()}T"
    seen = {
        o["subject"]["reference"]
        for o in resources
        if "code" in o and o["code"].get("text") == "NA" and o["effectiveDateTime"].startswith(today)
    }
    charted = {o["subject"]["reference"] for o in resources if "subject" in o}
    assert seen == charted
    assert len(charted) == SMALL.charts


def test_panels_are_drawn_together_and_vitals_come_in_sixes(resources):
    draws = Counter((o["subject"]["reference"], o["effectiveDateTime"]) for o in resources if _part(o) == "laboratory")
    assert sum(count for count in draws.values() if count > 3) > 0.7 * draws.total()
    vitals = [o for o in resources if _part(o) == "vital-signs"]
    assert {o["code"]["text"] for o in vitals} == set(VITAL_SIGNS)
    together = Counter((o["subject"]["reference"], o["effectiveDateTime"]) for o in vitals)
    assert sum(count for count in together.values() if count >= 5) > 0.8 * len(vitals)
    assert all("status" not in o and "valueString" in o for o in vitals)


def _figures(store):
    return {figure.what: figure.here for figure in distribution(lines(store))}


def test_the_medicine_hangs_together(default):
    figures = _figures(default)
    mean, spread = figures["age of those with a chart"].split(" +- ")
    assert float(mean) == pytest.approx(58.15, abs=0.5)
    assert float(spread) == pytest.approx(19.82, abs=0.5)
    assert figures["women among them"] == "47 %"
    assert float(figures["correlation of HGB and HCT"]) > 0.8
    assert float(figures["correlation of BUN and CR"]) > 0.7
    diabetic, others = (
        float(figures[f"mean HbA1c {who} diabetes on the problem list"].removesuffix(" %"))
        for who in ("with", "without")
    )
    assert diabetic > others + 1.0
    assert int(figures["results reported again for the same time"]) > 20


def test_values_follow_their_predecessors(tmp_path):
    size = OFFICIAL.scaled(2)
    build(Cohort(size=size).resources, tmp_path / "long.db")
    figures = _figures(Store(tmp_path / "long.db"))
    assert all(float(figures[f"autocorrelation of {code}"]) > 0.2 for code in ("K", "CR", "HGB"))


def test_wards_share_neither_names_nor_numbers():
    populations = list(POPULATIONS.values())
    for population in populations:
        assert len(population.families) > 500
        assert (
            len({population.mrn(n) for n in range(5_000)} | {population.mrn(n, resident=True) for n in range(5_000)})
            == 10_000
        )
        assert all(
            population.mrn(n).startswith(("S4", "S7", "S9")) and len(population.mrn(n)) == 8 for n in (0, 77, 10**9)
        )
        for other in populations:
            if other is not population:
                assert not set(population.families) & set(other.families)
                assert population.first + population.size <= other.first or other.first + other.size <= population.first


def test_near_misses_differ_in_one_thing():
    registry = Registry(POPULATIONS["train"], random.Random("doubles"), NOW.date())
    person = registry.person()
    doubles = list(islice(registry.near_misses(person), 40))
    assert len({one.mrn for one in [person, *doubles]}) == 41
    assert len({(one.given, one.family, one.birthdate) for one in [person, *doubles]}) == 41
    for one in doubles:
        same = [one.given == person.given, one.family == person.family, one.birthdate == person.birthdate]
        assert same.count(False) == 1
    assert {"given", "family", "birthdate"} == {
        key for one in doubles for key in ("given", "family", "birthdate") if getattr(one, key) != getattr(person, key)
    }


def test_birthdays_on_any_day():
    for today in (date(2024, 2, 28), date(2024, 2, 29), date(2023, 3, 1), date(2023, 12, 31)):
        registry = Registry(POPULATIONS["train"], random.Random("days"), today)
        for _ in range(50):
            assert registry.birthdate(day=today)[5:] == today.isoformat()[5:]
            assert registry.birthdate()[5:] != today.isoformat()[5:]
