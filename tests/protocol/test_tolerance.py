"""Tolerances of form: off by default, each forgiving what its name says and no more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medenv.episode import Benchmark
from medenv.protocol import parse
from medenv.protocol.actions import Invalid
from medenv.protocol.tolerance import TOLERANCES, tolerated
from medenv.trajectories import Status, Trajectory

pytestmark = pytest.mark.quick

CASES = [
    ("thinking", "<think>FINISH([0])\nmaybe</think>\n\nFINISH([1])"),
    ("thinking", "I was opened by the template.</think>FINISH([1])"),
    ("thinking", "<thinking>a</thinking> <reasoning>b</reasoning> FINISH([1])"),
    ("fences", "Here it is:\n```json\nFINISH([1])\n```\nThat is all."),
    ("fences", "```text\nFINISH([1])\n```"),
    ("prose", "The value is 1.\n\nFINISH([1])"),
]


@pytest.mark.parametrize(("name", "text"), CASES)
def test_each_forgives_what_it_names(name, text):
    assert isinstance(parse(text), Invalid)
    assert parse(tolerated(text, [name])).result == "[1]"
    others = [other for other in TOLERANCES if other not in (name, "prose")]
    assert isinstance(parse(tolerated(text, others)), Invalid)


@pytest.mark.parametrize(
    "text", ["GET Patient?name=a", 'POST Observation\n{"note": "GET x"}', "FINISH([])", "```\nFINISH([])\n```"]
)
def test_what_needs_none_stays_as_it_is(text):
    assert tolerated(text, TOLERANCES) == text or parse(tolerated(text, TOLERANCES)) == parse(text)


@given(st.text(max_size=200))
def test_any_text_is_taken(text):
    result = tolerated(text, TOLERANCES)
    if not isinstance(parse(text), Invalid):
        assert parse(result) == parse(text)


def test_an_action_inside_thoughts_is_not_taken():
    assert isinstance(parse(tolerated("<think>\nPOST Observation\n{}\n", ["thinking"])), Invalid)


def test_unknown_names_say_what_there_is():
    with pytest.raises(ValueError, match="fences"):
        Benchmark("builtin", tolerances=["fence"])
    with pytest.raises(ValueError, match="tools"):
        Benchmark("builtin", protocol="tools", tolerances=["prose"])


def test_the_trajectory_keeps_the_raw_reply_and_says_what_was_tolerated():
    raw = "Thinking aloud.\n\nFINISH([])"
    with Benchmark("builtin", tolerances=["prose"]) as lenient, Benchmark("builtin") as strict:
        episode, other = lenient.start(lenient.tasks[0]), strict.start(strict.tasks[0])
        assert other.step(raw).status is Status.INVALID_ACTION
        assert episode.step(raw).status is Status.COMPLETED
        row = Trajectory.from_json(lenient.finish(episode).to_json())
    assert row.turns[0].text == "FINISH([])"
    assert row.messages[-1] == {"role": "assistant", "content": raw}
    assert row.tolerances == ("prose",)
    assert strict.finish(other).tolerances == ()
