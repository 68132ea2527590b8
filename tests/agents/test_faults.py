"""Whatever a provider does wrong ends as a retry that succeeds or as an infrastructure error, and no key is shown anywhere."""

import asyncio
import base64
import json
import logging
import os
import subprocess
import sys
import traceback

import pytest

from medenv.agents import ContextLimitError, FatalProviderError, LLMPolicy, ProviderError, load
from medenv.episode import Benchmark
from medenv.rollouts import run
from medenv.trajectories import Status
from tests.agents.provider_server import FAULTS, KEY, TRANSIENT, serving
from tests.agents.test_providers import EACH

CHAT = [{"role": "user", "content": "hello"}]
DONE = [("FINISH([1])", [])]


def policy(name, base, **options):
    place = base + ("/v1" if name == "chat" else "")
    return load("llm", **{"model": "m", "provider": name, "base_url": place, "backoff": 0.001, **options})


def ask(name, base, monkeypatch, **options):
    monkeypatch.setenv("MEDENV_API_KEY", KEY)

    async def once():
        made = policy(name, base, **options)
        try:
            return await made.start(None, 7).act(CHAT)
        finally:
            await made.close()

    return asyncio.run(once())


class Kept(logging.Handler):
    """Every record as text, with whatever hangs on it."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.told = []

    def emit(self, record):
        self.told.append(self.format(record) + str(record.__dict__))

    @property
    def text(self):
        return "\n".join(self.told)


@pytest.fixture
def log():
    """Everything that any library logs, which must hold no key."""
    root, kept = logging.getLogger(), Kept()
    level = root.level
    root.addHandler(kept)
    root.setLevel(logging.DEBUG)
    try:
        yield kept
    finally:
        root.removeHandler(kept)
        root.setLevel(level)
    assert "http" in kept.text, "something was logged"
    assert KEY not in kept.text


def shown(error):
    """A traceback as the chattiest of tools would print it, with the locals of every frame."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(told.format()) + repr(error)


@pytest.mark.parametrize("fault", TRANSIENT)
@pytest.mark.parametrize("name", EACH)
def test_a_transient_fault_is_tried_again(name, fault, monkeypatch, log):
    with serving(DONE, faults=[fault]) as (server, base):
        assert ask(name, base, monkeypatch).text == "FINISH([1])"
    assert len(server.seen) == 2
    assert server.bodies[0] == server.bodies[1]


@pytest.mark.parametrize("fault", TRANSIENT)
@pytest.mark.parametrize("name", EACH)
def test_a_lasting_fault_is_an_infrastructure_error_without_the_key(name, fault, monkeypatch, log):
    with serving(DONE, always=fault) as (server, base), pytest.raises(ProviderError) as error:
        ask(name, base, monkeypatch, retries=1)
    assert not isinstance(error.value, FatalProviderError | ContextLimitError)
    assert len(server.seen) == 2
    assert KEY not in shown(error.value)


@pytest.mark.parametrize("fault", ["hang", "trickle"])
@pytest.mark.parametrize("name", EACH)
def test_an_answer_that_does_not_come_is_given_up(name, fault, monkeypatch, log):
    with serving(DONE, faults=[fault]) as (server, base):
        assert ask(name, base, monkeypatch, timeout=0.5).text == "FINISH([1])"
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("401", FatalProviderError),
        ("broke", FatalProviderError),
        ("context", ContextLimitError),
        ("400", ProviderError),
    ],
)
@pytest.mark.parametrize("name", EACH)
def test_what_no_other_try_mends_is_not_tried_again(name, fault, kind, monkeypatch, log):
    with serving(DONE, always=fault) as (server, base), pytest.raises(ProviderError) as error:
        ask(name, base, monkeypatch)
    assert type(error.value) is kind
    assert len(server.seen) == 1
    assert KEY not in shown(error.value)


@pytest.mark.parametrize("name", EACH)
def test_a_provider_that_asks_for_a_day_is_not_waited_for(name, monkeypatch):
    with serving(DONE, always="429 long") as (server, base), pytest.raises(ProviderError, match="86400"):
        ask(name, base, monkeypatch)
    assert len(server.seen) == 1


def test_nobody_there_is_an_infrastructure_error(monkeypatch, log):
    with serving(DONE) as (_, base):
        pass
    with pytest.raises(ProviderError, match="ConnectError"):
        ask("chat", base, monkeypatch, retries=1)


def test_a_key_that_no_header_can_hold_is_not_shown(monkeypatch):
    monkeypatch.setenv("MEDENV_API_KEY", f"{KEY}\x01{KEY}")
    with pytest.raises(ValueError, match="MEDENV_API_KEY") as error:
        LLMPolicy("m")
    assert KEY not in shown(error.value)
    monkeypatch.setenv("MEDENV_API_KEY", KEY + "\n")
    with serving(DONE) as (server, base):
        asyncio.run(policy("chat", base).start(None, 0).act(CHAT))
    assert server.seen[0][2] == KEY


