"""``medenv report``: runs, and published tables beside them, as tables, plots and a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import typer

from medenv.cli.console import stderr, stdout
from medenv.cli.output import a_folder
from medenv.extras import MissingExtraError, check_installed
from medenv.grading import GRADERS, Grader, load_grader
from medenv.report.board import Board, board_of, cost_remarks
from medenv.report.floor import blind_floor
from medenv.report.folder import MARKS, write_report
from medenv.report.plots import Plot, plots_of
from medenv.report.published import Published, read_published
from medenv.report.records import RunRecord, distinct_names, read_records
from medenv.report.submission import MARKS as SUBMITTED
from medenv.report.submission import write_submission
from medenv.report.tables import tables_of
from medenv.rollouts.export.folder import appearing, check_free

__all__ = ["ReportOptions", "report"]


@dataclass(kw_only=True)
class ReportOptions:
    """What ``medenv report`` takes."""

    runs: Annotated[list[Path], typer.Argument(help="Folders of runs.", show_default=False)] = field(
        default_factory=list
    )
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", callback=a_folder, help="Folder for the report, made anew.", show_default=False),
    ] = None
    published: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Published tables as further models: leaderboard.csv, task_accuracy_matrix.csv; see docs/reports.md.",
        ),
    ] = None
    focus: Annotated[
        str | None, typer.Option(help="The model that is set against the field; the best one if left out.")
    ] = None
    only: Annotated[list[str], typer.Option(help="Only this model on the board; repeatable.")] = field(
        default_factory=list
    )
    parameters: Annotated[
        list[str], typer.Option(metavar="MODEL=SIZE", help="A model's size, like my-model=4B; repeatable.")
    ] = field(default_factory=list)
    grader: Annotated[
        str | None,
        typer.Option(help=f"Grade all runs anew: {', '.join(GRADERS)}. Their stored verdicts if left out."),
    ] = None
    floor: Annotated[
        bool, typer.Option("--floor/--no-floor", help="Play the blind policy on the same tasks, for the blind floor.")
    ] = True
    plots: Annotated[bool, typer.Option("--plots/--no-plots", help="Plots need the extra report.")] = True
    title: Annotated[str, typer.Option(help="The report's heading.")] = "MedAgentBench results"
    submission: Annotated[
        bool,
        typer.Option(
            "--submission",
            help="Write what a leaderboard takes instead: of one run its scores, fingerprint, transcripts, and the environment's versions.",
        ),
    ] = False
    force: Annotated[bool, typer.Option("--force", help="Replace a report that is there.")] = False


def report(options: ReportOptions) -> None:
    """Make a report of runs: leaderboard, accuracy by task type and branch, difficulty, costs, failures, with plots.

    Runs of different splits, graders, protocols or charts are refused a common board.

    Examples:
        medenv report runs/gpt-4o runs/my-model -o report

        medenv report runs/my-model --published tables --focus my-model --parameters my-model=4B -o report

        medenv report runs/my-model --submission -o my-model-submission
    """
    if options.out is None:
        raise typer.BadParameter("say where the report goes", param_hint="--out")
    if not options.runs and options.published is None:
        raise typer.BadParameter("give the folder of at least one run, or --published FOLDER", param_hint="RUNS")
    what, marks = ("submission", SUBMITTED) if options.submission else ("report", MARKS)
    check_free(options.out, options.force, what, marks)
    if options.submission:
        run = _submitted(options)
        with appearing(options.out, options.force, what, marks) as folder:
            write_submission(run, folder)
        stdout().print(f"submission: {options.out}", highlight=False, soft_wrap=True, markup=False)
        return
    judge = load_grader(options.grader) if options.grader is not None else None
    board, runs = _board(options, judge)
    tables = tables_of(board, options.focus)
    drawn = _plots(lambda: plots_of(board, options.focus)) if options.plots else []
    with appearing(options.out, options.force, what, marks) as folder:
        write_report(folder, options.title, board, tables, drawn, runs, judge)
    for remark in board.remarks:
        stderr().print(remark, highlight=False, soft_wrap=True, markup=False)
    stdout().print(f"report: {options.out / 'report.html'}", highlight=False, soft_wrap=True, markup=False)


def _submitted(options: ReportOptions) -> Path:
    """Return the one run of a submission; refuse several runs, published scores and another grader."""
    if len(options.runs) != 1 or options.published is not None:
        raise typer.BadParameter("a submission is of one run alone", param_hint="RUNS")
    if options.grader is not None:
        raise typer.BadParameter(
            "a submission has the run's own verdicts; medenv grade RUN --grader NAME --out FOLDER makes others",
            param_hint="--grader",
        )
    return options.runs[0]


def _board(options: ReportOptions, judge: Grader | None) -> tuple[Board, list[Path]]:
    """Build the board that the options ask for; return it with the paths of the runs whose scores stand on it."""
    sizes = _sizes(options.parameters)
    tables = read_published(options.published) if options.published is not None else Published()
    records = read_records(options.runs, judge)
    _name_apart(records, tables)
    # Whether the runs compare is told before anything is played for the floor.
    board = board_of(records, tables.entries, None, (), sizes, tables.about)
    if options.focus is not None:
        board.entry(options.focus)
    found, why = blind_floor(records, judge) if options.floor and records else (None, None)
    board = board_of(records, tables.entries, found, [why] if why else (), sizes, tables.about)
    if options.only:
        board = board.only(options.only)
        if options.focus is not None:
            board.entry(options.focus)
    runs = [one.path for one in records if one.name in board.names]
    return replace(board, remarks=[*board.remarks, *cost_remarks(board)]), runs


def _name_apart(records: list[RunRecord], tables: Published) -> None:
    taken = [one.name for one in tables.entries]
    for record, name in zip(records, distinct_names([(one.name, one.path) for one in records], taken), strict=True):
        record.name = name


def _sizes(given: list[str]) -> dict[str, str]:
    sizes = {}
    for one in given:
        name, equals, size = one.rpartition("=")
        if not (name and equals and size):
            raise typer.BadParameter(f"{one!r} is not like MODEL=4B", param_hint="--parameters")
        sizes[name] = size
    return sizes


def _plots(draw: Callable[[], list[Plot]]) -> list[Plot]:
    try:
        check_installed("matplotlib", "report")
    except MissingExtraError as missing:
        stderr().print(
            f"there are no plots: {missing}; --no-plots leaves them out",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        return []
    return draw()
