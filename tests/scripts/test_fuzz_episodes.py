"""The fuzz itself: a seed makes the same of it, what it checks can fail, and some hundred episodes of each kind pass."""

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from medenv.episode import Episode
from medenv.fhir.session import EmbeddedSession
from medenv.grading import OfficialGrader
from medenv.protocol import parse
from medenv.protocol.parsing import as_reply, parse_reply
from medenv.tasks import load_split
from scripts import fuzz_episodes
from scripts.fuzzing.play import SETTINGS, WAYS, Block, FuzzError, play_block
from scripts.fuzzing.replies import odd_reply
from tests.protocol.checkouts import write_checkout

SCRIPT = Path(fuzz_episodes.__file__)
KINDS = len(SETTINGS) * len(WAYS)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    return write_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.mark.parametrize("number", range(KINDS))
def test_a_block_of_each_kind_passes(checkout, number):
    block = Block(7, number, 40, checkout)
    tally = play_block(block)
    assert tally.episodes[block.protocol, block.way] >= 40
    assert tally.turns.total() > tally.episodes.total()


def test_all_kinds_are_played():
    blocks = [Block(0, number, 1, Path()) for number in range(KINDS)]
    assert {(block.way, json.dumps(SETTINGS[block.number % len(SETTINGS)])) for block in blocks} == {
        (way, json.dumps(settings)) for way in WAYS for settings in SETTINGS
    }


@pytest.mark.parametrize("protocol", ["text", "tools", "official"])
def test_replies_are_of_many_kinds_and_the_same_for_a_seed(protocol):
    tasks = load_split("builtin")
    seen = ["a prompt with words", '{"resourceType": "Bundle"}']

    def made(seed):
        random = Random(seed)
        return [odd_reply(random, tasks[n % 300], seen, protocol, "http://localhost:8080/fhir") for n in range(600)]

    replies = made(3)
    assert replies == made(3)
    assert replies != made(4)
    assert len(set(replies)) > 500
    kinds = Counter(
        type(parse_reply(as_reply(text, protocol), protocol).action if protocol == "tools" else parse(text)).__name__
        for text in replies
    )
    assert min(kinds[name] for name in ("Get", "Post", "Finish", "Invalid")) > 30


def faulty_grade(sound):
    calls = 0

    def grade(self, trajectory):
        nonlocal calls
        calls += 1
        verdict = sound(self, trajectory)
        return replace(verdict, score=1.0 - verdict.score) if calls % 7 == 0 else verdict

    return grade


def raising(sound):
    def step(self, said):
        if len(self.turns) == 1:
            raise ZeroDivisionError("planted")
        return sound(self, said)

    return step


def short_of_an_answer(sound):
    def request(self, method, url, *more):
        if "code=" in url:
            raise KeyError("planted")
        return sound(self, method, url, *more)

    return request


@pytest.mark.parametrize("way", range(0, KINDS, len(SETTINGS)))
@pytest.mark.parametrize(
    ("owner", "name", "fault"),
    [
        (OfficialGrader, "grade", faulty_grade),
        (Episode, "step", raising),
        (EmbeddedSession, "request", short_of_an_answer),
    ],
)
def test_what_goes_wrong_is_told_with_what_was_said(checkout, monkeypatch, way, owner, name, fault):
    monkeypatch.setattr(owner, name, fault(getattr(owner, name)))
    with pytest.raises(FuzzError, match=f"block {way} of seed 0 with 30 episodes"):
        play_block(Block(0, way, 30, checkout))


def fuzz(*arguments):
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, env=environment, timeout=300
    )


def test_the_script_prints_what_it_played(tmp_path):
    done = fuzz("--episodes", "30", "--size", "5", "--seed", "5")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "30 episodes" in done.stdout
    assert "statuses, text" in done.stdout
    assert "verdicts, strict" in done.stdout


def test_the_script_fails_with_a_case_that_can_be_played_again(monkeypatch, capsys):
    monkeypatch.setattr(Episode, "step", raising(Episode.step))
    assert fuzz_episodes.main(["--episodes", "10", "--size", "10"]) == 1
    told = capsys.readouterr().out
    assert "again: --seed 0 --size 10 --block 0" in told
    assert "ZeroDivisionError" in told
    monkeypatch.undo()
    assert fuzz_episodes.main(["--seed", "0", "--size", "10", "--block", "0"]) == 0


@pytest.mark.parametrize("arguments", [["--episodes", "0"], ["--size", "0"]])
def test_numbers_that_make_no_sense_are_refused(arguments, capsys):
    with pytest.raises(SystemExit):
        fuzz_episodes.main(arguments)
    assert "must be at least 1" in capsys.readouterr().err
