"""What long work says where nobody watches a terminal: a plain line now and then, and one at the end."""

import re

import pytest

from medenv.cli import progress
from tests.cli.inside import medenv

LINE = re.compile(r"^(?P<what>[\w -]+): (?P<done>\d+)(/(?P<total>\d+))?(, .+)?, \d+ s so far(, \d+ s left)?$")


class FourLines:
    """As an `threading.Event` that isn't set for four turns of waiting, and asks for a line in each."""

    def __init__(self):
        self.waited, self.ended = [], False

    def wait(self, seconds):
        self.waited.append(seconds)
        return self.ended or len(self.waited) > 4

    def set(self):
        self.ended = True


@pytest.fixture
def hurried(monkeypatch):
    made = []
    monkeypatch.setattr(progress, "Event", lambda: made.append(FourLines()) or made[-1])
    return made


def test_a_line_is_printed_every_half_minute(hurried, capsys):
    with progress.counting("loading", 100) as tell:
        tell(40)
    assert set(hurried[0].waited) == {progress.EVERY}
    assert progress.EVERY == 30.0
    lines = capsys.readouterr().err.splitlines()
    found = [LINE.match(line) for line in lines]
    assert 1 <= len(lines) <= 5
    assert all(one and (one["what"], one["total"]) == ("loading", "100") for one in found)
    assert found[-1]["done"] == "40"


def test_a_run_tells_its_episodes_and_score(tmp_path):
    done = medenv("eval", "--agent", "empty", "--split", "builtin", "--limit", "3", "--out", "run", cwd=tmp_path)
    last = LINE.match(done.stderr.splitlines()[-1])
    assert (last["what"], last["done"], last["total"]) == ("empty", "3", "3")
    assert "/3 correct" in last[0]


def test_what_is_not_counted_is_told_with_its_time(hurried, capsys):
    with progress.waiting("building"):
        pass
    assert all(re.fullmatch(r"building: \d+ s so far", line) for line in capsys.readouterr().err.splitlines())


def test_a_log_that_was_closed_stops_the_lines_and_not_the_work(hurried, monkeypatch):
    class Gone:
        def write(self, text):
            raise BrokenPipeError

        def flush(self):
            raise BrokenPipeError

    lines = progress.PlainLines(lambda: "line")
    monkeypatch.setattr("sys.stderr", Gone())
    with lines:
        pass
    assert hurried[0].ended


def test_a_rate_and_what_is_left_are_told(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    counted = progress.Counted("capturing", 60, done=10)
    now[0] += 5
    counted.done = 30
    assert counted.words("3 failed") == "capturing: 30/60, 4/s, 3 failed, 5 s so far, 8 s left"
