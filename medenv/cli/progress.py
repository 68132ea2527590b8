"""Progress on stderr: of things counted, and of a run's episodes with score and cost.

On a terminal it is a bar. Elsewhere, in a job's log say, it is a plain line every `EVERY` seconds and one at the end.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from medenv.cli.console import stderr
from medenv.rollouts import cost_of
from medenv.trajectories import Trajectory

__all__ = ["EVERY", "Bars", "Counted", "Display", "EpisodeBar", "PlainLines", "counting", "waiting"]

EVERY = 30.0
"""Seconds between two plain lines."""


class PlainLines:
    """Prints a line on stderr every `EVERY` seconds while it is entered, whatever else this process does.

    Args:
        line: Says how far the work is; empty while there is nothing to say.
    """

    def __init__(self, line: Callable[[], str]) -> None:
        self._line, self._ended = line, Event()
        self._thread = Thread(target=self._tick, name="medenv-progress", daemon=True)

    def _tick(self) -> None:
        while not self._ended.wait(EVERY):
            self.tell()

    def tell(self) -> None:
        """Print a line now; a reader of stderr that has gone is no matter of the work's."""
        try:
            if line := self._line():
                print(line, file=sys.stderr, flush=True)
        except (OSError, ValueError):
            self._ended.set()

    def __enter__(self) -> PlainLines:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


class Counted:
    """How far something is, in words.

    Args:
        what: What is being done.
        total: How many there are; None if that isn't known.
        done: How many are done already.
    """

    def __init__(self, what: str, total: int | None, done: int = 0) -> None:
        self.what, self.total, self.done = what, total, done
        self._before, self._begun = done, time.monotonic()

    def words(self, more: str = "") -> str:
        """Such as ``loading: 1200/60000, 40/s, 30 s so far, 1470 s left``.

        Args:
            more: Said after the counts.
        """
        seconds = time.monotonic() - self._begun
        parts = [f"{self.what}: {self.done}" + (f"/{self.total}" if self.total is not None else "")]
        speed = (self.done - self._before) / seconds if seconds > 0 else 0.0
        if speed:
            parts.append(_rate(speed))
        parts += [more] if more else []
        parts.append(f"{seconds:.0f} s so far")
        if speed and self.total is not None and self.total > self.done:
            parts.append(f"{(self.total - self.done) / speed:.0f} s left")
        return ", ".join(parts)


def _rate(speed: float) -> str:
    return f"{speed:.0f}/s" if speed >= 2 else f"{60 * speed:.1f}/min"


class _Rate(ProgressColumn):
    """How many a second, or a minute where they are slow."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else _rate(speed))


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say that something takes its time whose steps aren't counted; nothing if it takes less than `EVERY` seconds."""
    if stderr().is_terminal:
        yield
        return
    begun = time.monotonic()
    with PlainLines(lambda: f"{what}: {time.monotonic() - begun:.0f} s so far"):
        yield


class Display:
    """Bars on a terminal, plain lines elsewhere; shown while it is entered.

    Args:
        columns: Of each bar.
        words: Says how far the work is, for a plain line; empty while there is nothing to say.
    """

    def __init__(self, columns: Sequence[ProgressColumn], words: Callable[[], str]) -> None:
        console = stderr()
        self._progress = Progress(*columns, console=console) if console.is_terminal else None
        self._plain = None if console.is_terminal else PlainLines(words)
        self._bars: dict[str, TaskID] = {}
        self._moved = False

    def update(self, what: str, done: int, total: int | None, **values: Any) -> None:
        """Show how far something is; a bar that there isn't yet is added.

        Args:
            what: What is being done.
            done: How many are done.
            total: How many there are; None if that isn't known.
            **values: What the columns show besides.
        """
        self._moved |= done > 0
        if self._progress is None:
            return
        if what not in self._bars:
            self._bars[what] = self._progress.add_task(what, total=total, completed=done, **values)
        self._progress.update(self._bars[what], completed=done, total=total, **values)

    def __enter__(self) -> Display:
        if self._plain is not None:
            self._plain.__enter__()
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()
        if self._plain is not None:
            self._plain.__exit__()
            if self._moved:  # else it broke off before it began, and there is an error to read
                self._plain.tell()


class Bars:
    """A bar for each kind of thing that is counted, the last one alone where there is no terminal; shown while it is entered."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
        self._display = Display(columns, self._words)
        self._last: Counted | None = None

    def _words(self) -> str:
        return self._last.words() if self._last is not None else ""

    def tell(self, what: str, done: int, of: int | None) -> None:
        """Say how many of something are done.

        Args:
            what: What is being done.
            done: How many.
            of: How many there are; None if that isn't known, or was said before.
        """
        if self._last is None or self._last.what != what:
            self._last = Counted(what, of, done)
        self._last.done, self._last.total = done, of if of is not None else self._last.total
        self._display.update(what, done, self._last.total)

    def __enter__(self) -> Bars:
        self._display.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._display.__exit__()


@contextmanager
def counting(what: str, total: int | None) -> Iterator[Callable[..., None]]:
    """Show a bar, or plain lines.

    Args:
        what: What is being done.
        total: How many there are; None if that is told later.

    Yields:
        A function to call with how many are done, and optionally how many there are (0 for no news).
    """
    with Bars() as bars:
        bars.tell(what, 0, total)
        yield lambda done, of=0: bars.tell(what, done, of or None)


class EpisodeBar:
    """Episodes with rate, remaining time, running score and cost, as a bar or as plain lines; shown while it is entered.

    Args:
        name: Who plays.
        total: How many episodes there shall be.

    Attributes:
        episodes: How many were counted.
        scored: How many of them have a verdict.
        passed: How many of these scored 1.
        failed: How many ended in an infrastructure error.
        cost: What they cost in US dollars, as far as agents tell.
    """

    def __init__(self, name: str, total: int) -> None:
        self.episodes = self.scored = self.passed = self.failed = 0
        self.cost = 0.0
        self._name, self._total = name, total
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            _Rate(),
            TextColumn("{task.fields[score]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self._display = Display(columns, self.words)
        self._counted: Counted | None = None

    def count(self, trajectory: Trajectory) -> None:
        """Count an episode in."""
        self.episodes += 1
        self.cost += cost_of(trajectory) or 0.0
        if trajectory.verdict is None:
            self.failed += 1
        else:
            self.scored += 1
            self.passed += trajectory.verdict["score"] == 1.0
        if self._counted is not None:
            self._counted.done = self.episodes
            self._show()

    def words(self) -> str:
        """Return the progress as a plain line of text, for output that is no terminal."""
        counted = self._counted or Counted(self._name, self._total, self.episodes)
        return counted.words(self._score())

    def _score(self) -> str:
        parts = [f"{self.passed}/{self.scored} correct"]
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.cost:
            parts.append(f"{self.cost:.2f} USD")
        return ", ".join(parts)

    def _show(self) -> None:
        self._display.update(self._name, self.episodes, self._total, score=self._score())

    def __enter__(self) -> EpisodeBar:
        self._counted = Counted(self._name, self._total, self.episodes)
        self._display.__enter__()
        self._show()
        return self

    def __exit__(self, *_: object) -> None:
        self._display.__exit__()
