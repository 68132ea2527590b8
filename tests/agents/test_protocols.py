"""Every built-in agent in every protocol: the same agent, the same requests, the same score."""

import asyncio
import json
from collections import Counter

import pytest

from medenv.agents import AGENTS, load
from medenv.episode import Benchmark
from medenv.episode.episode import PROTOCOLS
from medenv.protocol import Conversation
from medenv.protocol.actions import Get, Post, parse
from medenv.protocol.reply import ToolCall
from medenv.protocol.tools import as_call
from medenv.rollouts import run
from medenv.trajectories import Status
from tests.agents.provider_server import KEY, serving
from tests.protocol.checkouts import write_checkout

BASE = "http://localhost:8080/fhir"
SCRIPT = ["GET Patient?identifier=$mrn", "FINISH([1])"]
SCRIPTED = ("reference", "blind", "glance", "empty", "random")
"""Agents that need no option."""


@pytest.fixture(scope="module")
def benchmarks(tmp_path_factory):
    """The same split and grader in each protocol."""
    checkout = write_checkout(tmp_path_factory.mktemp("checkout"))
    opened = {
        protocol: Benchmark(
            "builtin", "official", protocol=protocol, official=checkout if protocol == "official" else None
        )
        for protocol in PROTOCOLS
    }
    yield opened
    for one in opened.values():
        one.close()


def played(benchmark, agent, tasks=None, **options):
    """One task a type, unless others are given."""
    chosen = tasks or [benchmark.tasks.of_type(number)[0] for number in range(1, 11)]

    async def all_of_them():
        return [one async for one in run(benchmark, agent, chosen, concurrency=1, **options)]

    return asyncio.run(all_of_them())


def asked(trajectories):
    """The requests that were sent, without what only the harness adds."""
    sent = [(turn.method, turn.url) for one in trajectories for turn in one.turns if turn.method == "GET"]
    return [(method, url.replace("?_format=json", "").replace("&_format=json", "")) for method, url in sent]


def test_every_agent_is_played_here():
    assert {*SCRIPTED, "scripted", "replay", "vote", "human", "llm", "local", "sb3"} == set(
        AGENTS
    )  # the last two have tests of their own


@pytest.mark.parametrize("agent", SCRIPTED)
def test_a_scripted_agent_does_the_same_in_every_protocol(benchmarks, agent):
    tasks = [task for number in range(1, 11) for task in benchmarks["text"].tasks.of_type(number)[:2]]
    runs = {protocol: played(one, load(agent), tasks, seed=3) for protocol, one in benchmarks.items()}
    scores = {protocol: [one.verdict["score"] for one in rows] for protocol, rows in runs.items()}
    assert scores["official"] == scores["text"] == scores["tools"]
    assert agent != "reference" or set(scores["official"]) == {1.0}
    assert Counter(one.status for rows in runs.values() for one in rows)[Status.INFRASTRUCTURE_ERROR] == 0
    for protocol, rows in runs.items():
        kinds = [[turn.kind for turn in one.turns] for one in rows]
        assert kinds == [[turn.kind for turn in one.turns] for one in runs["text"]], protocol
    if agent != "random":  # a read has no question mark, so that the harness makes another path of it
        assert asked(runs["official"]) == asked(runs["text"])


def test_the_official_protocol_is_written_absolute_urls_alone(benchmarks):
    for agent in ("reference", "blind", "random"):
        for one in played(benchmarks["official"], load(agent), samples=2):
            for turn in one.turns:
                action = parse(turn.text)
                assert not isinstance(action, Get | Post) or action.url.startswith(BASE), turn.text


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_script_is_played_in_every_protocol(benchmarks, protocol):
    (done,) = played(benchmarks[protocol], load("scripted", script=SCRIPT), [benchmarks[protocol].tasks.of_type(2)[0]])
    assert [turn.response_status for turn in done.turns] == [200, None]
    assert '"resourceType": "Bundle"' in done.turns[0].observation


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_run_of_any_protocol_is_replayed_in_every_other(benchmarks, protocol, tmp_path):
    first = played(benchmarks[protocol], load("reference"))
    (tmp_path / "trajectories.jsonl").write_bytes(b"".join(one.to_json() + b"\n" for one in first))
    for other, benchmark in benchmarks.items():
        again = load("replay", run=tmp_path, check=other == protocol)
        assert [one.verdict["score"] for one in played(benchmark, again)] == [1.0] * 10, other


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_voters_of_any_spelling_agree_in_every_protocol(benchmarks, protocol):
    agent = load("vote", policies=[load("reference"), load("blind"), load("reference")])
    done = played(benchmarks[protocol], agent, benchmarks[protocol].tasks.of_type(3)[:3])
    assert [one.verdict["score"] for one in done] == [1.0] * 3
    assert {turn.usage["voters"] for one in done for turn in one.turns} == {3}


@pytest.mark.parametrize("protocol", ["text", "official"])
def test_a_person_is_told_what_url_the_protocol_takes(benchmarks, protocol):
    typed = ["GET Patient?_count=1", f"GET {BASE}/Patient?_count=1", "FINISH([])"]
    doubts = []

    async def ask(messages: Conversation):
        return typed.pop(0)

    async def confirm(question):
        doubts.append(question)
        return False

    (done,) = played(benchmarks[protocol], load("human", ask=ask, confirm=confirm), [benchmarks[protocol].tasks[0]])
    assert {turn.response_status for turn in done.turns[:-1]} == {200}
    assert len(doubts) == (1 if protocol == "official" else 0)
    assert all(f"{BASE}/Patient?_count=1" in doubt for doubt in doubts)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_model_is_played_in_every_protocol(benchmarks, protocol, monkeypatch):
    monkeypatch.setenv("MEDENV_API_KEY", KEY)
    texts = [f"GET {BASE}/Patient?_count=1", "FINISH([])"]

    def call(text) -> tuple[str, list]:
        made: ToolCall = as_call(text)
        return "", [(made.name, json.loads(made.arguments))]

    with serving([call(text) if protocol == "tools" else (text, []) for text in texts]) as (_, base):
        (done,) = played(
            benchmarks[protocol], load("llm", model="m", base_url=f"{base}/v1"), [benchmarks[protocol].tasks[0]]
        )
    assert [turn.response_status for turn in done.turns] == [200, None]
