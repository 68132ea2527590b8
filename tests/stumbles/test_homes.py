"""Homes that can't be written, as in containers and on clusters, and terminals that show little."""

import os
from pathlib import Path

import pytest

PLAY = ("eval", "--agent", "blind", "--split", "builtin", "--limit", "1", "--out", "run")


def without_cache(**more):
    return {name: value for name, value in {**os.environ, **more}.items() if name != "MEDENV_CACHE_DIR"}


@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME"])
def test_a_home_that_cannot_be_written_gives_way_to_a_temporary_folder(medenv, tmp_path, variable):
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "tmp").mkdir()
    env = without_cache(**{variable: str(tmp_path / "file"), "TMPDIR": str(tmp_path / "tmp")})
    done = medenv(*PLAY, env=env)
    assert done.returncode == 0, done.stderr
    note = done.stderr.splitlines()[0]
    assert str(tmp_path / "file") in note
    assert "MEDENV_CACHE_DIR" in note
    (made,) = (tmp_path / "tmp").iterdir()
    assert str(made) in note
    assert list(made.rglob("*.db")), "charts are kept there, for the next command"


def test_no_home_at_all(medenv, tmp_path):
    env = without_cache(TMPDIR=str(tmp_path))
    env.pop("HOME")
    env["XDG_CACHE_HOME"] = str(tmp_path / "caches")
    assert medenv(*PLAY, env=env).returncode == 0
    assert list((tmp_path / "caches").rglob("*.db"))


def test_a_cache_folder_that_was_named_and_cannot_be_is_told(medenv, tmp_path):
    (tmp_path / "file").write_text("no folder")
    done = medenv(*PLAY, env={**os.environ, "MEDENV_CACHE_DIR": str(tmp_path / "file")})
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert str(tmp_path / "file") in line
    assert "MEDENV_CACHE_DIR" in line
    assert not Path("run").exists()


@pytest.mark.parametrize(
    "odd",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"},
        {"TERM": "dumb", "COLUMNS": "20"},
    ],
    ids=["ascii alone", "narrow"],
)
def test_terminals_that_show_little(medenv, odd):
    for words in (PLAY, ("tasks", "--split", "builtin"), ("eval", "--agent", "refrence")):
        done = medenv(*words, env={**os.environ, **odd})
        assert "Traceback" not in done.stderr, words
        assert done.returncode == (2 if "refrence" in words else 0), done.stderr
