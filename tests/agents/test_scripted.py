"""Scripts written by hand: three forms of file, one for all tasks or one each, and errors that say what to write."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medenv.agents import FatalProviderError, load
from medenv.agents.scripted import ScriptError, read_script
from medenv.episode import Benchmark
from medenv.rollouts import play
from medenv.trajectories import Status

pytestmark = pytest.mark.quick

POST = 'POST Observation\n{\n  "resourceType": "Observation",\n\n  "status": "final"\n}'


@pytest.fixture(scope="module")
def benchmark():
    with Benchmark("builtin") as opened:
        yield opened


def written(folder, name, text):
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", f'GET Patient?identifier=$mrn\n---\n{POST}\n-----\nFINISH(["$mrn"])\n\n[task1_1]\n\nFINISH([])\n'),
        (
            "a.toml",
            f"\"*\" = ['GET Patient?identifier=$mrn', '''{POST}''', 'FINISH([\"$mrn\"])']\ntask1_1 = ['FINISH([])']",
        ),
        (
            "a.json",
            json.dumps({"*": ["GET Patient?identifier=$mrn", POST, 'FINISH(["$mrn"])'], "task1_1": ["FINISH([])"]}),
        ),
    ],
)
def test_the_forms_say_the_same(tmp_path, name, text):
    assert read_script(written(tmp_path, name, text)) == {
        "*": ["GET Patient?identifier=$mrn", POST, 'FINISH(["$mrn"])'],
        "task1_1": ["FINISH([])"],
    }


def test_a_json_list_is_for_all_tasks(tmp_path):
    assert read_script(written(tmp_path, "a.json", '["FINISH([])"]')) == {"*": ["FINISH([])"]}


def test_a_script_is_played(tmp_path, benchmark):
    file = written(
        tmp_path, "s.txt", "GET Patient?identifier=$mrn&_summary=$x$$\n---\nFINISH([1])\n[task2_2]\nFINISH([2])"
    )
    policy = load("scripted", script=file)
    first, second = (
        asyncio.run(play(benchmark, policy, benchmark.tasks.task(name))) for name in ("task2_1", "task2_2")
    )
    mrn = benchmark.tasks.task("task2_1").mrn
    assert [turn.text for turn in first.turns] == [f"GET Patient?identifier={mrn}&_summary=$x$", "FINISH([1])"]
    assert [turn.text for turn in second.turns] == ["FINISH([2])"]
    assert first.provenance["agent"]["texts"]["task2_2"] == ["FINISH([2])"]


def test_the_same_as_calls():
    with Benchmark("builtin", protocol="tools") as benchmark:
        policy = load("scripted", script=["GET Patient?identifier=$mrn", "FINISH([5])"])
        done = asyncio.run(play(benchmark, policy, benchmark.tasks.of_type(2)[0]))
    assert [turn.kind for turn in done.turns] == ["get", "finish"]
    assert done.turns[0].said["tool_calls"]


def test_a_script_that_is_too_short_is_no_score(benchmark):
    done = asyncio.run(play(benchmark, load("scripted", script=["GET Patient"]), benchmark.tasks[0]))
    assert done.status is Status.INFRASTRUCTURE_ERROR
    assert "FINISH" in done.error


def test_a_task_without_a_script_stops_the_run(benchmark):
    with pytest.raises(FatalProviderError, match="task1_2"):
        asyncio.run(
            play(benchmark, load("scripted", script={"task1_1": ["FINISH([])"]}), benchmark.tasks.task("task1_2"))
        )


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.json", "{", "can't be read"),
        ("a.json", '{"task1_1": "FINISH([])"}', "'FINISH([])'"),
        ("a.json", '{"task1_1": [5]}', "'5'"),
        ("a.json", '"FINISH"', "'FINISH'"),
        ("a.json", "{}", "no texts"),
        ("a.toml", "a = ", "can't be read"),
        ("a.toml", "a = []", "'[]'"),
        ("a.txt", " \n---\n", "no texts"),
        ("a.txt", "[task1_1]\n", "task1_1"),
    ],
)
def test_what_is_no_script_is_said(tmp_path, name, text, said):
    file = written(tmp_path, name, text)
    with pytest.raises(ScriptError) as caught:
        read_script(file)
    assert said in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(ScriptError, match="nowhere"):
        load("scripted", script=tmp_path / "nowhere.txt")


@given(st.text(max_size=300), st.sampled_from([".txt", ".json", ".toml"]))
def test_no_file_does_worse_than_a_script_error(tmp_path_factory, text, suffix):
    file = tmp_path_factory.mktemp("any") / f"any{suffix}"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        script = read_script(file)
    except ScriptError:
        return
    assert all(isinstance(one, str) for texts in script.values() for one in texts)
    assert all(script.values())
