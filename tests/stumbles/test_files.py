"""Files that commands write: ``-``, what is there already, permissions."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medenv.cli import app

EXPORT = ("data", "export", "--split", "builtin")
FOLDERS = [
    ("eval", "--agent", "blind", "--split", "builtin", "--limit", "1", "--out"),
    ("rollout", "--agent", "blind", "--split", "builtin", "--limit", "1", "--out"),
    ("grade", "RUN", "--out"),
    ("report", "RUN", "--no-plots", "--out"),
    ("dataset", "sft", "RUN", "--out"),
    ("dataset", "grpo", "--split", "builtin", "--limit", "2", "--out"),
    ("export", "atif", "RUN", "--out"),
    ("export", "hf-traces", "RUN", "--out"),
    ("runs", "merge", "RUN", "--out"),
    ("runs", "filter", "RUN", "--out"),
    ("runs", "sample", "RUN", "--episodes", "2", "--out"),
]
"""Commands that write a folder."""


def invoke(words, run, *more):
    done = CliRunner().invoke(app, [str(run) if word == "RUN" else word for word in words] + list(map(str, more)))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def said(done):
    """What is said, without progress."""
    return done.stderr.splitlines()[-1]


def test_a_dash_is_standard_output(medenv, run, elsewhere):
    exported = medenv(*EXPORT, "--out", "-")
    assert exported.returncode == 0
    assert exported.stdout.startswith('{"resourceType":"Patient"')
    assert exported.stdout == invoke(EXPORT, run).stdout
    page = medenv("view", run, "--out", "-", "--no-open")
    assert page.stdout.startswith("<!")
    assert page.stdout.rstrip().endswith("</html>")
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("words", FOLDERS, ids=lambda words: " ".join(words[:2]))
def test_a_folder_is_no_standard_output(words, run, elsewhere):
    done = invoke(words, run, "-")
    assert done.exit_code == 2
    assert "'-' is standard output" in said(done)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("words", FOLDERS, ids=lambda words: " ".join(words[:2]))
def test_a_folder_that_holds_something_is_not_written_over(words, run, elsewhere):
    (elsewhere / "mine").mkdir()
    (elsewhere / "mine" / "trajectories.jsonl").write_text("mine")
    for more in ((), ("--force",)):
        done = invoke(words, run, "mine", *more)
        assert done.exit_code == 2, done.output
        assert [one.read_text() for one in (elsewhere / "mine").iterdir()] == ["mine"], (
            "not even with --force, as it is none of medenv's"
        )


@pytest.mark.parametrize(
    "words", [EXPORT, ("view", "RUN", "--no-open"), ("capture", "http://127.0.0.1:9/fhir")], ids=" ".join
)
def test_a_file_is_overwritten_only_with_force(words, run, elsewhere):
    mine = elsewhere / "mine"
    mine.write_text("mine")
    done = invoke(words, run, "-o", mine)
    assert done.exit_code == 2
    assert "--force" in said(done)
    assert mine.read_text() == "mine"
    if words[0] != "capture":
        assert invoke(words, run, "-o", mine, "--force").exit_code == 0
        assert mine.read_text() != "mine"
    assert list(elsewhere.iterdir()) == [mine]


def test_a_file_in_the_place_of_one_of_a_runs_is_not_written_over(run, elsewhere):
    (elsewhere / "mine").mkdir()
    (elsewhere / "mine" / "manifest.json").write_text('{"mine": 1}')
    done = invoke(FOLDERS[0], run, "mine")
    assert done.exit_code == 2
    assert "manifest.json" in said(done)
    assert [one.read_text() for one in (elsewhere / "mine").iterdir()] == ['{"mine": 1}']


def test_a_command_that_fails_leaves_nothing(run, elsewhere):
    for words in (("capture", "http://127.0.0.1:9/fhir", "-o", "x"), ("runs", "merge", "RUN", "nowhere", "--out", "x")):
        assert invoke(words, run).exit_code in (1, 2)
        assert list(elsewhere.iterdir()) == []


@pytest.fixture(params=[0o002, 0o022, 0o077], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_files_have_the_users_umask(umask, run, elsewhere, monkeypatch):
    monkeypatch.setenv("MEDENV_CACHE_DIR", str(elsewhere / "cache"))
    assert invoke(EXPORT, run, "-o", "charts.ndjson").exit_code == 0
    assert invoke(("view", "RUN", "--no-open"), run, "-o", "page.html").exit_code == 0
    for words in FOLDERS:
        assert invoke(words, run, "-".join(words[:2]).replace("/", "")).exit_code == 0, words
    wrong = {
        str(one): oct(one.stat().st_mode & 0o777)
        for one in Path().rglob("*")
        if one.stat().st_mode & 0o777 != (0o777 if one.is_dir() else 0o666) & ~umask
    }
    assert {one: mode for one, mode in wrong.items() if not one.endswith(".lock")} == {}
