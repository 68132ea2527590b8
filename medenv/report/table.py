"""The table of a run's scores for the terminal, with the blind floor beside each."""

from __future__ import annotations

from rich.table import Table

from medenv.protocol.trajectory import Status
from medenv.report.metrics import Counts, Summary
from medenv.tasks import task_type

__all__ = ["score_table"]


def score_table(title: str, summary: Summary, blind: Summary) -> Table:
    """One row a task type and one for all.

    Args:
        title: What was run.
        summary: The run's scores.
        blind: Those of the blind policy on the same tasks by the same grader.
    """
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("task type", no_wrap=True)
    for heading in (
        "episodes",
        "correct",
        "accuracy",
        "95 % interval",
        "blind floor",
        "invalid action",
        "turn limit",
        "infra error",
    ):
        table.add_column(heading, justify="right")
    for number, counts in sorted(summary.types.items()):
        table.add_row(f"{number:2d} {task_type(number).name}", *_cells(counts, blind.types.get(number, Counts())))
    table.add_section()
    table.add_row("all", *_cells(summary.total, blind.total), style="bold")
    return table


def _cells(counts: Counts, blind: Counts) -> tuple[str, ...]:
    low, high = counts.interval
    return (
        str(counts.episodes),
        str(counts.passed),
        _percent(counts.accuracy),
        f"{100 * low:.1f} - {100 * high:.1f}" if counts.scored else "-",
        _percent(blind.accuracy),
        str(counts.ended(Status.INVALID_ACTION)),
        str(counts.ended(Status.TURN_LIMIT)),
        str(counts.ended(Status.INFRASTRUCTURE_ERROR)),
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