def test_credentials_in_the_url_are_sent_and_not_shown(log):
    with serving(DONE) as (server, base):
        made = policy("chat", base.replace("http://", "http://ann:pass-word@"))
        asyncio.run(made.start(None, 0).act(CHAT))
    assert server.seen[0][2] == "Basic " + base64.b64encode(b"ann:pass-word").decode()
    assert "pass-word" not in log.text + str(made.describe()) + str(made.__dict__)


def test_an_answer_that_repeats_the_key_is_kept_without_it(monkeypatch):
    with serving([(f"FINISH([{json.dumps(KEY)}])", [])]) as (_, base):
        assert ask("chat", base, monkeypatch).text == 'FINISH(["[key]"])'


def test_how_long_it_waits_is_what_the_provider_asks_for(monkeypatch):
    waited, sleep = [], asyncio.sleep

    async def note(seconds, *rest):
        if seconds:
            waited.append(seconds)
        await sleep(0)

    FAULTS["429 soon"] = FAULTS["503"].__closure__ and (
        lambda handler, good, key, state: handler.send(429, b"{}", [("Retry-After", "0.02")])
    )
    monkeypatch.setattr(asyncio, "sleep", note)
    try:
        with serving(DONE, faults=["429 soon", "500", "500"]) as (_, base):
            ask("chat", base, monkeypatch, backoff=8.0)
    finally:
        del FAULTS["429 soon"]
    asked, first, second = next(one for one in waited if one > 0.005), waited[-2], waited[-1]
    assert asked == 0.02
    assert 8 <= first <= 16 <= second <= 32


MIX = [name for name in TRANSIENT if name not in ("huge", "bomb")]


@pytest.mark.parametrize("key", ["EMPTY", "none", "k", "not-needed"])
def test_a_word_for_no_key_changes_no_answer(monkeypatch, key):
    monkeypatch.setenv("SOME_KEY", key)
    with serving([(f"FINISH([{json.dumps(key)}])", [])]) as (_, base):
        assert ask("chat", base, monkeypatch, api_key_env="SOME_KEY").text == f"FINISH([{json.dumps(key)}])"
    with serving(DONE, always="400") as (_, base), pytest.raises(ProviderError) as error:
        ask("chat", base, monkeypatch, api_key_env="SOME_KEY")
    assert len(key) < 4 or key not in str(error.value)


@pytest.mark.parametrize("name", EACH)
def test_episodes_among_faults_are_played_or_infrastructure_errors(name, monkeypatch, log):
    monkeypatch.setenv("MEDENV_API_KEY", KEY)
    faults = [fault for good in range(60) for fault in (None, MIX[good % len(MIX)], MIX[(3 * good) % len(MIX)])]

    async def collect(base):
        made = policy(name, base, retries=1)
        try:
            with Benchmark("builtin") as benchmark:
                return [one async for one in run(benchmark, made, list(benchmark.tasks)[:40], concurrency=8)]
        finally:
            await made.close()

    with serving([("GET Patient?_count=1", []), ("FINISH([])", [])], faults=faults) as (_, base):
        episodes = asyncio.run(collect(base))
    by_status = {status: [one for one in episodes if one.status is status] for status in Status}
    assert len(episodes) == 40
    assert by_status[Status.COMPLETED]
    assert by_status[Status.INFRASTRUCTURE_ERROR]
    assert len(by_status[Status.COMPLETED]) + len(by_status[Status.INFRASTRUCTURE_ERROR]) == 40
    for one in episodes:
        assert (one.verdict is None) == (one.status is Status.INFRASTRUCTURE_ERROR)
        assert KEY.encode() not in one.to_json()


@pytest.mark.parametrize("name", EACH)
def test_the_key_is_in_no_file_and_no_output(name, tmp_path):
    code = (
        "import logging, sys; logging.basicConfig(level=logging.DEBUG, filename='debug.log'); "
        "logging.getLogger().addHandler(logging.StreamHandler()); from medenv.cli import main; main()"
    )
    faults = [fault for kind in MIX for fault in (None, kind)]
    with serving([("GET Patient?_count=1", []), (f"FINISH([{json.dumps(KEY)}])", [])], faults=faults) as (server, base):
        place = base + ("/v1" if name == "chat" else "")
        arguments = ["eval", "--agent", "llm", "--model", "m", "--provider", name, "--base-url", place, "--out", "run"]
        arguments += ["--split", "builtin", "--limit", "20", "--retries", "2", "--backoff", "0.001", "--cache", "kept"]
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=tmp_path,
            env={**os.environ, "MEDENV_API_KEY": KEY},
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(server.seen) > 50
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {"debug.log", "trajectories.jsonl", "summary.json"} <= {file.name for file in files}
    assert "DEBUG" in (tmp_path / "debug.log").read_text()
    assert not [file for file in files if KEY.encode() in file.read_bytes()]
    assert KEY not in done.stdout + done.stderr
