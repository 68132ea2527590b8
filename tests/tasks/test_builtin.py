"""The builtin split: what its scenarios promise, checked on the charts themselves."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta

import pytest

from medenv.tasks import TYPES, builtin, load_split
from medenv.tasks.chart import instant, newest, readings, year_before
from medenv.tasks.scenarios import shares
from tests.tasks.sources import parsed

PAGE = 20
LATEST = (4, 5, 7, 9, 10)
SEEDS = (0, 1, 7)


@pytest.fixture(scope="module", params=SEEDS)
def split(request, make_chart):
    return builtin.tasks(request.param), make_chart(builtin.resources(request.param))


def facts(task, chart):
    return chart.search(TYPES[task.type].reference_query(task))


def test_thirty_tasks_a_type_and_unique_ids(split):
    tasks, _ = split
    assert Counter(task.type for task in tasks) == dict.fromkeys(range(1, 11), 30)
    assert len({task.id for task in tasks}) == 300
    assert all(task.id.startswith(f"task{task.type}_") and task.split == "builtin" for task in tasks)


def test_at_most_ten_thousand_resources_in_load_order(split):
    _, chart = split
    kinds = [resource["resourceType"] for resource in chart.resources]
    assert len(kinds) <= 10_000
    assert list(dict.fromkeys(kinds)) == ["Patient", "Condition", "Observation", "Procedure", "MedicationRequest"]
    patients = kinds.count("Patient")
    numbers = [resource["id"] for resource in chart.resources[patients:]]
    assert numbers == [str(number) for number in range(patients + 1, len(kinds) + 1)]


def test_branches_come_as_often_as_declared(split):
    tasks, _ = split
    for number, known in TYPES.items():
        counts = Counter(task.branch for task in tasks if task.type == number)
        assert {branch: count / 30 for branch, count in counts.items()} == pytest.approx(shares(known.scenarios))


def test_every_branch_at_least_three_times_and_as_the_chart_has_it(split):
    tasks, chart = split
    counts = Counter((task.type, task.branch) for task in tasks)
    for number, known in TYPES.items():
        for branch in known.branches:
            assert counts[number, branch.name] >= 3, (number, branch.name)
    for task in tasks:
        query = TYPES[task.type].reference_query(task)
        gold = TYPES[task.type].gold(task, chart.search(query) if query else [])
        assert gold.branch == task.branch, task.id
        assert len(gold.orders) == next(b.orders for b in TYPES[task.type].branches if b.name == task.branch)
        if task.type == 1:
            assert gold.answer == task.params["sol"]


@pytest.mark.parametrize(("number", "value"), [(5, 1.9), (9, 3.5), (5, 1.5), (5, 1.0)])
def test_thresholds_are_met_exactly(split, number, value):
    tasks, chart = split
    values = [newest(readings(facts(task, chart))) for task in tasks if task.type == number]
    assert sum(latest is not None and latest.value == value for latest in values) >= (3 if value in (1.9, 3.5) else 1)


@pytest.mark.parametrize("number", LATEST)
def test_a_third_of_the_latest_tasks_hide_the_newest_value_from_the_first_page(split, number):
    tasks, chart = split
    hidden = 0
    for task in tasks:
        if task.type != number:
            continue
        values = readings(facts(task, chart))
        if len(values) > PAGE:
            latest = newest(values)
            if values.index(latest) >= PAGE:
                hidden += 1
                assert newest(values[:PAGE]).value != latest.value
    assert hidden >= 10


def test_means_need_paging_and_a_date_bound(split):
    tasks, chart = split
    inside, outside = [], []
    for task in tasks:
        if task.type == 6:
            values = readings(facts(task, chart))
            inside.append(sum(value.at >= instant(task.now) - timedelta(hours=24) for value in values))
            outside.append(len(values) - inside[-1])
    assert sum(count > PAGE for count in inside) >= 6
    assert sum(a > 0 and b > 0 for a, b in zip(inside, outside, strict=True)) >= 15


def test_edges_of_the_windows_are_met(split):
    tasks, chart = split
    day, minute, seen = timedelta(days=1), timedelta(minutes=1), Counter()
    for task in tasks:
        if task.type in (4, 5, 6, 10):
            edge = year_before(task.now) if task.type == 10 else instant(task.now) - day
            seen.update((task.type, edge - value.at) for value in readings(facts(task, chart)))
    assert all(seen[number, timedelta()] for number in (4, 5, 6, 10))
    assert all(seen[number, minute] for number in (4, 5, 10))


def test_leap_day_births_count_from_the_first_of_march(split):
    tasks, chart = split
    born = Counter()
    for task in tasks:
        if task.type == 2 and facts(task, chart)[0]["birthDate"].endswith("-02-29"):
            born[task.branch] += 1
            assert task.branch == "ordinary" or task.now[5:10] == {"birthday": "03-01", "eve": "02-28"}[task.branch]
    assert {"birthday", "eve"} <= set(born)


def test_results_that_count_have_number_and_offset_and_none_is_later_than_the_present(split):
    tasks, chart = split
    for task in tasks:
        if "code" in task.params:
            for one in facts(task, chart):
                assert isinstance(one["valueQuantity"]["value"], float)
                assert one["effectiveDateTime"].endswith("+00:00")
                assert instant(one["effectiveDateTime"]) <= instant(task.now)


def test_no_two_types_ask_about_one_code_of_one_chart(split):
    tasks, _ = split
    asked = Counter((task.mrn, task.params["code"]) for task in tasks if "code" in task.params)
    assert max(asked.values()) == 1


def test_people_are_told_apart(split):
    _, chart = split
    patients = [resource for resource in chart.resources if resource["resourceType"] == "Patient"]
    who = Counter((p["name"][0]["given"][0], p["name"][0]["family"], p["birthDate"]) for p in patients)
    assert max(who.values()) == 1
    assert len({p["id"] for p in patients}) == len(patients)
    names = Counter((given, family) for given, family, _ in who)
    assert sum(count > 1 for count in names.values()) >= 5, "namesakes"


def test_the_reference_solves_every_task_within_eight_turns(split):
    tasks, chart = split
    paged = 0
    for task in tasks:
        known = TYPES[task.type]
        query = known.reference_query(task)
        gold = known.gold(task, chart.search(query) if query else [])
        actions = chart.run(known.solve(task))
        assert actions == [*actions[: -1 - len(gold.orders)], *_expected(gold)], task.id
        assert len(actions) <= 8
        paged += sum(action.startswith("GET") for action in actions) > 1
    assert paged >= 1


def _expected(gold):
    from medenv.tasks.reference import act

    return list(act(gold.orders, gold.answer, ""))


def test_instructions_say_what_is_needed(split):
    tasks, _ = split
    for task in tasks:
        text = f"{task.instruction}\n{task.context}"
        assert (task.mrn is not None and task.mrn in task.instruction) != ("birthdate" in task.params)
        for key, value in task.params.items():
            if key not in ("sol", "recheck_day", "case", "difficulty", "wording"):
                assert str(value) in text, (task.id, key)
        assert task.now in task.context


def test_orders_for_anybody_are_asked_for_by_number_and_by_name():
    for number in (3, 8):
        named = ["birthdate" in task.params for task in load_split("builtin").of_type(number)]
        assert (sum(named), named[0]) == (15, False)


def test_texts_vary_where_the_instruction_carries_the_content():
    tasks = load_split("builtin")
    assert len({task.params["reading"] for task in tasks.of_type(3)}) >= 20
    assert len({task.params["note"] for task in tasks.of_type(8)}) >= 15
    assert all('"' not in task.params["note"] for task in tasks.of_type(8))


PRINT = """
import hashlib, json
from medenv.tasks import load_split
from tests.tasks.sources import parsed
split = load_split("builtin")
print(split.fingerprint, hashlib.sha256("\\n".join(map(json.dumps, parsed(split.resources()))).encode()).hexdigest())
"""


def test_the_same_bytes_in_every_process():
    outputs = set()
    for hash_seed in ("0", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", PRINT], env=environment, capture_output=True, text=True, check=True
        )
        outputs.add(done.stdout)
    here = hashlib.sha256("\n".join(map(json.dumps, parsed(builtin.resources()))).encode()).hexdigest()
    assert outputs == {f"{load_split('builtin').fingerprint} {here}\n"}


def test_seeds_give_other_patients():
    first, second = ({task.mrn for task in builtin.tasks(seed)} for seed in (0, 1))
    assert len(first & second) <= 2


def test_no_official_patient(official, builtin_chart):
    taken = [one for one in official.chart.resources if one["resourceType"] == "Patient"]
    mrns = {one["id"] for one in taken}
    who = {(one["name"][0]["family"], tuple(one["name"][0]["given"]), one["birthDate"]) for one in taken}
    ours = [one for one in builtin_chart.resources if one["resourceType"] == "Patient"]
    assert not {one["id"] for one in ours} & mrns
    assert not {(one["name"][0]["family"], tuple(one["name"][0]["given"]), one["birthDate"]) for one in ours} & who
    rows = (official.folder / "test_data_v2.json").read_text(encoding="utf-8")
    assert not [one["id"] for one in ours if one["id"] in rows]


def test_no_official_sentence(official):
    from medenv.tasks import load_rows

    official_words = {}
    for row in load_rows(official.folder):
        for text in (row.instruction, row.context):
            words = text.replace(str(row.mrn), "").split()
            for i in range(len(words) - 7):
                official_words[" ".join(words[i : i + 8])] = row.id
    for task in builtin.tasks():
        for text in (task.instruction, task.context):
            words = text.split()
            for i in range(len(words) - 7):
                run = " ".join(words[i : i + 8])
                assert run not in official_words, (task.id, run)
