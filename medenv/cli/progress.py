"""A progress bar of things counted, with their rate, on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from medenv.cli.console import stderr

__all__ = ["counting"]


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.0f}/s")


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
