"""Observations cut for small contexts."""

import gymnasium as gym
import pytest
from hypothesis import given
from hypothesis import strategies as st

import medenv
from medenv.envs import MedAgentBenchEnv, TruncateText

assert medenv.ENV_IDS


@pytest.fixture(scope="module")
def env():
    with MedAgentBenchEnv(split="builtin") as made:
        yield made


@pytest.mark.parametrize("keep", ["start", "both"])
def test_long_answers_are_cut_and_the_prompt_is_not(env, keep):
    wrapped = TruncateText(env, 500, keep)
    prompt, _ = wrapped.reset(options={"task_id": "task7_1"})
    assert prompt == env.episode.prompt
    seen, *_ = wrapped.step("GET Patient?_count=5")
    whole = env.episode.turns[-1].observation
    assert len(seen) == 500
    assert seen.startswith(whole[:200])
    assert f"{len(whole):,} characters" in seen
    assert seen.endswith(whole[-100:]) == (keep == "both")
    assert wrapped.step("GET Patient/nobody")[0].startswith("HTTP 404")


@given(text=st.text(max_size=400), most=st.integers(80, 300), keep=st.sampled_from(["start", "both"]))
def test_never_longer_and_the_same_if_short(env, text, most, keep):
    cut = TruncateText(env, most, keep).observation(text)
    assert len(cut) <= most
    assert (cut == text) == (len(text) <= most)


@pytest.mark.parametrize(("arguments", "words"), [((79,), "79"), ((100, "end"), "end")])
def test_senseless_arguments_are_refused(env, arguments, words):
    with pytest.raises(ValueError, match=words):
        TruncateText(env, *arguments)


def test_it_is_made_again_from_its_spec():
    first = TruncateText(gym.make("MedAgentBench-v0", split="builtin"), 400)
    again = gym.make(first.spec)
    assert again.max_characters == 400
    first.close()
    again.close()
