"""``medenv compare``: runs set side by side on the tasks they share, in numbers and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from medenv.cli.console import stdout
from medenv.cli.output import Json, print_json
from medenv.grading import GRADERS, load_grader
from medenv.report.board import Board, board_of
from medenv.report.comparing import Comparison, compare, holm
from medenv.report.records import RunRecord, read_records
from medenv.report.table import percent
from medenv.report.terminal import TerminalTable, figure_column, name_column
from medenv.report.words import in_words, points, types_in_words
from medenv.report.writing import value_text
from medenv.tasks import task_type

__all__ = ["compare_runs"]


def compare_runs(
    runs: Annotated[
        list[Path], typer.Argument(help="Two or more runs' folders; the others are set against the first.")
    ],
    grader: Annotated[
        str | None,
        typer.Option(help=f"Grade all anew: {', '.join(GRADERS)}. Their stored verdicts if left out."),
    ] = None,
    json_: Json = False,
) -> None:
    """Compare runs on the tasks they share, pair by pair, the first with each of the others.

    Runs of different splits, graders, protocols or charts are refused.

    Examples:
        medenv compare runs/before runs/after

        medenv compare runs/base runs/small runs/large

        medenv compare runs/before runs/after --json
    """
    if len(runs) < 2:
        raise typer.BadParameter("give two runs at least", param_hint="RUNS")
    judge = load_grader(grader) if grader else None
    records = read_records(runs, judge)
    for record, path in zip(records, runs, strict=True):
        record.name = str(path)
    board = board_of(records)
    first = records[0]
    pairs = [(one, _by_type(first, one), _all(first, one)) for one in records[1:]]
    adjusted = holm([whole.p_value for _, _, whole in pairs])
    if json_:
        print_json(_plain(board, first, pairs, adjusted))
        return
    console = stdout()
    console.print(_places(board))
    for (one, by_type, whole), p_value in zip(pairs, adjusted, strict=True):
        console.print(_table(first, one, by_type, whole))
        said = [*in_words(whole, first.name, one.name), types_in_words(by_type)]
        if len(pairs) > 1:
            said.append(f"Allowing for {len(pairs)} comparisons with {first.name} (Holm), p is {_p(p_value)}.")
        for sentence in said:
            console.print(sentence, highlight=False, soft_wrap=True, markup=False)
    for remark in board.remarks:
        console.print(remark, highlight=False, soft_wrap=True, markup=False)


def _all(first: RunRecord, second: RunRecord) -> Comparison:
    return compare(first.summary.attempts, second.summary.attempts, {**second.patients, **first.patients})


def _by_type(first: RunRecord, second: RunRecord) -> dict[int, Comparison]:
    """Compare two runs by task type, for the types of which both played a common task; keys are type numbers."""
    found = {}
    for number in sorted(set(first.summary.types) & set(second.summary.types)):
        sides = [
            {task: scores for task, scores in one.summary.attempts.items() if one.summary.tasks[task] == number}
            for one in (first, second)
        ]
        if set(sides[0]) & set(sides[1]):
            found[number] = compare(sides[0], sides[1], {**second.patients, **first.patients})
    return found


def _plain(
    board: Board,
    first: RunRecord,
    pairs: Sequence[tuple[RunRecord, dict[int, Comparison], Comparison]],
    adjusted: Sequence[float],
) -> dict[str, Any]:
    """Return all figures as plain data."""
    runs = [
        {
            "run": one.name,
            "tasks": len(one.record.summary.attempts) if one.record is not None else 0,
            "accuracy": one.total.share,
            "interval": one.total.interval,
            "standard_error": None if one.error is None else one.error.error,
            "rank": one.rank,
            "ranks": one.ranks,
        }
        for one in board.entries
    ]
    compared = [
        {
            "first": first.name,
            "second": one.name,
            "all": {**_figures(whole), "p_holm": p_value},
            "types": {str(number): _figures(found) for number, found in by_type.items()},
        }
        for (one, by_type, whole), p_value in zip(pairs, adjusted, strict=True)
    ]
    return {"runs": runs, "comparisons": compared, "remarks": list(board.remarks)}


def _figures(found: Comparison) -> dict[str, Any]:
    return {**asdict(found), "difference": found.difference}


def _places(board: Board) -> TerminalTable:
    table = TerminalTable(
        name_column("run"),
        figure_column("tasks"),
        figure_column("accuracy"),
        figure_column("95 % interval", spare=1),
        figure_column("standard error by patient", spare=4),
        figure_column("rank", spare=2),
        figure_column("rank 95 %", spare=3),
        title="all tasks of each run",
    )
    for one in board.entries:
        assert one.record is not None, "only runs are compared"
        error = None if one.error is None or one.error.error is None else f"{100 * one.error.error:.1f}"
        table.add(
            one.name,
            str(len(one.record.summary.attempts)),
            percent(one.total.share),
            value_text(one.total.interval, "span") or "-",
            error or "-",
            str(one.rank or "-"),
            value_text(one.ranks, "places") or "-",
        )
    return table


def _table(first: RunRecord, second: RunRecord, by_type: dict[int, Comparison], whole: Comparison) -> TerminalTable:
    before, after = _told_apart(first, second)
    table = TerminalTable(
        name_column("task type"),
        figure_column("tasks"),
        figure_column(before),
        figure_column(after),
        figure_column("difference", spare=1),
        figure_column("95 % interval", spare=3),
        figure_column("better", spare=5),
        figure_column("worse", spare=4),
        figure_column("p", spare=2),
        figure_column("p by Holm", spare=6),
        figure_column("detectable", spare=7),
        title=f"{second.name} against {first.name}",
    )
    adjusted = holm([one.p_value for one in by_type.values()])
    for (number, found), p_value in zip(by_type.items(), adjusted, strict=True):
        table.add(f"{number:2d} {task_type(number).name}", *_cells(found, _p(p_value)))
    table.section()
    table.add("all", *_cells(whole, ""), style="bold")
    return table


def _told_apart(*runs: RunRecord) -> list[str]:
    """Name runs by their folders alone, if these differ."""
    short = [one.path.name or one.name for one in runs]
    return short if len(set(short)) == len(short) else [one.name for one in runs]


def _cells(found: Comparison, adjusted: str) -> tuple[str, ...]:
    low, high = found.interval
    return (
        str(found.tasks),
        percent(found.first),
        percent(found.second),
        points(found.difference),
        f"{points(low)} to {points(high)}",
        str(found.gained),
        str(found.lost),
        _p(found.p_value),
        adjusted,
        f"{100 * found.detectable:.1f}" if found.discordance else "-",
    )


def _p(p_value: float) -> str:
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"
