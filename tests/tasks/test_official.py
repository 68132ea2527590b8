"""Loading official rows: every way a file can be wrong is named; nothing else than TaskFileError comes out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medenv.tasks import TaskFileError, load_functions, load_rows, load_split


def row(**changes) -> dict:
    made = {"id": "task4_7", "instruction": "Magnesium of S7654321?", "context": "Now.", "eval_MRN": "S7654321"}
    made.update(changes)
    return {key: value for key, value in made.items() if value is not ...}


def search_row(**changes) -> dict:
    instruction = "Who has the name Ada van Oakhurst and DOB of 1970-01-02?"
    return row(**{"id": "task1_1", "instruction": instruction, "context": "", "sol": ["S7654321"], **changes})


def write(folder: Path, rows: object, name: str = "test_data_v2.json") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(rows if isinstance(rows, str) else json.dumps(rows), encoding="utf-8")
    return file


def test_rows_become_tasks_with_the_graders_constants(tmp_path):
    referral = row(id="task8_1", instruction='Refer S7654321, saying "Knee. Please see."')
    pressure = row(id="task3_1")
    write(
        tmp_path,
        [row(), search_row(), search_row(id="task1_2", eval_MRN=..., sol=["Patient not found"]), referral, pressure],
    )
    magnesium, found, missing, referred, pressed = load_rows(tmp_path)
    assert (magnesium.type, magnesium.mrn, magnesium.params) == (4, "S7654321", {"code": "MG"})
    assert magnesium.split == "official"
    assert magnesium.now == "2023-11-13T10:15:00+00:00"
    assert found.params == {"given": "Ada", "family": "van Oakhurst", "birthdate": "1970-01-02", "sol": ["S7654321"]}
    assert missing.mrn is None
    branches = [task.branch for task in (magnesium, found, missing, referred, pressed)]
    assert branches == [None, "found", "not_found", "refer", "record"]
    assert referred.params["note"] == "Knee. Please see."
    assert pressed.params == {"reading": "118/77 mmHg"}


def test_a_folder_a_file_and_a_checkout_are_understood(tmp_path):
    file = write(tmp_path / "plain", [row()])
    write(tmp_path / "checkout" / "data" / "medagentbench", [row(id="task4_8")])
    assert load_rows(file)[0].id == load_rows(str(tmp_path / "plain"))[0].id == "task4_7"
    assert load_rows(tmp_path / "checkout")[0].id == "task4_8"
    assert load_split("official", official=file).task("task4_7").mrn == "S7654321"


@pytest.mark.parametrize("where", ["nowhere", "."])
def test_a_missing_file_says_what_was_looked_for(tmp_path, where):
    with pytest.raises(TaskFileError, match=r"test_data_v2\.json.*data/medagentbench/test_data_v2\.json") as caught:
        load_rows(tmp_path / where)
    assert "MedAgentBench" in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (row(id=...), ["field 'id'", "missing"]),
        (row(id=7), ["field 'id'", "expected text", "7"]),
        (row(id="task4-7"), ["field 'id'", "'task4-7'"]),
        (row(id="task11_1"), ["field 'id'", "unknown task type 11"]),
        (row(id="task0_1"), ["field 'id'", "unknown task type 0"]),
        (row(instruction=...), ["task4_7", "field 'instruction'", "missing"]),
        (row(instruction=["x"]), ["field 'instruction'", "expected text", "['x']"]),
        (row(instruction="  "), ["field 'instruction'", "blank"]),
        (row(context=None), ["field 'context'", "expected text", "None"]),
        (row(context=...), ["field 'context'", "missing"]),
        (row(eval_MRN=...), ["field 'eval_MRN'", "missing"]),
        (row(eval_MRN=123), ["field 'eval_MRN'", "123"]),
        (row(eval_MRN="S1&code=K"), ["field 'eval_MRN'", "'S1&code=K'"]),
        (search_row(sol=...), ["field 'sol'", "missing"]),
        (search_row(sol="S7654321"), ["field 'sol'", "'S7654321'"]),
        (search_row(sol=[]), ["field 'sol'", "[]"]),
        (search_row(sol=[1]), ["field 'sol'", "[1]"]),
        (search_row(instruction="Who is it?"), ["field 'instruction'", "DOB", "'Who is it?'"]),
        (search_row(instruction="name Ada and DOB of 1970-01-02"), ["field 'instruction'", "'Ada'"]),
        (search_row(instruction="name Ada B and DOB of 1970-13-02"), ["field 'instruction'", "1970-13-02"]),
        (search_row(eval_MRN=None), ["field 'eval_MRN'", "None"]),
        (row(id="task8_1"), ["field 'instruction'", "double quotes"]),
        ("text", ["expected an object", "'text'"]),
        (None, ["expected an object", "None"]),
    ],
)
def test_a_malformed_row_is_named_with_its_field_and_value(tmp_path, wrong, words):
    write(tmp_path, [row(id="task4_1"), wrong])
    with pytest.raises(TaskFileError) as caught:
        load_rows(tmp_path)
    for word in ["row 1", "test_data_v2.json", *words]:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ('[{"id": "task4_1"', "not JSON"),
        ("{}", "expected a JSON array of rows, found an object"),
        ("[]", "empty"),
        ("null", "found null"),
        ("[" * 100_000, "nested too deeply"),
        ("[" + "9" * 10_000 + "]", "test_data_v2.json"),
    ],
)
def test_a_file_that_holds_no_rows(tmp_path, text, words):
    write(tmp_path, text)
    with pytest.raises(TaskFileError, match=words):
        load_rows(tmp_path)


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "test_data_v2.json").write_bytes(b"[\xff\xfe]")
    with pytest.raises(TaskFileError, match="not UTF-8"):
        load_rows(tmp_path)


def test_a_byte_order_mark_is_no_obstacle(tmp_path):
    write(tmp_path, "\ufeff" + json.dumps([row()]))
    assert load_rows(tmp_path)[0].id == "task4_7"


def test_the_same_id_twice_names_both_rows(tmp_path):
    write(tmp_path, [row(id="task4_1"), row(), row(id="task4_1")])
    with pytest.raises(TaskFileError, match=r"row 2, field 'id': 'task4_1' is also the id of row 0"):
        load_rows(tmp_path)


def test_a_long_value_is_quoted_in_part(tmp_path):
    write(tmp_path, [row(context=["x" * 5000])])
    with pytest.raises(TaskFileError) as caught:
        load_rows(tmp_path)
    assert len(str(caught.value)) < 600


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["id", "instruction", "context", "eval_MRN", "sol"])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["task1_1", "task4_7", "task8_2"]), st.dictionaries(FIELDS, JSON, min_size=1), st.booleans())
def test_whatever_a_field_holds_it_loads_or_is_named(tmp_path_factory, identity, changes, delete):
    made = search_row(id=identity, instruction='The name Ada B and DOB of 1970-01-02, "note"')
    for field, value in changes.items():
        if delete:
            made.pop(field, None)
        else:
            made[field] = value
    folder = tmp_path_factory.mktemp("rows")
    write(folder, [row(id="task4_1"), made])
    problem, tasks = None, ()
    try:
        tasks = load_rows(folder)
    except TaskFileError as error:
        problem = str(error)
    if problem is None:
        assert len(tasks) == 2
        assert all(isinstance(text, str) for text in (tasks[1].id, tasks[1].instruction, tasks[1].context))
    else:
        assert "row 1" in problem
        assert any(f"field '{field}'" in problem for field in changes)


def test_functions_lie_beside_the_rows(tmp_path):
    assert load_functions(tmp_path) is None
    write(tmp_path / "data" / "medagentbench", [{"name": "GET x"}], "funcs_v1.json")
    assert load_functions(tmp_path) == [{"name": "GET x"}]
    write(tmp_path, [{"name": 5}], "funcs_v1.json")
    with pytest.raises(TaskFileError, match=r"funcs_v1\.json: function 0.*'name': 5"):
        load_functions(tmp_path)
    write(tmp_path, "{}", "funcs_v1.json")
    with pytest.raises(TaskFileError, match="found an object"):
        load_functions(tmp_path)


def test_the_official_rows(official):
    tasks = load_split("official", official=official.folder)
    assert len(tasks) == 300
    assert [len(tasks.of_type(number)) for number in range(1, 11)] == [30] * 10
    assert sum(task.mrn is None for task in tasks) == 2
    assert len({task.params["note"] for task in tasks.of_type(8)}) == 1
    assert len(load_functions(official.folder)) == 9
