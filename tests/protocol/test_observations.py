"""What the agent sees of a response, in both styles, and the record of an episode as JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medenv.fhir.backend import Response
from medenv.protocol import Post, parse
from medenv.protocol.endpoints import ENDPOINTS
from medenv.protocol.instructions import prompt_hash, text_prompt
from medenv.protocol.observations import not_json, render
from medenv.tasks import Task
from medenv.trajectories import Status, Trajectory, TrajectoryError, Turn

pytestmark = pytest.mark.quick

BODY = '{\n  "resourceType": "Patient",\n  "id": "S1",\n  "meta": {\n    "versionId": "1"\n  },\n  "x": 4.0\n}'


def test_full_observation_is_the_body():
    assert render(Response(200, BODY)) == BODY
    assert render(Response(201, BODY)) == BODY


def test_status_line_comes_before_errors_and_empty_bodies():
    assert render(Response(404, BODY)) == "HTTP 404\n" + BODY
    assert render(Response(201, "")) == "HTTP 201"


def test_compact_observation_has_no_meta_and_keeps_digits():
    assert render(Response(200, BODY), "compact") == '{"resourceType":"Patient","id":"S1","x":4.0}'
    assert render(Response(200, "<Patient/>"), "compact") == "<Patient/>"


def test_error_observations_are_short():
    action = parse("POST X\n" + "{" * 1_000_000)
    assert isinstance(action, Post)
    assert len(not_json(action)) < 500


def test_instructions_hold_all_that_the_agent_needs():
    task = Task("task4_1", 4, "What is {it}?", "It is {now}.", "S1", "builtin")
    prompt = text_prompt(task, "http://localhost:8080/fhir", 8)
    assert prompt.endswith("Context: It is {now}.\n\nTask: What is {it}?")
    assert len(ENDPOINTS) == 9
    for endpoint in ENDPOINTS:
        assert f"{endpoint.method} http://localhost:8080/fhir/{endpoint.resource}" in prompt
    assert "{base}" not in prompt
    assert prompt_hash().startswith("sha256:")


def trajectory(text="FINISH([1])", **changes):
    task = Task("task9_3", 9, "do", "", "S1", "builtin", "low", params={"code": "K"})
    turns = (Turn(text, "get", "seen", "GET", "Patient", 200, {"tokens": 3}, writes=0), Turn("FINISH([])", "finish"))
    fields = {"prompt": "p", "status": Status.COMPLETED, "turns": turns, "result": "[]", "facts": [{"a": None}]}
    return Trajectory(task, "http://localhost:8080/fhir", **{**fields, **changes})


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_trajectories_survive_json(text):
    before = trajectory(text)
    after = Trajectory.from_json(before.to_json())
    assert after == before
    assert after.to_json() == before.to_json()
    assert after.messages == before.messages
    assert [m["role"] for m in after.messages] == ["user", "assistant", "user", "assistant"]


@pytest.mark.parametrize(("status", "wrote"), [(201, True), (400, False)])
def test_rows_from_before_writes_were_counted_are_judged_by_the_answer(status, wrote):
    turns = (Turn("POST x\n{}", "post", "seen", "POST", "Observation", status), Turn("FINISH([])", "finish"))
    row = json.loads(trajectory(turns=turns).to_json())
    for turn in row["turns"]:
        del turn["writes"]
    old = Trajectory.from_json(json.dumps(row))
    assert [(turn.writes, turn.wrote) for turn in old.turns] == [(None, wrote), (None, False)]
    counted = Trajectory.from_json(trajectory(turns=(Turn("x", "post", "", "POST", "", 200, writes=0),)).to_json())
    assert not counted.turns[0].wrote, "a batch that only reads"


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"{}", b'{"schema": "medenv.trajectory/1"}', b'{"schema": "other/1"}']
)
def test_other_rows_are_refused(line):
    with pytest.raises(TrajectoryError):
        Trajectory.from_json(line)


def test_unknown_fields_are_refused():
    line = trajectory().to_json().replace(b'"prompt"', b'"promt"')
    with pytest.raises(TrajectoryError, match="promt"):
        Trajectory.from_json(line)
