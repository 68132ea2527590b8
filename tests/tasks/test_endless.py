"""Train and validation: tasks without end that are what their case says, on patients of their own."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections import Counter
from datetime import date
from itertools import islice

import pytest

from medenv.fhir import EmbeddedBackend
from medenv.tasks import TYPES, UnknownNameError, cohort_of, load_split
from medenv.tasks.chart import instant, newest, readings
from medenv.tasks.scenarios import ROUND, shares
from tests.tasks.test_on_server import play

SMALL = cohort_of("train", charts=60)
SAMPLE = 600


@pytest.fixture(scope="module")
def split():
    return load_split("train", cohort=SMALL)


@pytest.fixture(scope="module")
def backend(split):
    with EmbeddedBackend.from_resources(split.resources()) as backend:
        yield backend


@pytest.fixture(scope="module")
def tasks(split):
    return split[:SAMPLE]


def facts(task, session):
    query = TYPES[task.type].reference_query(task)
    entries = json.loads(session.get(query).body).get("entry", []) if query else []
    return [entry["resource"] for entry in entries]


@pytest.mark.parametrize("number", TYPES)
def test_scenarios_add_up_to_a_round_and_name_real_branches(number):
    assert sum(scenario.count for scenario in TYPES[number].scenarios) == ROUND
    assert set(shares(TYPES[number].scenarios)) == {branch.name for branch in TYPES[number].branches}


def test_types_and_branches_come_as_often_as_declared(split):
    tasks = split[: 10 * ROUND * 2]
    counts = Counter((task.type, task.branch) for task in tasks)
    for number in TYPES:
        for branch, share in shares(TYPES[number].scenarios).items():
            assert counts[number, branch] == share * ROUND * 2


def test_the_reference_solves_what_the_chart_demands(tasks, split, backend):
    for task in tasks:
        with backend.open(overlay=split.overlay(task)) as session:
            known = TYPES[task.type]
            gold = known.gold(task, facts(task, session))
            assert gold.branch == task.branch, task.id
            if task.type == 1:
                assert gold.answer == task.params["sol"]
            actions = play(task, session)
            posts = [json.loads(action.split("\n", 1)[1]) for action in actions if action.startswith("POST")]
            assert posts == list(gold.orders), task.id
            assert actions[-1] == f"FINISH({json.dumps(list(gold.answer))})"
            assert len(actions) <= 8


def test_nearly_all_bring_a_patient_of_their_own(split):
    tasks = split[:2000]
    owners = Counter(split.own_patient(task) for task in tasks)
    assert sum(count == 1 for mrn, count in owners.items() if mrn) >= 0.9 * len(tasks)
    residents = {one["id"] for one in map(_parsed, split.resources()) if one.get("resourceType") == "Patient"}
    assert not residents & set(owners)
    others = [task for task in tasks if split.own_patient(task) is None]
    assert others
    assert {task.mrn for task in others} <= residents


def _parsed(source):
    return json.loads(source) if isinstance(source, str) else {}


def test_cases_are_what_they_say(tasks, split, backend):
    seen = Counter()
    for task in tasks:
        if task.type not in (4, 5, 7, 9, 10):
            continue
        with backend.open(overlay=split.overlay(task)) as session:
            values = readings(facts(task, session))
            case = task.params["case"]
            latest, count = newest(values), len(values)
            if any(words in case for words in ("beyond the first page", "middle of the list")):
                assert values.index(latest) >= 20
                assert newest(values[:20]).value != latest.value
                seen["buried"] += 1
            if "middle of the list" in case:
                assert count > 40
                assert values.index(latest) < count - 20
                assert newest(values[-20:]).value != latest.value
                seen["middle"] += 1
            if case == "long list":
                assert count > 20
                assert values.index(latest) < min(20, count - 20)
            seen["any"] += latest is not None
            seen["stored last"] += latest is not None and values[-1] == latest
            if case == "future decoy":
                shown = json.loads(session.get(f"Observation?patient={task.mrn}&_count=5000").body)["entry"]
                later = [
                    e["resource"] for e in shown if instant(e["resource"]["effectiveDateTime"]) > instant(task.now)
                ]
                assert later
                assert all(one["code"]["text"].startswith(task.params["code"][:2]) for one in later if "code" in one)
                assert not any(one["code"]["text"] == task.params["code"] for one in later)
                seen["future"] += 1
            elif task.branch in ("present", "low", "fresh"):
                assert all(value.at <= instant(task.now) for value in values)
            if case == "limit" and task.type == 9:
                assert newest(values).value in (3.4, 3.5)
                seen["limit"] += 1
    assert seen["buried"] > 50
    assert seen["middle"] > 40
    assert seen["stored last"] < 0.25 * seen["any"]
    assert seen["future"] > 5
    assert seen["limit"] > 3


def test_half_of_the_orders_name_the_patient_without_the_mrn(split):
    for number in (3, 8):
        tasks = split.of_type(number)[:ROUND]
        named = [task for task in tasks if task.mrn not in task.instruction]
        assert len(named) == ROUND / 2
        for task in named:
            assert all(task.params[key] in task.instruction for key in ("given", "family", "birthdate"))
            assert list(TYPES[number].blind(task)) == ["FINISH([])"]


def test_doubles_are_on_file_and_are_not_the_patient(split, backend):
    tasks = split.choose(3, difficulty="hard")[:8]
    for task in tasks:
        with backend.open(overlay=split.overlay(task)) as session:
            family = json.loads(session.get(f"Patient?family={task.params['family']}&_count=200").body).get("entry", [])
            given = json.loads(session.get(f"Patient?given={task.params['given']}&_count=200").body).get("entry", [])
            assert len({e["resource"]["id"] for e in [*family, *given]}) >= 2


def test_the_same_index_and_id_give_the_same_task(split):
    for index in (0, 7, 299, 12_345, 999_999_999):
        task = split[index]
        assert task == split[index] == split.task(task.id)
        assert split[index - len(split)] == task
    assert [task.id for task in split[5:9]] == [split[i].id for i in range(5, 9)]
    assert list(islice(split, 3)) == list(split[:3])
    with pytest.raises(IndexError, match="1000000000"):
        split[1_000_000_000]


@pytest.mark.parametrize("ward", ["train", "validation"])
def test_leap_day_births_decide_in_every_round(ward):
    split = load_split(ward, cohort=cohort_of(ward, charts=10))
    seen = Counter()
    for task in split.choose(2)[:ROUND]:
        arriving = [one for one in split.overlay(task) if isinstance(one, dict)]
        born = next((one["birthDate"] for one in arriving if one["id"] == task.mrn), "")
        if task.params["case"] == "leap day":
            assert born.endswith("-02-29")
            seen[task.branch, task.now[5:10] if task.branch != "ordinary" else ""] += 1
    assert seen == {("ordinary", ""): 1, ("birthday", "03-01"): 1, ("eve", "02-28"): 1}


@pytest.mark.parametrize(
    "now", ["2024-02-28", "2024-02-29", "2024-03-01", "2023-02-28", "2023-03-01", "2023-11-13", "2023-12-31"]
)
def test_leap_day_cases_are_what_they_say_on_any_day(split, backend, now):
    for task in split.choose(2)[:ROUND]:
        if task.params["case"] == "leap day":
            moved = split.present(task, now=f"{now}T12:00:00+00:00")
            with backend.open(overlay=split.overlay(moved)) as session:
                assert TYPES[2].gold(moved, facts(moved, session)).branch == task.branch


def test_seeds_give_other_tasks(split):
    other = load_split("train", seed=1, cohort=SMALL)
    assert other.fingerprint != split.fingerprint
    assert {task.id for task in split[:50]}.isdisjoint(task.id for task in other[:50])
    assert [task.params for task in split[:50]] != [task.params for task in other[:50]]
    with pytest.raises(UnknownNameError, match="task1_s1_1"):
        other.task(split[0].id)


@pytest.mark.parametrize("id", ["task9_12", "task11_s0_1", "task0_s0_1", "task9_s0_0", "nonsense", "task9_s0_1 "])
def test_ids_of_no_task_are_explained(split, id):
    with pytest.raises(UnknownNameError, match="task1_s0_1"):
        split.task(id)


def test_choosing_by_branch_and_difficulty(split):
    low = split.choose(9, "low")
    assert {(task.type, task.branch) for task in low[:40]} == {(9, "low")}
    assert {task.params["difficulty"] for task in split.choose(None, None, "hard")[:40]} == {"hard"}
    assert all(split.task(task.id) == task for task in low[:20])
    assert len({task.id for task in low[:100]}) == 100
    everything = {task.id for task in split.of_type(9)[: 3 * ROUND] if task.branch == "low"}
    assert {task.id for task in low[: len(everything)]} == everything
    with pytest.raises(UnknownNameError, match="absent, normal, low"):
        split.choose(9, "lwo")
    with pytest.raises(UnknownNameError, match="easy, hard"):
        split.choose(difficulty="hart")
    assert split.of_type(9).choose(branch="low") == low
    with pytest.raises(UnknownNameError, match="absent, normal, low"):
        split.choose(5, "severe").choose(9)
    with pytest.raises(ValueError, match="'birthday' and 'easy'"):
        split.choose(2, "birthday", "easy")


def test_presents_vary_and_can_be_set(split, backend):
    assert len({task.now for task in split[:50]}) > 45
    for number in (2, 4, 5, 6, 9, 10):
        for task in split.of_type(number)[:6]:
            moved = split.present(task, now="2024-02-29T06:07:00+00:00")
            assert moved.id == task.id
            assert moved.branch == task.branch
            assert "2024-02-29T06:07:00+00:00" in moved.context
            with backend.open(overlay=split.overlay(moved)) as session:
                assert TYPES[number].gold(moved, facts(moved, session)).branch == task.branch
    assert split.present(split[0]) == split[0]


@pytest.mark.parametrize(
    "now", ["2024-02-30T00:00:00+00:00", "today", "2024-02-20T06:07:08+00:00", "2024-02-20T06:07:00Z", "2024-02-20"]
)
def test_presents_that_are_none_are_refused(split, now):
    with pytest.raises(ValueError):
        split.present(split[0], now=now)


def test_wordings_change_the_words_alone(split):
    for number in TYPES:
        task = split.of_type(number)[0]
        texts = set()
        for wording in range(5):
            worded = split.present(task, paraphrase=wording)
            texts.add(worded.instruction)
            assert (worded.id, worded.context, worded.mrn, worded.now) == (task.id, task.context, task.mrn, task.now)
            assert "{" not in worded.instruction
        assert len(texts) == 5
        with pytest.raises(ValueError, match="wordings 0 to 4, not 5"):
            split.present(task, paraphrase=5)


def test_references_read_every_wording(split, backend):
    for number in TYPES:
        for task in split.of_type(number)[:3]:
            for wording in range(5):
                worded = split.present(task, paraphrase=wording)
                if number in (3, 8) and worded.mrn in worded.instruction:
                    blind = list(TYPES[number].blind(worded))
                    assert json.loads(blind[0].split("\n", 1)[1]) == TYPES[number].gold(worded, []).orders[0]


def test_validation_has_other_people(split):
    other = load_split("validation", cohort=cohort_of("validation", charts=20))
    ours, theirs = (_people(one, 150) for one in (split, other))
    assert ours
    assert theirs
    assert not {p["id"] for p in ours} & {p["id"] for p in theirs}
    assert not {p["name"][0]["family"] for p in ours} & {p["name"][0]["family"] for p in theirs}


def _people(split, count):
    residents = [one for one in map(_parsed, split.resources()) if one]
    return residents + [one for task in split[:count] for one in split.overlay(task) if isinstance(one, dict)]


def test_no_name_and_birthday_twice_in_an_episode(split):
    residents = {_key(one) for one in map(_parsed, split.resources()) if one}
    for task in split[:200]:
        arriving = [_key(one) for one in split.overlay(task) if isinstance(one, dict)]
        assert len(set(arriving)) == len(arriving)
        assert not residents & set(arriving)


def _key(patient):
    return patient["name"][0]["given"][0], patient["name"][0]["family"], patient["birthDate"]


def test_no_official_patient(official):
    rows = (official.folder / "test_data_v2.json").read_text(encoding="utf-8")
    taken = [one for one in official.chart.resources if one["resourceType"] == "Patient"]
    mrns, who = {one["id"] for one in taken}, {_key(one) for one in taken}
    for split in (load_split("train"), load_split("validation")):
        for one in _people(split, 400):
            assert one["id"] not in mrns
            assert one["id"] not in rows
            assert _key(one) not in who
            assert date.fromisoformat(one["birthDate"]) < date(2025, 1, 1)


def test_no_official_sentence(official):
    from medenv.tasks import load_rows

    words = set()
    for row in load_rows(official.folder):
        for text in (row.instruction, row.context):
            parts = text.replace(str(row.mrn), "").split()
            words |= {" ".join(parts[i : i + 8]) for i in range(len(parts) - 7)}
    for task in load_split("train")[: 10 * ROUND]:
        for text in (task.instruction, task.context):
            parts = text.split()
            assert not words & {" ".join(parts[i : i + 8]) for i in range(len(parts) - 7)}, task.id


PRINT = """
import hashlib
from medenv.fhir.jsontext import compact
from medenv.tasks import cohort_of, load_split
split = load_split("train", cohort=cohort_of("train", charts=60))
digest = hashlib.sha256()
for task in split[:60]:
    digest.update(repr((task, [o if isinstance(o, dict) else (o[0].values, o[1]) for o in split.overlay(task)])).encode())
print(digest.hexdigest())
"""


def test_the_same_bytes_in_every_process():
    outputs = {
        subprocess.run(
            [sys.executable, "-c", PRINT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "4711")
    }
    assert len(outputs) == 1


def test_a_split_survives_pickling(split):
    chosen = split.choose(9, "low")
    again = pickle.loads(pickle.dumps(chosen))
    assert again == chosen
    assert again[3] == chosen[3]
    assert len({chosen, again}) == 1


def test_cohorts_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="'train' does not go with the split 'test'"):
        load_split("test", cohort=SMALL)
    with pytest.raises(UnknownNameError, match="default, full"):
        cohort_of("train", "fulll")
    with pytest.raises(ValueError, match="train, validation"):
        cohort_of("test")
