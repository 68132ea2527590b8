"""The table of a run's scores for the terminal, with the blind floor beside each."""

from __future__ import annotations

from medenv.report.metrics import Counts, Summary
from medenv.report.terminal import TerminalTable, figure_column, name_column
from medenv.tasks import task_type
from medenv.trajectories import Status

__all__ = ["category_line", "floor_line", "percent", "score_table"]

_HEADINGS = (
    name_column("task type"),
    figure_column("episodes"),
    figure_column("correct"),
    figure_column("accuracy"),
    figure_column("95 % interval", spare=2),
    figure_column("balanced", spare=6),
    figure_column("blind floor", spare=1),
    figure_column("invalid action", spare=4),
    figure_column("turn limit", spare=5),
    figure_column("infra error", spare=3),
)


def score_table(title: str, summary: Summary, blind: Summary | None) -> TerminalTable:
    """One row a task type and one for all.

    Args:
        title: What was run.
        summary: The run's scores.
        blind: Those of the blind policy on the same tasks by the same grader; None where they can't be had.
    """
    table = TerminalTable(*_HEADINGS, title=title)
    for number, counts in sorted(summary.types.items()):
        floor = blind.types.get(number) if blind else None
        table.add(
            f"{number:2d} {task_type(number).name}",
            *_cells(counts, summary.type_interval(number), counts.balanced, floor),
        )
    table.section()
    floor = blind.total if blind else None
    table.add("all", *_cells(summary.total, summary.interval, summary.balanced, floor), style="bold")
    return table


def _cells(
    counts: Counts, interval: tuple[float, float], balanced: float | None, blind: Counts | None
) -> tuple[str, ...]:
    low, high = interval
    return (
        str(counts.episodes),
        str(counts.passed),
        percent(counts.accuracy),
        f"{100 * low:.1f} - {100 * high:.1f}" if counts.scored else "-",
        percent(balanced),
        percent(blind.accuracy if blind else None),
        str(counts.ended(Status.INVALID_ACTION)),
        str(counts.ended(Status.TURN_LIMIT)),
        str(counts.ended(Status.INFRASTRUCTURE_ERROR)),
    )


def floor_line(blind: Summary) -> str:
    """Write a line of the blind policy's score on the same tasks, in all and for each task type where it passes any."""
    passing = [
        f"type {number} {counts.passed}/{counts.scored}"
        for number, counts in sorted(blind.types.items())
        if counts.passed
    ]
    total = (
        f"blind floor on the same tasks: {blind.total.passed}/{blind.total.scored} ({percent(blind.total.accuracy)})"
    )
    return total + (f", of which {', '.join(passing)}" if passing else "")


def category_line(counts: Counts) -> str:
    """Why episodes failed, most frequent first, and how orders went; empty if there is nothing to say."""
    parts = []
    if counts.categories:
        ranked = sorted(counts.categories.items(), key=lambda item: (-item[1], item[0]))
        parts.append("failures: " + ", ".join(f"{name} {count}" for name, count in ranked))
    demanded, made = counts.required
    spared, created = counts.unrequired
    if demanded:
        parts.append(f"orders made where demanded: {made}/{demanded}")
    if spared:
        parts.append(f"something ordered where nothing was: {created}/{spared}")
    return "; ".join(parts)


def percent(share: float | None) -> str:
    """Format a share as a percentage with one decimal, ``-`` for None."""
    return "-" if share is None else f"{100 * share:.1f} %"
