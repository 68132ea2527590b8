"""Output that is piped to something that stops reading, as ``| head -1`` does."""

import os
import subprocess
import sys

import pytest

GONE = 1
WORDS = [
    ("--help",),
    ("tasks", "--split", "builtin"),
    ("data", "export", "--split", "builtin"),
    ("view", "RUN", "-o", "-", "--no-open"),
    ("eval", "--agent", "blind", "--split", "builtin", "--limit", "3"),
]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_a_reader_that_goes_away_ends_a_command_quietly(words, run):
    reading, writing = os.pipe()
    os.close(reading)
    words = [str(run) if word == "RUN" else word for word in words]
    done = subprocess.run(
        [sys.executable, "-m", "medenv", *words], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert done.returncode == GONE
    assert not any(word in done.stderr for word in ("Traceback", "BrokenPipe", "Exception", "error")), done.stderr
