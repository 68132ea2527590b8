"""Stored rows: checked by their types when they are read, and found again by where they stand."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medenv.errors import DataError
from medenv.tasks import Task
from medenv.trajectories import (
    DamagedRowError,
    RunFolderError,
    Status,
    Trajectory,
    TrajectoryError,
    Turn,
    key_of,
    numbered,
    parse,
    read_row,
    read_rows,
    seal,
)

pytestmark = pytest.mark.quick

TASK = Task("task5_1", 5, "Check the magnesium.", "It is noon.", "S1234567", "builtin", params={"ndc": "0338-1715-40"})


def episode(sample=0, text='FINISH(["5"])'):
    call = {"id": "1", "type": "function", "function": {"name": "finish", "arguments": "{}"}}
    turn = Turn(
        text,
        "finish",
        usage={"prompt_tokens": 7, "cost": 0.5, "provider": "x"},
        message={"role": "assistant", "content": None, "tool_calls": [call]},
        tokens={"ids": [1, 2], "logprobs": [-0.5, None], "texts": ["a", "b"]},
    )
    check = {"name": "answer", "passed": True, "expected": "5", "found": "5"}
    verdict = {"score": 1.0, "checks": [check], "grader": "strict", "partial": {"answer": 1.0}}
    provenance = {"sample": sample, "seed": 3, "agent": {"name": "x"}}
    return Trajectory(
        TASK, "http://x/fhir", "prompt", Status.COMPLETED, (turn,), verdict=verdict, provenance=provenance
    )


def write(path, *rows):
    path.write_bytes(b"".join(seal(one.to_json()) + b"\n" for one in rows))
    return path


def test_a_row_comes_back_as_it_was_stored():
    stored = episode()
    again = parse(seal(stored.to_json()))
    assert again.to_json() == stored.to_json()
    assert isinstance(again.turns[0], Turn)
    assert again.task == TASK


WRONG = [
    (("turns", 0, "text"), 5, "turns[0].text is 5"),
    (("turns", 0, "response_status"), "200", "turns[0].response_status is '200'"),
    (("turns", 0, "usage", "cost"), "much", "turns[0].usage.cost is 'much'"),
    (("turns", 0, "tokens", "ids", 1), "x", "turns[0].tokens.ids[1] is 'x'"),
    (
        ("turns", 0, "message", "tool_calls", 0, "function", "name"),
        None,
        "turns[0].message.tool_calls[0].function.name",
    ),
    (("turns", 0, "more"), 1, "turns[0].more"),
    (("task", "type"), "5", "task.type is '5'"),
    (("task", "params"), [], "task.params is []"),
    (("status",), "fine", "status is 'fine'"),
    (("max_turns",), True, "max_turns is True"),
    (("provenance", "sample"), "first", "provenance.sample is 'first'"),
    (("verdict", "score"), None, "verdict.score is None"),
    (("verdict", "checks", 0, "passed"), "yes", "verdict.checks[0].passed is 'yes'"),
    (("turns",), {}, "turns is {}"),
]


@pytest.mark.parametrize(("path", "value", "said"), WRONG, ids=[".".join(map(str, one[0])) for one in WRONG])
def test_a_value_of_another_type_is_named_with_file_line_and_field(path, value, said, tmp_path):
    row = json.loads(episode(1).to_json())
    at = row
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = value
    file = write(tmp_path / "trajectories.jsonl", episode())
    with file.open("ab") as more:
        more.write(json.dumps(row).encode() + b"\n")
    rows = read_rows(tmp_path)
    assert next(rows).number == 1
    with pytest.raises(DamagedRowError) as caught:
        next(rows)
    assert f"{file}, line 2: {said}" in str(caught.value)
    assert isinstance(caught.value, RunFolderError)
    assert isinstance(caught.value, DataError)


@pytest.mark.parametrize("field", ["task", "base", "prompt", "status"])
def test_a_field_that_is_missing_is_named(field):
    row = json.loads(episode().to_json())
    del row[field]
    with pytest.raises(TrajectoryError, match=field):
        parse(json.dumps(row).encode())


def test_the_member_of_a_field_that_is_missing_is_named():
    row = json.loads(episode().to_json())
    del row["verdict"]["score"]
    with pytest.raises(TrajectoryError, match=r"verdict\.score"):
        parse(json.dumps(row).encode())


leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text())
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)


@given(field=st.sampled_from(sorted(json.loads(episode().to_json()))), value=values)
def test_a_row_with_anything_anywhere_is_read_or_refused(field, value):
    row = json.loads(episode().to_json()) | {field: value}
    try:
        again = Trajectory.from_json(json.dumps(row))
    except TrajectoryError:
        return
    key_of(again)
    assert isinstance(again.messages, list)


def test_an_episode_is_read_again_from_where_it_stands(tmp_path):
    stored = [episode(number, text="ä" * number) for number in range(4)]
    file = write(tmp_path / "trajectories.jsonl", *stored)
    rows = list(read_rows(file))
    assert [(row.number, row.trajectory.to_json()) for row in rows] == [
        (number, one.to_json()) for number, one in enumerate(stored, 1)
    ]
    with file.open("rb") as open_file:
        for row in reversed(rows):
            assert read_row(open_file, row.offset).to_json() == row.trajectory.to_json()


def test_a_last_line_that_is_still_being_written_is_left_out(tmp_path):
    file = write(tmp_path / "trajectories.jsonl", episode(0), episode(1))
    file.write_bytes(file.read_bytes()[:-30])
    assert [number for number, _ in numbered(file)] == [1]


def test_the_old_names_still_work_with_a_warning():
    import medenv.protocol

    with pytest.warns(DeprecationWarning, match=r"medenv\.trajectories"):
        assert medenv.protocol.Trajectory is Trajectory
