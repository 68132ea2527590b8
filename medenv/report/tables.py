"""A report's tables, as values that know what they are; how they are written is `medenv.report.writing`'s affair.

Leaderboard, matrix, difficulty and comparison have the columns of MedAgentBench's published tables, by the same names, so that what is
written as CSV can be read again as a published table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medenv.report.board import Board, Cell
from medenv.report.difficulty import analysis, shares_of, versus
from medenv.report.ranking import ordinal
from medenv.tasks import TYPES

__all__ = ["Column", "Table", "tables_of"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes:
        name: Its heading.
        kind: ``text``, ``names`` (several, of which the first is the one to tell), ``count``, ``number`` (one decimal), ``money``,
            ``percent`` and ``points`` (of shares), ``span`` (of shares) or ``places``.
    """

    name: str
    kind: str = "text"


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: Of its file.
        title: Its heading.
        columns: What stands in it.
        rows: Values by column; None where something isn't known.
        note: What a reader must know to read it.
    """

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    note: str = ""


def tables_of(board: Board, focus: str | None = None) -> list[Table]:
    """All tables of a report; of those with nothing in them none is left out but costs, branches and failures.

    Args:
        board: What is shown.
        focus: The model that is set against the field; the best one if left out.
    """
    named = focus if focus is not None else next((one.name for one in board.entries if one.types), None)
    tables = [_leaderboard(board), _matrix(board), _difficulty(board, focus)]
    if named is not None and len(board.entries) > 1:
        tables.append(_versus(board, named))
    tables += [_places(board, focus), _actions(board), _sureness(board)]
    for table in (_costs(board), _branches(board), _failures(board)):
        if table is not None:
            tables.append(table)
    return tables


def _leaderboard(board: Board) -> Table:
    columns = [
        Column("Rank", "count"),
        Column("Model"),
        Column("Parameters"),
        Column("Accuracy (%)", "percent"),
        Column("95 % interval", "span"),
        Column("Correct", "count"),
        Column("Total", "count"),
        Column("Completed", "count"),
        Column("Invalid Actions", "count"),
        Column("Limit Reached", "count"),
        Column("Errors", "count"),
        Column("Time (min)", "number"),
        Column("Rank, 95 % interval", "places"),
        Column("Blind floor (%)", "percent"),
        Column("Branch-balanced (%)", "percent"),
        Column("Orders made where demanded (%)", "percent"),
        Column("Orders made where none was (%)", "percent"),
    ]
    floor = None if board.floor is None else board.floor.total.share
    rows = [
        [
            one.rank,
            one.name,
            one.parameters,
            one.total.share,
            one.total.interval,
            one.total.passed,
            one.total.scored,
            one.completed,
            one.invalid,
            one.limit,
            one.errors,
            one.minutes,
            one.ranks,
            None if one.published else floor,
            one.total.balanced,
            one.recall,
            one.needless,
        ]
        for one in board.entries
    ]
    return Table(
        "leaderboard",
        "Leaderboard",
        columns,
        rows,
        "Intervals say where the true accuracy lies with 95 % confidence. The blind floor is what a policy scores that never looks at the "
        "chart. Branch-balanced accuracy gives every situation of a chart the same weight. Empty cells aren't known.",
    )


def _matrix(board: Board) -> Table:
    columns = [Column("Task"), Column("Description"), *(Column(name, "percent") for name in board.names)]
    floor = board.floor
    if floor is not None:
        columns.append(Column("Blind floor", "percent"))
    rows: list[list[Any]] = [
        [
            f"task{number}",
            TYPES[number].title,
            *(one.types.get(number, Cell()).share for one in board.entries),
            *([floor.types.get(number, Cell()).share] if floor else []),
        ]
        for number in board.types
    ]
    if board.entries:
        last = [one.total.share for one in board.entries] + ([floor.total.share] if floor else [])
        rows.append(["Overall", "Overall Accuracy", *last])
    return Table(
        "task_accuracy_matrix",
        "Accuracy by task type",
        columns,
        rows,
        "Descriptions are the names of the published tables; what the task types are: "
        + "; ".join(f"task{number} {TYPES[number].name}" for number in board.types)
        + ".",
    )


def _difficulty(board: Board, focus: str | None) -> Table:
    columns = [
        Column("Rank", "count"),
        Column("Task"),
        Column("Description"),
        Column("Average Accuracy (%)", "percent"),
        Column("Hardest For", "names"),
        Column("Easiest For", "names"),
        Column("Std Dev", "percent"),
    ]
    rows = [
        [at, f"task{one.type}", TYPES[one.type].title, one.mean, one.hardest, one.easiest, one.deviation]
        for at, one in enumerate(analysis(board, focus), 1)
    ]
    return Table(
        "task_difficulty",
        "Task types from the hardest to the easiest",
        columns,
        rows,
        f"Means and sample standard deviations over {len(board.entries)} models, each weighing the same.",
    )


def _versus(board: Board, focus: str) -> Table:
    columns = [
        Column("Task"),
        Column("Description"),
        Column("Score (%)", "percent"),
        Column("Field Average (%)", "percent"),
        Column("Delta (%)", "points"),
        Column("Rank"),
        Column("Best Model", "names"),
        Column("Best Score (%)", "percent"),
    ]
    rows = [
        [f"task{x.type}", TYPES[x.type].title, x.share, x.mean, x.delta, ordinal(x.place), x.best, x.best_share]
        for x in versus(board, focus)
    ]
    return Table(
        "comparison",
        f"{focus} against the field",
        columns,
        rows,
        f"The field is all {len(board.entries)} models, {focus} included; equal scores share the better rank.",
    )


def _places(board: Board, focus: str | None) -> Table:
    columns = [Column("Model"), *(Column(f"task{n} ({TYPES[n].title})") for n in board.types)]
    places: dict[int, dict[str, str]] = {}
    for number in board.types:
        shares = list(shares_of(board, focus, number).values())
        places[number] = {
            name: ordinal(1 + sum(other > share for other in shares)) + (" =" if shares.count(share) > 1 else "")
            for name, share in shares_of(board, focus, number).items()
        }
    rows = [[one.name, *(places[n].get(one.name) for n in board.types)] for one in board.entries]
    return Table(
        "model_rankings_per_task",
        "Ranks by task type",
        columns,
        rows,
        "Models with equal scores (marked =) share the better rank.",
    )


def _actions(board: Board) -> Table:
    columns = [
        Column("Model"),
        Column("Invalid Actions", "count"),
        Column("of episodes (%)", "percent"),
        Column("Limit Reached", "count"),
        Column("Errors", "count"),
        Column("Not scored", "count"),
    ]
    rows = []
    for one in board.entries:
        total = one.episodes if one.episodes is not None else one.total.scored
        share = None if one.invalid is None or not total else one.invalid / total
        rows.append([one.name, one.invalid, share, one.limit, one.errors, one.unscored])
    return Table(
        "invalid_actions",
        "Episodes that ended otherwise than with FINISH",
        columns,
        rows,
        "An invalid action is a reply in none of the forms that the instructions name. Errors of the infrastructure are in no score.",
    )


def _sureness(board: Board) -> Table:
    columns = [
        Column("Model"),
        Column("Accuracy (%)", "percent"),
        Column("Standard error, by patient", "percent"),
        Column("95 % interval, by patient", "span"),
        Column("Patients", "count"),
        Column("Attempts a task", "count"),
        Column("pass@k (%)", "percent"),
        Column("pass^k (%)", "percent"),
        Column("Gap", "points"),
    ]
    rows = []
    for one in board.entries:
        if one.record is None or one.error is None:
            continue
        k = one.record.summary.samples
        best, every = one.rates.get(f"pass@{k}"), one.rates.get(f"pass^{k}")
        gap = None if best is None or every is None else best - every
        rows.append(
            [one.name, one.error.mean, one.error.error, one.error.interval, one.error.groups, k, best, every, gap]
        )
    return Table(
        "uncertainty",
        "How sure the scores are",
        columns,
        rows,
        "Several tasks about one patient are not independent, which these standard errors take into account. pass@k is the chance that at "
        "least one of k attempts at a task succeeds, pass^k that all do; the gap is what luck decides.",
    )


def _costs(board: Board) -> Table | None:
    found = [one for one in board.entries if (one.cost, one.tokens, one.turns) != (None, None, None)]
    if not found:
        return None
    columns = [
        Column("Model"),
        Column("USD an episode", "money"),
        Column("USD a solved episode", "money"),
        Column("Tokens an episode", "count"),
        Column("Replies an episode", "number"),
    ]
    rows = [
        [
            one.name,
            one.cost,
            None if one.cost is None or not one.total.share else one.cost / one.total.share,
            None if one.tokens is None else round(one.tokens),
            one.turns,
        ]
        for one in found
    ]
    return Table("costs", "Cost, tokens and replies", columns, rows, "Costs are known where the model's prices are.")


def _branches(board: Board) -> Table | None:
    if not board.branches:
        return None
    shown = [one for one in board.entries if one.branches]
    columns = [Column("Task"), Column("Branch"), *(Column(one.name, "percent") for one in shown)]
    floor = None if board.floor is None else board.floor.branches
    if floor is not None:
        columns.append(Column("Blind floor", "percent"))
    rows = [
        [
            f"{number} {TYPES[number].name}",
            branch,
            *(one.branches.get((number, branch), Cell()).share for one in shown),
            *([floor.get((number, branch), Cell()).share] if floor is not None else []),
        ]
        for number, branch in board.branches
    ]
    return Table(
        "branches", "Accuracy by branch", columns, rows, "A branch is what the chart demands, such as an order or none."
    )


def _failures(board: Board) -> Table | None:
    kinds: Mapping[str, None] = dict.fromkeys(name for one in board.entries for name in one.categories or ())
    if not kinds:
        return None
    shown = [one for one in board.entries if one.categories is not None]
    columns = [Column("Model"), *(Column(kind, "count") for kind in kinds)]
    rows = [[one.name, *((one.categories or {}).get(kind, 0) for kind in kinds)] for one in shown]
    return Table(
        "failures", "Why episodes failed", columns, rows, "Categories are the grader's; episodes of runs only."
    )
