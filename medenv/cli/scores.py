"""How commands show a run's scores: the table, what went wrong, and a last line with nothing but the total."""

from __future__ import annotations

from pathlib import Path

from medenv.cli.console import stdout
from medenv.report import Summary, category_line, floor_line, score_table
from medenv.trajectories import Status

__all__ = ["show_scores", "show_unscored"]


def show_scores(title: str, summary: Summary, floor: Summary | None, folder: Path | None) -> None:
    """Print a run's scores.

    Args:
        title: What was run.
        summary: Its scores.
        floor: The blind policy's on the same tasks, if they can be had.
        folder: Where the run is stored.
    """
    console = stdout()
    console.print(score_table(title, summary, floor))
    if floor is not None:
        console.print(floor_line(floor), highlight=False)
    if line := category_line(summary.total):
        console.print(line, highlight=False)
    if rates := summary.pass_rates():
        console.print(", ".join(f"{name} {100 * rate:.1f} %" for name, rate in rates.items()), highlight=False)
    if summary.only_failures_repeated:
        console.print("only failed tasks were tried again: this run's accuracy is not comparable", style="bold red")
    if folder is not None:
        console.print(f"trajectories and summary: {folder}", highlight=False, soft_wrap=True)
    show_unscored(summary, f"--resume {folder} --retry-infrastructure" if folder is not None else None)
    # The last line is for scripts: nothing but the total.
    print(f"{summary.total.passed}/{summary.total.scored}")


def show_unscored(summary: Summary, again: str | None) -> None:
    """Print how many episodes have no score and the commonest reason; nothing if there are none.

    Args:
        summary: The run's scores.
        again: What plays these episodes again.
    """
    failed = summary.total.ended(Status.INFRASTRUCTURE_ERROR)
    if not failed:
        return
    lines = [
        f"{failed} episode(s) ended in an infrastructure error and are in no score"
        + (f"; play them again with: {again}" if again is not None else "")
    ]
    if (found := summary.reasons.commonest) is not None:
        reason, count = found
        lines.append(f"{'all' if count == failed else count} of them: {reason}")
    for line in lines:
        stdout().print(line, highlight=False, soft_wrap=True, markup=False)
