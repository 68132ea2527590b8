"""A majority vote on the next action: what counts as the same, how ties end, what is recorded."""

import asyncio

import pytest

from medenv.agents import FatalProviderError, FunctionPolicy, Policy, ProviderError, Reply, load
from medenv.agents.policy import Player
from medenv.agents.vote import VotePolicy, ballot
from medenv.episode import Benchmark
from medenv.protocol.conversation import Conversation
from medenv.protocol.reply import ToolCall
from medenv.protocol.tools import TOOLS
from medenv.rollouts import play
from medenv.trajectories import Status

BASE = "http://localhost:8080/fhir"
PROMPT = Conversation([{"role": "user", "content": f"The base is {BASE}, and it offers:\nGET {BASE}/Patient - people"}])


@pytest.fixture(scope="module")
def benchmark():
    with Benchmark("builtin") as opened:
        yield opened


def saying(*texts, usage=None):
    """A voter that says these texts in turn."""

    async def voter(messages):
        return Reply(texts[min(messages.replies, len(texts) - 1)], usage)

    return FunctionPolicy(voter, "saying")


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("GET Patient?name=x&_count=2", f"GET {BASE}/Patient?_count=2&name=x"),
        ("GET /Patient?name=a b", "```\nGET Patient?name=a%20b\n```"),
        ("GET /fhir/Patient/S1", "GET Patient/S1"),
        ('POST Observation\n{"a": 1, "b": 2}', 'POST /Observation\n{\n "b":2,\n "a":1\n}'),
        ('FINISH(["x",5])', 'FINISH([ "x", 5 ])'),
    ],
)
def test_what_does_the_same_is_the_same_vote(one, another):
    assert ballot(Reply(one), PROMPT) == ballot(Reply(another), PROMPT) is not None


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("GET Patient?name=x", "GET Patient?name=y"),
        ("GET Patient?name=x", "GET http://elsewhere/fhir/Patient?name=x"),
        ("GET Patient?name=x", "GET http://localhost:8080/Patient?name=x"),
        ("GET Observation?date=ge1&date=le2", "GET Observation?date=ge1"),
        ('POST Observation\n{"a": 1}', 'POST Observation\n{"a": 2}'),
        ("FINISH([])", "FINISH([1])"),
        ("POST Observation\n{", "POST Observation\n["),
    ],
)
def test_what_does_something_else_is_another_vote(one, another):
    assert ballot(Reply(one), PROMPT) != ballot(Reply(another), PROMPT)


def test_a_call_is_counted_by_what_it_does():
    tools = Conversation(PROMPT.messages, TOOLS)
    name = next(one["function"]["name"] for one in TOOLS if one["function"]["name"] != "finish")
    call = Reply(calls=(ToolCall(name, '{"name": "x", "family": "y"}', "1"),))
    again = Reply(calls=(ToolCall(name, '{"family":"y","name":"x"}', "2"),))
    assert ballot(call, tools) == ballot(again, tools) is not None
    assert ballot(Reply("GET Patient"), tools) is None


def test_most_votes_win_and_ties_go_to_the_earliest(benchmark):
    task = benchmark.tasks[0]
    one, two, lost = saying("FINISH([1])"), saying("FINISH([2])"), saying("I wonder")
    for voters, wins, votes in [
        ([one, two, two], "FINISH([2])", 2),
        ([one, two], "FINISH([1])", 1),
        ([two, one], "FINISH([2])", 1),
        ([lost, lost, one], "FINISH([1])", 1),
        ([lost, lost], "I wonder", 0),
    ]:
        done = asyncio.run(play(benchmark, VotePolicy(voters), task))
        assert done.turns[0].text == wins
        assert done.turns[0].usage == {"votes": votes, "voters": len(voters)}


def test_what_the_episodes_tolerate_is_a_vote():
    prose, plain = saying("So:\nFINISH([1])"), saying("FINISH([2])")
    with Benchmark("builtin", tolerances=("prose",)) as benchmark:
        voters = [plain, prose, prose]
        strict = asyncio.run(play(benchmark, VotePolicy(voters), benchmark.tasks[0]))
        lenient = asyncio.run(play(benchmark, load("vote", policies=voters, tolerances=["prose"]), benchmark.tasks[0]))
    assert (strict.turns[0].text, lenient.turns[0].text) == ("FINISH([2])", "FINISH([1])")
    with pytest.raises(ValueError, match="nosuch"):
        VotePolicy(voters, tolerances=["nosuch"])


def test_usage_is_summed_and_the_voters_are_recorded(benchmark):
    cheap = saying("FINISH([])", usage={"prompt_tokens": 10, "cost": 0.25, "finish_reason": "stop"})
    dear = saying("FINISH([1])", usage={"prompt_tokens": 5, "cost": 1.0})
    done = asyncio.run(play(benchmark, VotePolicy([cheap, dear], samples=2), benchmark.tasks[0]))
    assert done.turns[0].usage == {"prompt_tokens": 30, "cost": 2.5, "votes": 2, "voters": 4}
    assert done.provenance["agent"] == {
        "name": "vote",
        "voters": [{"name": "saying"}, {"name": "saying"}],
        "samples": 2,
    }


def test_samples_have_seeds_of_their_own(benchmark):
    seeds = []

    class Noting(Policy):
        name = "noting"

        def start(self, task, seed):
            seeds.append(seed)
            return Quiet()

    class Quiet(Player):
        def act(self, messages):
            return "FINISH([])"

    for sample in range(3):
        asyncio.run(play(benchmark, VotePolicy([Noting()], samples=4), benchmark.tasks[0], 1, sample))
    assert len(set(seeds)) == 12
    assert seeds[0] == 1


def test_a_voter_that_fails_is_no_score(benchmark):
    def failing(error):
        async def voter(messages):
            raise error

        return FunctionPolicy(voter, "failing")

    good = saying("FINISH([])")
    done = asyncio.run(play(benchmark, VotePolicy([good, failing(ProviderError("down"))]), benchmark.tasks[0]))
    assert (done.status, done.error) == (Status.INFRASTRUCTURE_ERROR, "down")
    voters = [failing(ProviderError("down")), failing(FatalProviderError("refused"))]
    with pytest.raises(FatalProviderError, match="refused"):
        asyncio.run(play(benchmark, VotePolicy(voters), benchmark.tasks[0]))


def test_a_vote_by_name(benchmark):
    policy = load("vote", policies="empty, random", samples=2)
    assert [one["name"] for one in policy.describe()["voters"]] == ["empty", "random"]
    mixed = load("vote", policies=[saying("FINISH([])"), {"agent": "scripted", "script": ["FINISH([])"]}, "blind"])
    done = asyncio.run(play(benchmark, mixed, benchmark.tasks[0]))
    assert done.turns[0].text == "FINISH([])"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"policies": []}, "at least one"),
        ({"policies": "empty", "samples": 0}, "samples is 0"),
        ({"policies": "emty"}, "did you mean 'empty'"),
        ({"policies": [{"model": "x"}]}, "'agent'"),
    ],
)
def test_wrong_votes_say_so(options, said):
    with pytest.raises(ValueError, match=said):
        load("vote", **options)
