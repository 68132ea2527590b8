"""Options of agents and prompts on the command line, and that a run says what it was played with."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import typer

from medenv.cli.agent_options import AgentOptions
from medenv.protocol.instructions import Wording, prompt_hash, text_prompt
from medenv.rollouts import read_run
from medenv.tasks import load_split
from tests.agents.provider_server import serving
from tests.cli.test_eval import medenv


def test_only_what_was_given_reaches_the_agent():
    assert AgentOptions(agent="blind").arguments() == ("blind", {})
    given = AgentOptions(
        agent="llm",
        model="m",
        temperature="none",
        stop=["a", "b"],
        logprobs=True,
        cache=Path("kept"),
        extra='{"top_p": 0.9, "seed": null}',
        agent_option=['prices={"input": 1, "output": 2}', "max-tokens=5", "base_url=http://x/v1"],
    )
    assert given.arguments()[1] == {
        "model": "m",
        "temperature": None,
        "stop": ["a", "b"],
        "logprobs": True,
        "cache": Path("kept"),
        "extra": {"top_p": 0.9, "seed": None},
        "prices": {"input": 1, "output": 2},
        "max_tokens": 5,
        "base_url": "http://x/v1",
    }


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({}, "who plays"),
        ({"agent": "llm"}, "needs a model"),
        ({"agent": "blind", "temperature": "hot"}, "hot"),
        ({"agent": "blind", "extra": "{"}, "not JSON"),
        ({"agent": "blind", "extra": "[1]"}, "object"),
        ({"agent": "blind", "agent_option": ["seed"]}, "NAME=VALUE"),
    ],
)
def test_what_can_not_be_read_is_quoted(wrong, word):
    with pytest.raises(typer.BadParameter, match=word):
        AgentOptions(**wrong).arguments()


def test_a_run_keeps_prompt_system_and_tolerances(tmp_path):
    (tmp_path / "prompt.txt").write_text('At {base} in {turns}: {"a": 1} {unknown}\n{context}\n{instruction}\n')
    (tmp_path / "system.txt").write_text("Be brief.\n")
    with serving([("I am done.\nFINISH([])", [])]) as (server, base):
        done = medenv(
            *("eval", "--agent", "llm", "--model", "m", "--base-url", f"{base}/v1", "--split", "builtin", "--limit", 3),
            *("--prompt", "prompt.txt", "--system", "system.txt", "--tolerate", "prose", "--out", "run"),
            cwd=tmp_path,
        )
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "run" / "summary.json").read_bytes())
    rows = list(read_run(tmp_path / "run"))
    wording = Wording.read(tmp_path / "prompt.txt", tmp_path / "system.txt")
    assert summary["tolerances"] == ["prose"]
    assert summary["prompt"] == wording.hash() == rows[0].provenance["prompt"] != prompt_hash()
    assert rows[0].system == "Be brief."
    assert rows[0].prompt.startswith(f'At {rows[0].base} in 8: {{"a": 1}} {{unknown}}\n')
    assert rows[0].prompt.endswith(rows[0].task.instruction)
    assert [one.status.value for one in rows] == ["completed"] * 3
    sent = json.loads(server.bodies[0])["messages"]
    assert [message["role"] for message in sent] == ["system", "user"]


def test_the_tools_protocol_from_the_command_line(tmp_path):
    arguments = ("--split", "builtin", "--limit", 12, "--protocol", "tools", "--out", "run")
    done = medenv("eval", "--agent", "reference", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "12/12"
    assert json.loads((tmp_path / "run" / "summary.json").read_bytes())["protocol"] == "tools"
    assert all(turn.message["tool_calls"] for one in read_run(tmp_path / "run") for turn in one.turns)
    assert medenv("grade", "run", "--grader", "official", cwd=tmp_path).returncode == 0
    refused = medenv("eval", "--agent", "reference", "--protocol", "tools", "--tolerate", "prose", cwd=tmp_path)
    assert refused.returncode == 2
    assert "function calls" in refused.stderr


def test_a_template_is_filled_once_and_must_name_the_task(tmp_path):
    task = load_split("builtin")[0]
    odd = replace(task, instruction="{base} {context}")
    assert Wording(template="{instruction}").prompt(odd, "http://b", 8) == odd.instruction
    assert Wording().prompt(task, "http://b", 8) == text_prompt(task, "http://b", 8)
    with pytest.raises(ValueError, match="instruction"):
        Wording(template="do it")
    with pytest.raises(ValueError, match="no-such"):
        Wording.read(tmp_path / "no-such")


def test_hashes_tell_prompts_apart():
    hashes = {
        Wording(template, system).hash(protocol)
        for template in (None, "{instruction}", "{endpoints} {instruction}")
        for system in (None, "a")
        for protocol in ("text", "tools")
    }
    assert len(hashes) == 12
