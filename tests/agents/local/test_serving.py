"""Real OpenAI-compatible servers with the tiny model: whole episodes over HTTP, and the same texts as the model gives in this process."""

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec

import httpx
import pytest

from medenv.agents import load
from tests.agents.local.conftest import play, texts
from tests.tiny_model import to_gguf

KNOWN = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "NO_PROXY": "127.0.0.1"}


@contextmanager
def serving(command, log):
    """A server's base URL, once it lists its models."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}/v1"
    with open(log, "wb") as output:
        server = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)], env=KNOWN, stdout=output, stderr=output
        )
        try:
            end = time.monotonic() + 180
            while True:
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < end, f"no answer: {log.read_text()}"
                try:
                    httpx.get(f"{base}/models", timeout=10, trust_env=False).raise_for_status()
                    break
                except httpx.HTTPError:
                    time.sleep(0.2)
            yield base
        finally:
            server.terminate()
            server.wait(30)


def played_twice(benchmark, policy, reference):
    """Twenty episodes: each of the ten tasks twice."""
    return play(benchmark, policy, [one.task for one in reference], samples=2)


@pytest.fixture(scope="module")
def here(benchmark, reference, by_heart):
    """The episodes as the local policy plays them."""
    return played_twice(benchmark, load("local", model=by_heart, device="cpu"), reference)


def check(played, here, reference, figures, server):
    assert len(played) == 20
    assert texts(played) == texts(here) == [turns for turns in texts(reference) for _ in range(2)]
    assert all(one.verdict["score"] == 1.0 for one in played)
    turns = [turn for one in played for turn in one.turns]
    own = [turn for one in here for turn in one.turns]
    for turn, mine in zip(turns, own, strict=True):
        assert turn.usage["prompt_tokens"] == mine.usage["prompt_tokens"]
        assert turn.usage["completion_tokens"] in (mine.usage["completion_tokens"], mine.usage["completion_tokens"] - 1)
        assert turn.usage["finish_reason"] == mine.usage["finish_reason"] == "stop"
    figures(
        f"{server}: {len(played)} episodes, {len(turns)} turns, {sum(turn.usage['completion_tokens'] for turn in turns)} tokens; "
        "the same texts as local at temperature 0"
    )
    return turns, own


def test_transformers_serve(benchmark, reference, by_heart, here, tmp_path, figures):
    if find_spec("fastapi") is None or find_spec("openai") is None:
        pytest.skip("needs transformers[serving]")
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(by_heart), "--device", "cpu"]
    with serving(command, tmp_path / "log") as base:
        policy = load("llm", model=str(by_heart), base_url=base, max_tokens=200)
        played = played_twice(benchmark, policy, reference)
    check(played, here, reference, figures, "transformers serve")


def test_llama_cpp(benchmark, reference, by_heart, here, tmp_path, figures):
    if find_spec("llama_cpp") is None or find_spec("gguf") is None:
        pytest.skip("needs llama-cpp-python[server] and gguf")
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(to_gguf(by_heart)), "--n_ctx", "2048"]
    command += ["--logits_all", "true", "--n_threads", "1", "--interrupt_requests", "false"]
    with serving(command, tmp_path / "log") as base:
        policy = load("llm", model="tiny", base_url=base, max_tokens=200, logprobs=True, extra={"top_logprobs": 1})
        played = played_twice(benchmark, policy, reference)
    turns, own = check(played, here, reference, figures, "llama.cpp's server")
    for turn, mine in zip(turns, own, strict=True):
        # llama.cpp doesn't count the token that ends the reply.
        assert "".join(turn.tokens["texts"]) == turn.text
        assert turn.tokens["logprobs"] == pytest.approx(mine.tokens["logprobs"][: len(turn.tokens["texts"])], abs=0.02)
