"""The first things that are typed: help, version, an agent left out, a model by its name alone."""

import subprocess
import sys

import pytest
import typer

from medenv import __version__
from medenv.cli import COMMANDS
from medenv.cli.agent_options import AgentOptions
from tests.cli.inside import medenv

pytestmark = pytest.mark.quick

HEAVY = ("medenv.agents", "medenv.fhir", "medenv.tasks", "medenv.rollouts", "httpx", "docker", "pydantic", "starlette")


def test_help_imports_no_more_than_it_shows():
    code = (
        "import sys\nfrom medenv.cli import app\ntry:\n    app(['--help'])\nfinally:\n"
        f"    print([one for one in {HEAVY!r} if one in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr.strip() == "[]"
    assert all(one.name in done.stdout for one in COMMANDS)


def test_the_short_option_for_help_is_known_everywhere(tmp_path):
    for words in ((), ("grade",), ("runs",), ("runs", "check")):
        short, long = (medenv(*words, option, cwd=tmp_path) for option in ("-h", "--help"))
        assert short.returncode == 0
        assert short.stdout == long.stdout


def test_the_version_is_told(tmp_path):
    assert medenv("--version", cwd=tmp_path).stdout.split() == ["medenv", __version__]


@pytest.mark.parametrize("one", COMMANDS, ids=lambda one: one.name)
def test_a_command_is_listed_under_the_first_line_of_its_help(one):
    said = (one.load().help or "").partition("\n\n")[0]
    assert " ".join(said.split()) == one.line


def test_an_unknown_command_is_refused(tmp_path):
    done = medenv("evla", cwd=tmp_path)
    assert done.returncode == 2
    assert "evla" in done.stderr


def test_a_model_alone_is_played_by_the_llm_agent():
    assert AgentOptions(model="some").arguments() == ("llm", {"model": "some"})
    assert AgentOptions(agent="local", model="some").arguments()[0] == "local"


def test_who_could_play_is_told_to_those_who_name_nobody():
    with pytest.raises(typer.BadParameter, match=r"reference, .*llm"):
        AgentOptions().arguments()
