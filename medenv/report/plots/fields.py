"""Plots of coloured cells with a number in each, and of cost against accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from medenv.report.board import Board, Cell, Entry
from medenv.report.plots.style import MARKERS, Plot, floor_line, ink_on, render, series_colours, shades, short
from medenv.tasks import TYPES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["branch_accuracy", "cost_accuracy", "pareto", "task_heatmap"]


def task_heatmap(board: Board) -> Plot:
    """Models by task types, a number and, where known, its interval in each cell; best first, the blind floor last."""
    rows = [(short(one.name), one.types, one.total) for one in board.entries]
    if board.floor is not None:
        rows.append(("blind floor", board.floor.types, board.floor.total))
    heads = [f"{n} {TYPES[n].name}" for n in board.types] + ["all tasks"]
    cells = [[*(types.get(n, Cell()) for n in board.types), total] for _, types, total in rows]
    size = (2.6 + 0.82 * len(heads), 1.9 + 0.4 * max(1, len(rows)))
    said = "; ".join(f"{name}: {_words(heads, row)}" for (name, _, _), row in zip(rows, cells, strict=True))
    alt = f"A table of accuracies in percent, models best first by task types, darker for lower: {said or 'none'}."

    def draw(figure: Figure, axes: Axes) -> None:
        _cells(axes, [name for name, _, _ in rows], heads, cells)
        if board.floor is not None:
            axes.axhline(len(rows) - 1.5, color="black", linewidth=2)
        axes.axvline(len(heads) - 1.5, color="black", linewidth=2)

    return render("task_heatmap", "Accuracy by task type, %", alt, size, draw)


def branch_accuracy(board: Board) -> Plot:
    """Branches by models, a number in each cell; the blind floor last. Published tables know no branches."""
    shown = [one for one in board.entries if one.branches]
    heads = [short(one.name, 22) for one in shown]
    floor = None if board.floor is None else board.floor.branches
    if floor is not None:
        heads.append("blind floor")
    names = [f"{number} {TYPES[number].name}: {branch}" for number, branch in board.branches]
    cells = [
        [*(one.branches.get(key, Cell()) for one in shown), *([floor.get(key, Cell())] if floor is not None else [])]
        for key in board.branches
    ]
    said = "; ".join(f"{name}: {_words(heads, row)}" for name, row in zip(names, cells, strict=True))
    alt = f"A table of accuracies in percent by task type and branch, a column for each model: {said or 'none'}."

    def draw(figure: Figure, axes: Axes) -> None:
        _cells(axes, names, heads, cells)
        for at, (key, after) in enumerate(zip(board.branches, board.branches[1:], strict=False)):
            if key[0] != after[0]:
                axes.axhline(at + 0.5, color="black", linewidth=1.2)
        if floor is not None:
            axes.axvline(len(heads) - 1.5, color="black", linewidth=2)

    size = (3.2 + 1.0 * max(1, len(heads)), 1.9 + 0.36 * max(1, len(names)))
    return render("branch_accuracy", "Accuracy by branch, %", alt, size, draw)


def _cells(axes: Axes, names: Sequence[str], heads: Sequence[str], cells: Sequence[Sequence[Cell]]) -> None:
    from matplotlib.patches import Rectangle

    colours = shades()
    for y, row in enumerate(cells):
        for x, cell in enumerate(row):
            if cell.share is None:
                axes.add_patch(
                    Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="white", edgecolor="0.7", hatch="//", linewidth=0.6)
                )
                continue
            colour = colours(cell.share)
            axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, edgecolor="white", linewidth=0.6))
            ink = ink_on(colour)
            if cell.interval is None:
                axes.text(x, y, f"{100 * cell.share:.1f}", ha="center", va="center", color=ink)
                continue
            low, high = cell.interval
            axes.text(x, y - 0.13, f"{100 * cell.share:.1f}", ha="center", va="center", color=ink)
            axes.text(
                x, y + 0.27, f"{100 * low:.0f}–{100 * high:.0f}", ha="center", va="center", color=ink, fontsize=6.3
            )
    axes.set_xlim(-0.5, max(1, len(heads)) - 0.5)
    axes.set_ylim(max(1, len(names)) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks(range(len(heads)), heads, rotation=38, ha="right", rotation_mode="anchor")
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def _words(heads: Sequence[str], row: Sequence[Cell]) -> str:
    known = [f"{head} {100 * cell.share:.1f}" for head, cell in zip(heads, row, strict=True) if cell.share is not None]
    return ", ".join(known) or "nothing known"


def pareto(points: Sequence[tuple[float, float]]) -> list[int]:
    """Which points no other one beats: none is both cheaper and better, or as cheap and better, or cheaper and as good.

    Args:
        points: Cost and score of each.

    Returns:
        Their places, from the cheapest to the dearest.
    """

    def beaten(at: int) -> bool:
        cost, score = points[at]
        return any(c <= cost and s >= score and (c, s) != (cost, score) for c, s in points)

    return sorted((at for at in range(len(points)) if not beaten(at)), key=lambda at: (points[at], at))


def cost_accuracy(board: Board) -> Plot | None:
    """Accuracy against cost with the line of models that no other one beats; None if no model's cost is known."""
    shown = [one for one in board.entries if one.cost is not None and one.total.share is not None]
    if not shown:
        return None
    points = [(one.cost or 0.0, one.total.share or 0.0) for one in shown]
    front = pareto(points)
    floor = None if board.floor is None else board.floor.total.share

    def draw(figure: Figure, axes: Axes) -> None:
        colours = series_colours(3)
        steps = [points[at] for at in front]
        axes.step(
            [c for c, _ in steps],
            [100 * s for _, s in steps],
            where="post",
            color=colours[1],
            linewidth=2,
            label="no model is both cheaper and better",
        )
        for at, one in enumerate(shown):
            cost, share = points[at]
            low, high = one.total.interval or (share, share)
            axes.plot([cost, cost], [100 * low, 100 * high], color="0.55", linewidth=1)
            leads = at in front
            axes.plot(
                cost,
                100 * share,
                MARKERS[at % len(MARKERS)],
                markersize=8,
                markerfacecolor=colours[0] if leads else "white",
                markeredgecolor="black",
            )
        if floor is not None:
            axes.axhline(100 * floor, label="blind floor", **floor_line())
        if min(cost for cost, _ in points) > 0 and max(c for c, _ in points) > 20 * min(c for c, _ in points):
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(lambda cost, _: f"{cost:g}")
        axes.margins(x=0.18)
        axes.set_ylim(-4, 108)
        axes.set_yticks(range(0, 101, 20))
        axes.grid(color="0.9", linewidth=0.6)
        axes.set_xlabel("US dollars an episode")
        axes.set_ylabel("accuracy, %, with its 95 % interval")
        _label(axes, shown, points)
        figure.legend(loc="outside lower center", ncols=2, frameon=False)

    said = "; ".join(
        f"{one.name} {cost:.4f} USD, {100 * share:.1f} %" + (", on the front" if at in front else "")
        for at, (one, (cost, share)) in enumerate(zip(shown, points, strict=True))
    )
    alt = f"Points of {len(shown)} models, cost an episode against accuracy: {said}."
    return render("cost_accuracy", "Cost and accuracy", alt, (8.0, 5.2), draw, inside=False)


def _label(axes: Axes, shown: Sequence[Entry], points: Sequence[tuple[float, float]]) -> None:
    """Name the points, moving a name up where it would stand on one before it."""
    placed: list[tuple[float, float, float]] = []
    for at in sorted(range(len(shown)), key=lambda at: (points[at][1], points[at][0])):
        name = short(shown[at].name, 26)
        x, y = axes.transData.transform((points[at][0], 100 * points[at][1]))
        width = 6.6 * len(name) * axes.figure.dpi / 100
        up = 0.0
        while any(abs(y + up - b) < 14 and x < a + w and a < x + width for a, b, w in placed):
            up += 7.0
        placed.append((x, y + up, width))
        axes.annotate(
            name,
            (points[at][0], 100 * points[at][1]),
            (8, 4 + up * 72 / axes.figure.dpi),
            textcoords="offset points",
            fontsize=8,
        )
