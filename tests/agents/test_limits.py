"""Limits, prices and the cache of replies; and that many episodes keep a slow server busy."""

import asyncio
import json
import threading

import pytest

from medenv.agents import load
from medenv.agents.llm.cache import ReplyCache
from medenv.agents.llm.faults import is_context_limit, retry_after
from medenv.agents.llm.limits import Limits, RateLimiter
from medenv.agents.llm.prices import with_cost
from medenv.episode import Benchmark
from medenv.protocol import Reply, ToolCall
from medenv.rollouts import run
from tests.agents.provider_server import KEY, serving

SCRIPT = [("GET Patient?_count=1", []), ("FINISH([])", [])]


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        self.now += seconds


def begun(limits, requests, tokens=0.0):
    """When each of so many requests begins."""
    clock = Clock()

    async def one(limiter, times):
        async with limiter.request(tokens):
            times.append(clock.now)

    async def all_of_them():
        limiter, times = RateLimiter(limits, clock, clock.sleep), []
        await asyncio.gather(*(one(limiter, times) for _ in range(requests)))
        return times

    return asyncio.run(all_of_them())


def test_requests_and_tokens_a_minute_are_kept():
    assert begun(Limits(), 5) == [0.0] * 5
    assert begun(Limits(requests_per_minute=2), 5) == [0.0, 0.0, 60.0, 60.0, 120.0]
    assert begun(Limits(tokens_per_minute=100), 5, tokens=40) == [0.0, 0.0, 60.0, 60.0, 120.0]
    assert begun(Limits(tokens_per_minute=100), 2, tokens=1000) == [0.0, 60.0], "one larger than the budget goes alone"


def test_what_was_really_used_counts():
    clock = Clock()

    async def play():
        limiter = RateLimiter(Limits(tokens_per_minute=100), clock, clock.sleep)
        async with limiter.request(90) as spent:
            spent.tokens = 10
        async with limiter.request(90):
            return clock.now

    assert asyncio.run(play()) == 0.0


def test_a_pause_holds_everybody():
    clock = Clock()

    async def play():
        limiter = RateLimiter(Limits(), clock, clock.sleep)
        limiter.pause(5)
        async with limiter.request(1):
            return clock.now

    assert asyncio.run(play()) == 5.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:10 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 10.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:10 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-1"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(headers, seconds):
    assert retry_after(headers) == seconds


def test_the_provider_s_own_cost_counts_before_the_table():
    prices = {"input": 1.0, "output": 2.0}
    assert with_cost({"prompt_tokens": 1_000_000, "completion_tokens": 500_000}, prices)["cost"] == 2.0
    assert with_cost({"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.5}, prices)["cost"] == 0.5
    assert "cost" not in with_cost({"prompt_tokens": 1}, None)


def play(base, monkeypatch, count=8, seed=0, concurrency=8, samples=1, **options):
    monkeypatch.setenv("MEDENV_API_KEY", KEY)

    async def collect():
        policy = load("llm", model="m", base_url=f"{base}/v1", backoff=0.001, **options)
        try:
            with Benchmark("builtin") as benchmark:
                tasks = list(benchmark.tasks)[:count]
                played = run(benchmark, policy, tasks, seed=seed, samples=samples, concurrency=concurrency)
                return [one.to_json() async for one in played]
        finally:
            await policy.close()

    return sorted(asyncio.run(collect()))


def test_the_same_run_again_asks_the_server_nothing(monkeypatch, tmp_path):
    with serving(SCRIPT) as (server, base):
        first = play(base, monkeypatch, cache=tmp_path, samples=2)
        asked = len(server.seen)
        assert asked == 32
        assert play(base, monkeypatch, cache=tmp_path, samples=2) == first
        assert len(server.seen) == asked
        play(base, monkeypatch, cache=tmp_path, seed=5)
        assert len(server.seen) == asked + 16, "another seed is another request"
        play(base, monkeypatch, cache=tmp_path, temperature=1.0)
        assert len(server.seen) == asked + 32


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"reply": 3}', None])
def test_damaged_entries_are_asked_for_again(monkeypatch, tmp_path, damage):
    with serving(SCRIPT) as (server, base):
        first = play(base, monkeypatch, cache=tmp_path)
        files = sorted(tmp_path.rglob("*.json"))
        assert len(files) == 16
        for file in files[:3]:
            whole = file.read_bytes()
            file.write_bytes(whole.replace(b"FINISH", b"finish").replace(b"GET", b"PUT") if damage is None else damage)
        assert play(base, monkeypatch, cache=tmp_path) == first
        assert len(server.seen) == 19
        assert play(base, monkeypatch, cache=tmp_path) == first
        assert len(server.seen) == 19


def test_all_of_a_reply_is_kept(tmp_path):
    reply = Reply(
        "Ä",
        {"prompt_tokens": 3, "cost": 0.1},
        (ToolCall("f", "{}", "i"),),
        "thoughts",
        {"ids": [1]},
        {"chat": {"x": None}},
    )
    cache = ReplyCache(tmp_path)
    cache.put("ab" * 32, reply)
    assert cache.get("ab" * 32) == reply
    assert cache.get("cd" * 32) is None
    assert not list(tmp_path.rglob("*.partial"))


def test_a_full_disk_costs_the_copy_and_not_the_reply(monkeypatch, tmp_path, caplog):
    cache = ReplyCache(tmp_path)
    (tmp_path / "ab").write_text("a file where a folder should be")
    cache.put("ab" * 32, Reply("x"))
    cache.put("ab" * 32, Reply("x"))
    assert len(caplog.records) == 1
    with pytest.raises(ValueError, match="can't be made"):
        ReplyCache(tmp_path / "ab" / "c")


def test_64_episodes_are_64_requests_at_a_time(monkeypatch):
    together = threading.Barrier(64)

    class Meeting(list):
        """A script whose first replies are given only once 64 requests are under way."""

        def __getitem__(self, number):
            if number == 0:
                together.wait(timeout=60)
            return super().__getitem__(number)

    with serving(Meeting(SCRIPT)) as (server, base):
        rows = play(base, monkeypatch, count=128, concurrency=64)
    assert len(rows) == 128
    assert max(server.busy) == 64
    assert all(json.loads(row)["status"] == "completed" for row in rows)


def test_a_limit_of_requests_at_a_time_is_kept(monkeypatch):
    with serving(SCRIPT, delay=0.002) as (server, base):
        play(base, monkeypatch, count=16, concurrency=16, max_concurrency=3)
    assert max(server.busy) <= 3
    assert len(server.seen) == 32


@pytest.mark.parametrize(
    "told",
    [
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens",
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "The decoder prompt (length 9000) is longer than the maximum model length of 8192.",
        "the request exceeds the available context size. try increasing the context size",
        "`inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs` tokens",
        "Please reduce the length of the messages or completion.",
    ],
)
def test_providers_ways_to_say_that_the_context_is_full(told):
    assert is_context_limit(told)


@pytest.mark.parametrize(
    "told", ["Unsupported parameter: 'temperature'", "Invalid 'max_tokens'", "model overloaded", ""]
)
def test_other_refusals_are_no_full_context(told):
    assert not is_context_limit(told)
