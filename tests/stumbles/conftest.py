"""What the first hour's commands are run with: a home, a folder and a cache of their own, and nothing of the clone.

These files know nothing of the rest of the tests, so that ``scripts/stumbles.py`` can run a copy of them on a wheel in a clean environment.
"""

import os
import subprocess
import sys

import pytest


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """Where charts are built, once for all."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, cache, monkeypatch):
    """A folder to work in that holds nothing, and a home."""
    folder = tmp_path / "work"
    folder.mkdir()
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MEDENV_CACHE_DIR", str(cache))
    for name in ("MEDENV_DEBUG", "MEDENV_MODELS", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    return folder


def started(*words, **more):
    """Run Python with some arguments; gives returncode, stdout and stderr."""
    return subprocess.run(
        [sys.executable, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        **more,
    )


@pytest.fixture
def python():
    """Runs Python."""
    return started


@pytest.fixture
def medenv():
    """Runs ``python -m medenv``."""
    return lambda *words, **more: started("-m", "medenv", *words, **more)


@pytest.fixture(scope="session")
def run(tmp_path_factory, cache):
    """A stored run of a few episodes."""
    folder = tmp_path_factory.mktemp("runs") / "blind"
    words = ("eval", "--agent", "blind", "--split", "builtin", "--limit", "10", "--out", folder)
    done = started("-m", "medenv", *words, env={**os.environ, "MEDENV_CACHE_DIR": str(cache)})
    assert done.returncode == 0, done.stderr
    return folder
