"""How commands fail: a line for what medenv raises on purpose, a traceback for a bug, and never a secret."""

import json

import pytest

from medenv.cli import runs
from tests.cli.inside import medenv


@pytest.fixture
def bug(monkeypatch):
    """A bug planted in a command."""

    def fails(run):
        secret = "sk-1234567890"
        raise KeyError(f"ndc of https://user:password@host with {secret}")

    monkeypatch.setenv("SOME_API_KEY", "sk-1234567890")
    monkeypatch.setattr(runs, "check_run", fails)


def test_a_bug_shows_its_traceback_and_how_to_report_it(bug, tmp_path):
    done = medenv("runs", "check", "run", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "in fails" in done.stderr
    assert "report" in done.stderr.splitlines()[-1]


def test_a_traceback_holds_no_secret(bug, tmp_path):
    done = medenv("runs", "check", "run", cwd=tmp_path)
    assert "KeyError" in done.stderr
    assert "sk-1234567890" not in done.stderr
    assert "password@" not in done.stderr


def test_what_is_wrong_with_the_input_is_one_line(tmp_path):
    done = medenv("runs", "check", "nothing", cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "nothing" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["--debug", "runs", "check", "nothing"], ["runs", "check", "nothing", "--debug"]]
)
def test_debug_shows_the_traceback_of_every_error(arguments, tmp_path):
    done = medenv(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback (most recent call last)" in done.stderr
    assert "nothing" in done.stderr.splitlines()[-1]


def test_the_environment_can_ask_for_tracebacks(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDENV_DEBUG", "1")
    assert "Traceback" in medenv("grade", "nothing", cwd=tmp_path).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve", "--data", "nothing"],
        ["load", "nothing", "http://127.0.0.1:9/fhir"],
        ["data", "export", "--split", "builtin", "--out", "no/folder/file"],
        ["data", "export", "--split", "builtin", "--out", "/dev/full/file"],
        ["view", "nothing"],
        ["models", "--models", "nothing"],
        ["eval", "--agent", "scripted", "-O", "script=nothing"],
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(arguments, tmp_path):
    done = medenv(*arguments, cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("medenv: error: ")]


@pytest.mark.parametrize("command", [["compare", "run", "run"], ["view", "run", "--no-open"]])
def test_a_row_that_a_grader_fails_on_is_named(command, tmp_path):
    arguments = ("--agent", "reference", "--split", "builtin", "--type", "2", "--limit", "2", "--out", "run")
    assert medenv("eval", *arguments, cwd=tmp_path).returncode == 0
    file = tmp_path / "run" / "trajectories.jsonl"
    rows = [json.loads(line) for line in file.read_bytes().splitlines()]
    for row in rows:
        row.pop("checksum")
    rows[1]["facts"] = [{"resourceType": "Patient", "birthDate": 7}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if command[0] == "compare":
        done = medenv(*command, "--grader", "strict", cwd=tmp_path)
        assert done.returncode == 2
        assert "trajectories.jsonl, line 2" in done.stderr
        assert "Traceback" not in done.stderr
    else:
        assert medenv(*command, cwd=tmp_path).returncode == 0, "stored verdicts are shown as they are"
