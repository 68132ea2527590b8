"""Progress bars on stderr: of things counted, with their rate, and of a run's episodes, with score and cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
from medenv.protocol.trajectory import Trajectory
from medenv.rollouts import cost_of

__all__ = ["EpisodeBar", "counting"]


class _Rate(ProgressColumn):
    """How many a second, or a minute where they are slow."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if speed is None:
            return Text("")
        return Text(f"{speed:.0f}/s" if speed >= 2 else f"{60 * speed:.1f}/min")


@contextmanager
def counting(what: str, total: int | None) -> Iterator[Callable[..., None]]:
    """Show a bar.

    Args:
        what: What is being done.
        total: How many there are; None if that is told later.

    Yields:
        A function to call with how many are done, and optionally how many there are (0 for no news).
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=stderr()) as progress:
        bar = progress.add_task(what, total=total)

        def tell(done: int, of: int = 0) -> None:
            progress.update(bar, completed=done, total=of or None)

        yield tell


class EpisodeBar:
    """A bar of episodes with rate, remaining time, running score and cost; shown while it is entered.

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
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            _Rate(),
            TextColumn("{task.fields[score]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=stderr(),
        )
        self._bar: TaskID | None = None

    def count(self, trajectory: Trajectory) -> None:
        """Count an episode in."""
        self.episodes += 1
        self.cost += cost_of(trajectory) or 0.0
        if trajectory.verdict is None:
            self.failed += 1
        else:
            self.scored += 1
            self.passed += trajectory.verdict["score"] == 1.0
        if self._bar is not None:
            self._progress.update(self._bar, advance=1, score=self._score())

    def _score(self) -> str:
        parts = [f"{self.passed}/{self.scored} correct"]
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.cost:
            parts.append(f"{self.cost:.2f} USD")
        return ", ".join(parts)

    def __enter__(self) -> EpisodeBar:
        self._progress.start()
        self._bar = self._progress.add_task(self._name, total=self._total, completed=self.episodes, score=self._score())
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
