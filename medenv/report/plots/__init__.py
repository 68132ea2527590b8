"""A report's plots, from the same board as its tables; needs matplotlib (the extra ``report``)."""

from __future__ import annotations

from medenv.report.board import Board
from medenv.report.plots.bars import grouped_bars, leaderboard, task_difficulty, versus_field
from medenv.report.plots.fields import branch_accuracy, cost_accuracy, pareto, task_heatmap
from medenv.report.plots.style import Plot

__all__ = ["Plot", "pareto", "plots_of"]


def plots_of(board: Board, focus: str | None = None) -> list[Plot]:
    """All plots that there is something to draw for.

    Args:
        board: What is shown.
        focus: The model that is set against the field; the best one if left out.

    Raises:
        ModuleNotFoundError: matplotlib isn't installed.
        ValueError: `focus` isn't on the board.
    """
    if all(one.total.share is None for one in board.entries) and not board.types:
        return []
    plots: list[Plot | None] = [leaderboard(board)]
    if board.types:
        named = focus if focus is not None else next(one.name for one in board.entries if one.types)
        plots += [task_heatmap(board), task_difficulty(board), grouped_bars(board, focus)]
        if len(board.entries) > 1:
            plots.append(versus_field(board, named))
    plots.append(cost_accuracy(board))
    if board.branches:
        plots.append(branch_accuracy(board))
    return [plot for plot in plots if plot is not None]
