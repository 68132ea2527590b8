"""What is kept of a reply can be stored and read again, whatever a provider or a policy put into it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medenv.episode import Benchmark
from medenv.protocol.reply import Reply
from medenv.trajectories import Trajectory

ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=3).map(list),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def benchmark():
    with Benchmark(split="builtin") as made:
        yield made


@given(
    usage=ODD | st.fixed_dictionaries({}, optional={"prompt_tokens": ODD, "completion_tokens": ODD, "cost": ODD}),
    tokens=ODD | st.fixed_dictionaries({}, optional={"prompt_ids": ODD, "ids": ODD, "logprobs": ODD, "texts": ODD}),
    reasoning=ODD,
    verbatim=ODD,
)
def test_an_episode_with_odd_parts_of_a_reply_can_be_read_again(benchmark, usage, tokens, reasoning, verbatim):
    episode = benchmark.start(benchmark.tasks[0])
    episode.step(Reply("FINISH([])", usage=usage, tokens=tokens, reasoning=reasoning, verbatim=verbatim))
    row = episode.trajectory()
    assert Trajectory.from_json(row.to_json()).to_json() == row.to_json()


def test_what_a_provider_says_rightly_is_kept(benchmark):
    episode = benchmark.start(benchmark.tasks[0])
    usage = {"prompt_tokens": 10, "completion_tokens": 3, "cost": 0.25, "finish_reason": "stop"}
    tokens = {"prompt_ids": [1, 2], "ids": (3, 0), "logprobs": [-0.5, None], "texts": ["a", "b"]}
    episode.step(Reply("FINISH([])", usage=usage, tokens=tokens, reasoning="so", verbatim={"x": [1]}))
    turn = episode.turns[-1]
    assert (turn.usage, turn.reasoning, turn.verbatim) == (usage, "so", {"x": [1]})
    assert turn.tokens == {**tokens, "ids": [3, 0]}
