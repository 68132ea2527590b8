"""Agents that play what others wrote or want, from the command line: scripts, replays and votes."""

import json
import os
import subprocess
import sys

import pytest

from medenv.cli.agent_options import AgentOptions
from medenv.rollouts import read_run
from tests.agents.providers_server import listing

MEDENV = [sys.executable, "-c", "from medenv.cli import main; main()"]


@pytest.fixture
def medenv(tmp_path):
    def call(*arguments):
        return subprocess.run(
            [*MEDENV, *arguments],
            cwd=tmp_path,
            env=os.environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return call


def test_a_script_then_its_replay(medenv, tmp_path):
    (tmp_path / "s.txt").write_text("GET Patient?identifier=$mrn\n---\nFINISH([50])\n")
    common = ("--split", "builtin", "--type", "2")
    first = medenv("eval", "--agent", "scripted", "-O", "script=s.txt", *common, "--out", "first")
    assert first.returncode == 0, first.stderr
    again = medenv("eval", "--agent", "replay", "-O", "run=first", *common, "--out", "again")
    assert again.returncode == 0, again.stderr
    assert first.stdout.splitlines()[-1] == again.stdout.splitlines()[-1]
    pairs = zip(read_run(tmp_path / "first"), read_run(tmp_path / "again"), strict=True)
    assert all((one.turns, one.verdict) == (two.turns, two.verdict) for one, two in pairs)
    compared = medenv("compare", "first", "again")
    assert compared.returncode == 0, compared.stderr
    missing = medenv("eval", "--agent", "replay", "-O", "run=first", "--split", "builtin", "--type", "3", "--out", "no")
    assert missing.returncode == 1
    assert "has no episode of task 'task3_1'" in missing.stderr


def test_a_vote_from_the_command_line(medenv, tmp_path):
    done = medenv(
        *("eval", "--agent", "vote", "-O", "policies=empty,empty,random", "-O", "samples=2"),
        *("--split", "builtin", "--task", "task2_1", "--out", "run"),
    )
    assert done.returncode == 0, done.stderr
    settings = json.loads((tmp_path / "run" / "summary.json").read_bytes())
    assert settings["agent"]["samples"] == 2
    assert [one["name"] for one in settings["agent"]["voters"]] == ["empty", "empty", "random"]


def test_a_model_by_its_name_alone(medenv, tmp_path):
    with listing([]) as (root, asked):
        (tmp_path / "m.toml").write_text(
            f'[models.mine]\nbase_url = "{root}/v1"\nmodel = "theirs"\nprice = {{input = 1, output = 10}}\n'
        )
        done = medenv(
            *("eval", "--agent", "llm", "--model", "mine", "--models", "m.toml"),
            *("--split", "builtin", "--task", "task1_1", "--out", "run"),
        )
    assert done.returncode == 0, done.stderr
    assert [headers["model"] for _, headers in asked] == ["theirs"]
    (row,) = read_run(tmp_path / "run")
    assert row.turns[0].usage["cost"] == 2.0
    unknown = medenv("eval", "--agent", "llm", "--model", "gtp-4o")
    assert unknown.returncode == 2
    assert "Did you mean 'gpt-4o'" in unknown.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["scripted", "-O", "script=none.txt"], "none.txt"),
        (["scripted", "-O", "script"], "NAME=VALUE"),
        (["scripted", "-O", "sript=x"], "it takes: script"),
        (["replay", "-O", "run=nowhere"], "nowhere"),
        (["replay"], "needs the option 'run'"),
    ],
)
def test_mistakes_say_what_to_write(medenv, arguments, said):
    done = medenv("eval", "--agent", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_values_are_json_or_text():
    pairs = ["a=3", "b=false", "c=x=y", 'd=["u", 1]', "e=", "some-name=1e2", "a=4"]
    _, options = AgentOptions(agent="random", agent_option=pairs).arguments()
    assert options == {"a": 4, "b": False, "c": "x=y", "d": ["u", 1], "e": "", "some_name": 100.0}
