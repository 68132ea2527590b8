"""Each agent that comes along, in each protocol."""

import json

import pytest

from medenv.agents.registry import AGENTS

NEED_SOMETHING = {"llm": "a model's server", "local": "a model", "sb3": "a model", "human": "a person"}
"""Agents that can't play out of the box, and what they need."""

PLAY = {
    "reference": {},
    "blind": {},
    "glance": {},
    "empty": {},
    "random": {},
    "scripted": {"script": "script.txt"},
    "replay": {"run": "run"},
    "vote": {"policies": "reference,reference"},
}
PROMPT = 'MedAgentBench_prompt = """{functions} {api_base} {context} {question}"""\n'


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """What medenv reads of a checkout of MedAgentBench, for its protocol."""
    folder = tmp_path_factory.mktemp("MedAgentBench")
    for file, text in {
        "src/server/tasks/medagentbench/__init__.py": PROMPT,
        "data/medagentbench/funcs_v1.json": json.dumps([{"name": "GET {api_base}/Patient"}]),
    }.items():
        (folder / file).parent.mkdir(parents=True)
        (folder / file).write_text(text)
    return folder


def test_every_agent_is_tried_or_needs_something():
    assert {*PLAY, *NEED_SOMETHING} == set(AGENTS)


@pytest.mark.parametrize("protocol", ["text", "tools", "official"])
@pytest.mark.parametrize("agent", PLAY)
def test_it_plays_in_the_protocol(agent, protocol, checkout, elsewhere):
    (elsewhere / "script.txt").write_text("GET Patient?identifier=$mrn\n---\nFINISH([])\n")
    settings = ["--split", "builtin", "--limit", "10", "--protocol", protocol]
    settings += ["--official", str(checkout)] if protocol == "official" else []
    if agent == "replay":
        assert invoke("eval", "--agent", "reference", *settings, "--out", "run").exit_code == 0
    options = [word for name, value in PLAY[agent].items() for word in ("-O", f"{name}={value}")]
    done = invoke("eval", "--agent", agent, *options, *settings, "--out", "played")
    assert done.exit_code == 0, done.output
    passed, _, scored = done.stdout.splitlines()[-1].partition("/")
    assert scored == "10", "each episode has a score"
    assert agent not in ("reference", "replay", "vote") or passed == "10"


def invoke(*words):
    from typer.testing import CliRunner

    from medenv.cli import app

    return CliRunner().invoke(app, list(words))
