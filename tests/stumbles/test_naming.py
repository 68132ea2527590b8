"""Names that don't exist: one line that says what there is, and exit code 2; never a traceback."""

import gymnasium
import pytest
from typer.testing import CliRunner

import medenv as package
from medenv.cli import app
from medenv.errors import InputError

EVAL = ("eval", "--agent", "blind")
UNKNOWN = [
    (("eval", "--agent", "refrence"), ("'refrence'", "did you mean 'reference'", "llm")),
    (("eval", "--agent", "vote", "-O", "policies=blnd"), ("'blnd'", "did you mean 'blind'")),
    (("eval", "--agent", "blind", "-O", "colour=red"), ("'colour'", "takes none")),
    (("eval", "--agent", "llm", "--model", "nosuchmodel"), ("'nosuchmodel'", "medenv models")),
    ((*EVAL, "--split", "tset"), ("'tset'", "did you mean 'test'", "validation")),
    ((*EVAL, "--task", "task1_999"), ("'task1_999'", "task10_30")),
    ((*EVAL, "--split", "train", "--task", "task1_1"), ("'task1_1'", "task1_s0_1")),
    ((*EVAL, "--grader", "lenient"), ("'lenient'", "strict")),
    ((*EVAL, "--protocol", "tool"), ("'tool'", "tools")),
    ((*EVAL, "--protocol", "official"), ("'official'", "--official")),
    ((*EVAL, "--split", "official"), ("'official'", "--official")),
    ((*EVAL, "--engine", "cluster"), ("'cluster'", "processes")),
    ((*EVAL, "--branch", "lwo"), ("'lwo'", "did you mean 'low'")),
    ((*EVAL, "--charts", "nowhere.ndjson"), ("'nowhere.ndjson'",)),
    (("tasks", "--split", "tset"), ("'tset'", "did you mean 'test'")),
    (("play", "--split", "tset"), ("terminal",)),
    (("serve", "--split", "tset"), ("'tset'", "did you mean 'test'")),
    (("data", "export", "--split", "tset"), ("'tset'", "did you mean 'test'")),
    (("dataset", "grpo", "--split", "tset", "--out", "x"), ("'tset'", "did you mean 'test'")),
    (("dataset", "sft", "nowhere", "--out", "x"), ("'nowhere'",)),
    (("rollout", "--resume", "nowhere"), ("'nowhere'",)),
    (("models", "nosuchmodel"), ("'nosuchmodel'",)),
    (("check-server", "localhost"), ("'localhost'", "http://")),
    *(
        (words, ("'nowhere'",))
        for words in [("view", "nowhere", "--no-open"), ("verify", "nowhere"), ("grade", "nowhere")]
    ),
    *(
        (words, ("'nowhere'",))
        for words in [("runs", "show", "nowhere"), ("export", "atif", "nowhere"), ("compare", "nowhere", "x")]
    ),
]


def test_who_could_play_is_told_to_those_who_name_nobody(medenv):
    done = medenv("eval")
    assert done.returncode == 2
    for agent in ("reference", "blind", "glance", "llm", "local", "human", "replay", "scripted", "vote"):
        assert agent in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("words", "said"), UNKNOWN, ids=lambda one: " ".join(one))
def test_an_unknown_name_is_told_in_a_line(elsewhere, words, said):
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("medenv: error: ")
    assert all(one in line for one in said), line
    assert list(elsewhere.iterdir()) == [], "nothing is left of it"


def test_one_of_them_as_a_process(medenv):
    done = medenv("eval", "--agent", "refrence")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("evla",), "evla"),
        (("eval", "--agnet", "blind"), "--agnet"),
        (("tasks", "--type", "11"), "--type"),
        (("eval", "--limit", "0"), "--limit"),
    ],
)
def test_what_is_no_command_or_option_is_told(words, said):
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_same_in_python():
    with pytest.raises(InputError, match="did you mean 'test'"):
        package.evaluate("blind", split="tset")
    with pytest.raises(InputError, match="did you mean 'reference'"):
        package.evaluate("refrence", split="builtin")
    with pytest.raises(InputError, match="there is no setting 'splt'"):
        gymnasium.make("MedAgentBench-v0", splt="test")
    with gymnasium.make("MedAgentBench-v0", split="builtin") as env, pytest.raises(InputError, match="'task1_999'"):
        env.reset(options={"task_id": "task1_999"})
