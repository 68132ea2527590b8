"""The tools protocol: one definition with the text protocol, and the same episode, trajectory and verdicts."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medenv.agents import load
from medenv.episode import Benchmark
from medenv.grading import OfficialGrader
from medenv.protocol import Reply, ToolCall, parse
from medenv.protocol.endpoints import ENDPOINTS
from medenv.protocol.parsing import parse_reply
from medenv.protocol.tools import NOT_CARRIED_OUT, TOOLS, CallError, UnknownFunctionError, as_call, as_text
from medenv.rollouts import run
from medenv.trajectories import Status, Trajectory


@pytest.fixture(scope="module")
def benches():
    with Benchmark("builtin") as text, Benchmark("builtin", protocol="tools") as tools:
        yield text, tools


def play(benchmark, agent, **options):
    async def collect():
        return [one async for one in run(benchmark, load(agent), list(benchmark.tasks)[::3], **options)]

    return asyncio.run(collect())


def call(name, **arguments):
    return Reply(calls=(ToolCall(name, json.dumps(arguments), "id"),))


def test_the_functions_are_those_of_the_text_instructions(benches):
    text, tools = (bench.start(bench.tasks[0]) for bench in benches)
    assert [tool["function"]["name"] for tool in TOOLS] == [one.name for one in ENDPOINTS] + ["finish"]
    for endpoint, tool in zip(ENDPOINTS, TOOLS, strict=False):
        schema = tool["function"]["parameters"]
        assert [one.name for one in endpoint.parameters if one.required] == schema.get("required", [])
        for one in endpoint.parameters:
            assert one.description in schema["properties"][one.name.replace("-", "_")]["description"]
            assert one.description in text.prompt
    assert text.task.instruction in tools.prompt
    assert "GET http" not in tools.prompt
    assert text.prompt_hash != tools.prompt_hash
    assert (text.conversation.tools, tools.conversation.tools) == ((), TOOLS)


@pytest.mark.parametrize("agent", ["reference", "blind", "glance", "random"])
def test_the_same_actions_get_the_same_verdicts_in_both_protocols(benches, agent):
    by_text, by_call = (play(bench, agent) for bench in benches)
    assert any(turn.message and turn.message["tool_calls"] for one in by_call for turn in one.turns)
    for text, called in zip(by_text, by_call, strict=True):
        if agent == "random" and any(turn.kind == "invalid" for turn in called.turns):
            continue  # random text that no function says
        assert called.status == text.status
        assert [turn.kind for turn in called.turns] == [turn.kind for turn in text.turns]
        assert called.verdict == text.verdict
        assert OfficialGrader().grade(called) == OfficialGrader().grade(text)
        assert [turn.response_status for turn in called.turns] == [turn.response_status for turn in text.turns]


def test_a_trajectory_of_calls_survives_storage(benches):
    for one in play(benches[1], "reference")[:20]:
        again = Trajectory.from_json(one.to_json())
        assert again.to_json() == one.to_json()
        assert again.conversation() == one.conversation()
        assert benches[1].grader.grade(again).score == 1.0


def test_messages_are_calls_and_their_results(benches):
    episode = benches[1].start(benches[1].tasks[0])
    episode.step(Reply("Let me look.", calls=(ToolCall("find_patients", '{"family": "Nobody"}'),)))
    _, said, seen = episode.messages
    assert said["content"] == "Let me look."
    assert said["tool_calls"][0]["id"] == seen["tool_call_id"] == "call_0_0"
    assert seen["role"] == "tool"
    assert json.loads(seen["content"])["resourceType"] == "Bundle"
    assert episode.turns[0].text == "GET Patient?family=Nobody"


def test_only_the_first_of_several_calls_is_carried_out(benches):
    episode = benches[1].start(benches[1].tasks[0])
    episode.step(Reply(calls=(ToolCall("find_patients", "{}", "a"), ToolCall("finish", '{"answers": []}', "b"))))
    assert not episode.done
    assert [m.get("tool_call_id") for m in episode.messages[2:]] == ["a", "b"]
    assert episode.messages[3]["content"] == NOT_CARRIED_OUT


@pytest.mark.parametrize(
    "reply", [Reply("FINISH([])"), Reply(""), Reply('{"answers": []}'), call("no_such_function"), call("GET")]
)
def test_prose_and_unknown_functions_end_the_episode_as_other_text_does(benches, reply):
    episode = benches[1].start(benches[1].tasks[0])
    transition = episode.step(reply)
    assert transition.status is Status.INVALID_ACTION
    assert benches[1].finish(episode).verdict["score"] == 0.0


@pytest.mark.parametrize("arguments", ['{"patient": ', "[1]", '{"patient": {"id": "S1"}}', "[" * 10_000, "null"])
@pytest.mark.parametrize("name", ["find_lab_results", "order_service"])
def test_malformed_arguments_are_told_and_the_episode_goes_on(benches, name, arguments):
    episode = benches[1].start(benches[1].tasks[0])
    seen = episode.step(Reply(calls=(ToolCall(name, arguments),)))
    assert not seen.done
    assert seen.observation.startswith(("Error: the call was not carried out", "HTTP 4"))
    assert seen.error or seen.response.status >= 400
    assert not [turn for turn in episode.turns if turn.wrote]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"answers": [1, 2.50, "Ä"]}', 'FINISH([1, 2.5, "Ä"])'),
        ('{"answers": "5"}', 'FINISH("5")'),
        ('{"answer": [5]}', 'FINISH({"answer": [5]})'),
        ("5", "FINISH(5)"),
        ("", "FINISH()"),
    ],
)
def test_whatever_finish_is_given_ends_the_episode(arguments, text):
    assert as_text(ToolCall("finish", arguments)) == text


def test_search_arguments_become_a_query():
    given = {
        "patient": "S1",
        "code": "K",
        "date": ["ge2023-01-01T00:00:00+00:00", "le2024"],
        "_count": 5,
        "next_page": "",
    }
    text = as_text(ToolCall("find_lab_results", json.dumps(given)))
    assert text == "GET Observation?patient=S1&code=K&date=ge2023-01-01T00:00:00%2B00:00&date=le2024&_count=5"
    assert (
        as_text(ToolCall("find_problems", '{"next_page": "http://x/fhir?_getpages=1"}'))
        == "GET http://x/fhir?_getpages=1"
    )
    assert as_text(ToolCall("find_patients", '{"name": "a&b=c#d"}')) == "GET Patient?name=a%26b%3Dc%23d"
    assert as_text(ToolCall("find_patients", '{"address_city": "Rye"}')) == "GET Patient?address-city=Rye"


@given(st.text(max_size=30), st.text(max_size=60))
def test_any_call_is_read_as_an_action(name, arguments):
    for chosen in (name, "find_lab_results", "order_service", "finish"):
        reading = parse_reply(Reply(calls=(ToolCall(chosen, arguments),)), "tools")
        assert reading.message["tool_calls"][0]["function"]["name"] is not None
        json.dumps(reading.message).encode()
        try:
            text = as_text(ToolCall(chosen, arguments))
        except (UnknownFunctionError, CallError):
            continue
        assert reading.action == parse(text)


@given(st.dictionaries(st.sampled_from(["patient", "code", "date", "category"]), st.text(max_size=12), min_size=1))
def test_a_search_as_call_and_back_asks_the_same(given):
    text = as_text(ToolCall("find_lab_results", json.dumps(given)))
    again = as_call(text)
    assert again is not None
    assert as_text(again) == text or again.arguments == json.dumps({"next_page": text[4:]})


def test_what_no_function_says_is_no_call():
    assert as_call("hello") is None
    assert as_call('POST Patient\n{"resourceType": "Patient"}') is None
