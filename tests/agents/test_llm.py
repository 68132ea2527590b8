"""The LLM policy against a real HTTP server that fails in every way a provider can."""

import asyncio
import json
import os
import subprocess
import sys

import pytest

from medenv.agents import ContextLimitError, FatalProviderError, ProviderError, load
from medenv.episode import Benchmark
from medenv.rollouts import run
from medenv.trajectories import Status
from tests.agents.openai_server import KEY, Faults, serving

TRANSIENT = ["429", "500", "cut", "no choices", "no json", "huge", "drop"]
CHAT = [{"role": "user", "content": "hello"}]


def ask(base, monkeypatch, **options):
    monkeypatch.setenv("MEDENV_API_KEY", KEY)

    async def once():
        policy = load("llm", model="m", base_url=base, backoff=0.001, **options)
        try:
            return await policy.start(None, 7).act(CHAT)
        finally:
            await policy.close()

    return asyncio.run(once())


def test_the_request_and_the_reply(monkeypatch):
    with serving(lambda messages: "FINISH([1])") as (base, seen):
        reply = ask(base, monkeypatch, max_tokens=50)
    assert reply.text == "FINISH([1])"
    assert reply.usage["prompt_tokens"] == 100
    assert seen == [{"model": "m", "messages": CHAT, "seed": 7, "temperature": 0.0, "max_tokens": 50}]


@pytest.mark.parametrize("kind", TRANSIENT)
def test_a_transient_fault_is_retried(kind, monkeypatch):
    faults = Faults(every=2, kinds=(kind,))
    faults.count = 1  # the first request meets the fault, the second doesn't
    with serving(lambda messages: "FINISH([1])", faults) as (base, seen):
        assert ask(base, monkeypatch).text == "FINISH([1])"
    assert len(seen) == 2


@pytest.mark.parametrize("kind", TRANSIENT)
def test_a_lasting_fault_is_an_error_without_the_key(kind, monkeypatch):
    with (
        serving(lambda messages: "never", Faults(every=1, kinds=(kind,))) as (base, seen),
        pytest.raises(ProviderError) as error,
    ):
        ask(base, monkeypatch, retries=2)
    assert len(seen) == 3
    assert KEY not in str(error.value)


def test_a_refused_key_is_fatal_and_not_retried(monkeypatch):
    with (
        serving(lambda messages: "never", Faults(every=1, kinds=("401",))) as (base, seen),
        pytest.raises(FatalProviderError) as error,
    ):
        ask(base, monkeypatch)
    assert len(seen) == 1
    assert KEY not in str(error.value)
    assert "[key]" in str(error.value)


def test_a_full_context_is_told_apart(monkeypatch):
    with (
        serving(lambda messages: "never", Faults(every=1, kinds=("context",))) as (base, _),
        pytest.raises(ContextLimitError),
    ):
        ask(base, monkeypatch)


def test_a_silent_model_is_its_own_fault(monkeypatch):
    with serving(lambda messages: "never", Faults(every=1, kinds=("null",))) as (base, _):
        assert ask(base, monkeypatch).text == ""


def test_the_key_is_in_no_description(monkeypatch):
    monkeypatch.setenv("MEDENV_API_KEY", KEY)
    policy = load("llm", model="m", base_url="http://user:secret@127.0.0.1:1/v1")
    shown = json.dumps(policy.describe()) + repr(policy)
    assert KEY not in shown
    assert "secret" not in shown


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"base_url": "localhost:1"}, "http"),
        ({"base_url": "http://localhost:1", "api_key_env": "NO_SUCH_KEY"}, "NO_SUCH_KEY"),
        ({}, "list of models"),
    ],
)
def test_wrong_options_say_so(options, word):
    with pytest.raises(ValueError, match=word):
        load("llm", model="m", **options)


def test_unknown_agents_and_options_say_what_there_is():
    with pytest.raises(ValueError, match="reference"):
        load("referense")
    with pytest.raises(ValueError, match="colour"):
        load("blind", colour="red")


def play_all(base, monkeypatch, count, **options):
    monkeypatch.setenv("MEDENV_API_KEY", KEY)

    async def collect():
        policy = load("llm", model="m", base_url=base, backoff=0.001, **options)
        try:
            with Benchmark("builtin") as benchmark:
                return [one async for one in run(benchmark, policy, list(benchmark.tasks)[:count], concurrency=8)]
        finally:
            await policy.close()

    return asyncio.run(collect())


def test_a_provider_that_stays_down_gives_no_score(monkeypatch):
    with serving(faults=Faults(every=1, kinds=("500",))) as (base, _):
        episodes = play_all(base, monkeypatch, 12, retries=1)
    assert len(episodes) == 12
    assert all(one.status is Status.INFRASTRUCTURE_ERROR and one.verdict is None for one in episodes)
    assert not any(KEY.encode() in one.to_json() for one in episodes)


def test_a_full_context_ends_as_the_official_status_and_fails(monkeypatch):
    with serving(faults=Faults(every=1, kinds=("context",))) as (base, _):
        episodes = play_all(base, monkeypatch, 3)
    assert [one.status.value for one in episodes] == ["agent context limit"] * 3
    assert all(one.verdict["score"] == 0.0 for one in episodes)


def medenv(*arguments, cwd, **env):
    return subprocess.run(
        [sys.executable, "-c", "from medenv.cli import main; main()", *arguments],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_300_episodes_with_a_tenth_of_the_answers_broken(tmp_path):
    faults = Faults(every=10)
    with serving(faults=faults) as (base, seen):
        done = medenv(
            "eval", "--split", "builtin", "--agent", "llm",
            "--model", "scripted", "--base-url", base, "--concurrency", "16", "--grader", "official",
            "--out", "run", cwd=tmp_path, MEDENV_API_KEY=KEY,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "300/300"
    assert len(seen) >= 300 * 10 / 9
    assert all(faults.served.get(kind, 0) > 10 for kind in ("429", "500", "cut"))
    rows = (tmp_path / "run" / "trajectories.jsonl").read_bytes().splitlines()
    assert len({json.loads(row)["task"]["id"] for row in rows}) == 300
    summary = json.loads((tmp_path / "run" / "summary.json").read_bytes())
    assert summary["usage"]["prompt_tokens"] == 100 * sum(len(json.loads(row)["turns"]) for row in rows)
    written = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert written
    assert not any(KEY.encode() in file.read_bytes() for file in written)
    assert KEY not in done.stdout + done.stderr


def test_a_refused_key_stops_the_run_at_once(tmp_path):
    with serving(faults=Faults(every=1, kinds=("401",))) as (base, seen):
        done = medenv(
            "eval",
            "--agent",
            "llm",
            "--model",
            "m",
            "--base-url",
            base,
            "--out",
            "run",
            cwd=tmp_path,
            MEDENV_API_KEY=KEY,
        )
    assert done.returncode == 1
    assert "401" in done.stderr
    assert "Traceback" not in done.stderr
    assert KEY not in done.stderr + done.stdout
    assert len(seen) <= 16
