"""Plots of bars and points: the leaderboard, one model against the field, difficulty by task type, models side by side."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from medenv.report.board import Board, Cell, Entry
from medenv.report.difficulty import analysis, versus
from medenv.report.plots.style import HATCHES, Plot, floor_line, render, series_colours, short
from medenv.report.ranking import ordinal
from medenv.tasks import TYPES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["grouped_bars", "leaderboard", "task_difficulty", "versus_field"]

_GROUPED = 8
"""Most models side by side: as many as there are colours and hatches that stay apart."""


def leaderboard(board: Board) -> Plot:
    """Accuracy of every model with its interval, best first, the blind floor as a line."""
    shown = [one for one in board.entries if one.total.share is not None]
    floor = None if board.floor is None else board.floor.total.share

    def draw(figure: Figure, axes: Axes) -> None:
        dark, light = series_colours(3)[0], series_colours(3)[1]
        for at, one in enumerate(shown):
            share = 100 * (one.total.share or 0.0)
            colour, hatch = (light, "///") if one.published else (dark, "")
            axes.barh(at, share, color=colour, hatch=hatch, edgecolor="white", height=0.72)
            high = share
            if one.total.interval is not None:
                low, high = (100 * x for x in one.total.interval)
                axes.plot([low, high], [at, at], color="black", linewidth=3.2, solid_capstyle="butt")
                axes.plot([low, high], [at, at], color="white", linewidth=1.2, solid_capstyle="butt")
            axes.text(max(high, share) + 1, at, f"{share:.1f}", va="center")
        _model_axis(axes, [one.name for one in shown])
        axes.set_xlim(0, 109)
        axes.set_xlabel("accuracy, %, with its 95 % interval")
        _legend_of_kinds(axes, shown, dark, light, floor)
        if floor is not None:
            axes.axvline(100 * floor, **floor_line())

    said = "; ".join(f"{one.name} {100 * (one.total.share or 0):.1f} %" for one in shown)
    alt = f"Horizontal bars of {len(shown)} models' accuracy, best first: {said or 'none'}.{_floor_words(floor)}"
    return render("leaderboard", "Accuracy over all tasks", alt, (8.6, 1.6 + 0.32 * max(2, len(shown))), draw)


def _legend_of_kinds(axes: Axes, shown: Sequence[Entry], dark: Any, light: Any, floor: float | None) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = []
    if any(not one.published for one in shown):
        handles.append(Patch(facecolor=dark, label="run"))
    if any(one.published for one in shown):
        handles.append(Patch(facecolor=light, hatch="///", edgecolor="white", label="published"))
    if floor is not None:
        handles.append(Line2D([], [], label=f"blind floor of the runs' tasks, {100 * floor:.1f}", **floor_line()))
    if handles:
        axes.figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)


def _model_axis(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), [short(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="0.85", linewidth=0.6)


def versus_field(board: Board, focus: str) -> Plot:
    """One model against the mean of all, task types sorted by how far it is ahead."""
    found = sorted(versus(board, focus), key=lambda one: (-one.delta, one.type))
    floors = {} if board.floor is None else board.floor.types

    def draw(figure: Figure, axes: Axes) -> None:
        own, others = series_colours(3)[0], series_colours(3)[2]
        for at, one in enumerate(found):
            axes.barh(
                at - 0.2,
                100 * one.share,
                height=0.36,
                color=own,
                edgecolor="black",
                linewidth=0.4,
                label=short(focus, 40) if not at else None,
            )
            axes.barh(
                at + 0.2,
                100 * one.mean,
                height=0.36,
                color=others,
                hatch="///",
                edgecolor="black",
                linewidth=0.4,
                label=f"mean of all {one.models}" if not at else None,
            )
            end = 100 * max(one.share, one.mean)
            delta = f"{100 * one.delta:+.1f}".replace("-", "−")
            axes.text(end + 1, at, f"{delta}, {ordinal(one.place)} of {one.models}", va="center")
            _floor_tick(axes, floors.get(one.type, Cell()).share, at)
        axes.set_yticks(range(len(found)), [_task_name(one.type) for one in found])
        axes.set_ylim(len(found) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.set_xlim(0, 126)
        axes.set_xticks(range(0, 101, 20))
        axes.grid(axis="x", color="0.85", linewidth=0.6)
        axes.set_xlabel("accuracy, %; difference in points and rank at the bars' ends")
        _legend(axes, floors)

    said = "; ".join(
        f"{_task_name(x.type)} {100 * x.share:.1f} against {100 * x.mean:.1f} %, {ordinal(x.place)}" for x in found
    )
    alt = f"Pairs of bars, {focus} against the mean of the field, by task type, the largest lead first: {said}."
    return render(
        "model_vs_field", f"{short(focus, 50)} against the field", alt, (8.6, 2.0 + 0.46 * max(2, len(found))), draw
    )


def _floor_tick(axes: Axes, share: float | None, at: float, half: float = 0.42) -> None:
    if share is not None:
        axes.plot([100 * share] * 2, [at - half, at + half], **floor_line())


def _legend(axes: Axes, floors: Any) -> None:
    from matplotlib.lines import Line2D

    handles, labels = axes.get_legend_handles_labels()
    if floors:
        handles.append(Line2D([], [], **floor_line()))
        labels.append("blind floor")
    if handles:
        axes.figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)


def task_difficulty(board: Board) -> Plot:
    """Every model's accuracy on each task type, the hardest first, with the mean, and the blind floor."""
    found = analysis(board)
    floors = {} if board.floor is None else board.floor.types

    def draw(figure: Figure, axes: Axes) -> None:
        dark, light = series_colours(3)[0], series_colours(3)[1]
        dot: dict[str, Any] = {"marker": "o", "color": light, "markeredgecolor": "black", "markeredgewidth": 0.5}
        dot |= {"markersize": 5, "linestyle": ""}
        diamond: dict[str, Any] = {"marker": "D", "color": "white", "markeredgecolor": dark, "markeredgewidth": 1.8}
        diamond |= {"markersize": 8, "linestyle": ""}
        for at, one in enumerate(found):
            shares = sorted(
                100 * cell.share for e in board.entries if (cell := e.types.get(one.type, Cell())).share is not None
            )
            axes.plot([shares[0], shares[-1]], [at, at], color="0.7", linewidth=5, solid_capstyle="round", zorder=1)
            level: dict[float, int] = {}
            for share in shares:  # equals are stacked, so that each is seen
                step = level[share] = level.get(share, -1) + 1
                axes.plot(share, at - 0.055 * step, zorder=2, **dot)
            axes.plot(100 * one.mean, at, zorder=3, **diamond)
            spread = "" if one.deviation is None else f" (sd {100 * one.deviation:.1f})"
            axes.text(104, at, f"{100 * one.mean:.1f}{spread}", va="center")
            _floor_tick(axes, floors.get(one.type, Cell()).share, at, 0.34)
        if found:
            axes.plot([], [], label="a model", **dot)
            axes.plot([], [], label="mean (at the right, with standard deviation)", **diamond)
        axes.set_yticks(range(len(found)), [_task_name(one.type) for one in found])
        axes.set_ylim(len(found) - 0.4, -0.9)
        axes.tick_params(axis="y", length=0)
        axes.set_xlim(-2, 126)
        axes.set_xticks(range(0, 101, 20))
        axes.grid(axis="x", color="0.88", linewidth=0.6)
        axes.set_xlabel("accuracy, %")
        _legend(axes, floors)

    said = "; ".join(
        f"{_task_name(x.type)} mean {100 * x.mean:.1f} %, lowest {x.hardest[0]}, highest {x.easiest[0]}" for x in found
    )
    alt = f"Points of {len(board.entries)} models' accuracies by task type, the hardest type first: {said or 'none'}."
    return render("task_difficulty", "How hard the task types are", alt, (8.6, 2.0 + 0.46 * max(2, len(found))), draw)


def grouped_bars(board: Board, focus: str | None) -> Plot:
    """Plot the best models side by side by task type, the one in focus among them; eight at most."""
    shown = [one for one in board.entries if one.types][:_GROUPED]
    if focus is not None and focus not in [one.name for one in shown]:
        shown = [*shown[: _GROUPED - 1], board.entry(focus)]
    types, floors = board.types, {} if board.floor is None else board.floor.types

    def draw(figure: Figure, axes: Axes) -> None:
        width = 0.84 / max(1, len(shown))
        for at, (one, colour) in enumerate(zip(shown, series_colours(max(1, len(shown))), strict=False)):
            for place, number in enumerate(types):
                share = one.types.get(number, Cell()).share
                if share is None:
                    continue
                x = place - 0.42 + (at + 0.5) * width
                axes.bar(
                    x,
                    100 * share,
                    width,
                    color=colour,
                    hatch=HATCHES[at],
                    edgecolor="white" if at < 5 else "black",
                    linewidth=0.3,
                    label=None,
                )
                axes.text(
                    x, 100 * share + 1.2, f"{100 * share:.0f}", ha="center", va="bottom", fontsize=6.2, rotation=90
                )
        for place, number in enumerate(types):
            share = floors.get(number, Cell()).share
            if share is not None:
                axes.plot([place - 0.46, place + 0.46], [100 * share] * 2, **floor_line())
        axes.set_xticks(range(len(types)), [f"{n}\n" + "\n".join(wrap(TYPES[n].name, 13)) for n in types], fontsize=7.5)
        axes.set_xlim(-0.55, max(1, len(types)) - 0.45)
        axes.set_ylim(0, 112)
        axes.set_yticks(range(0, 101, 20))
        axes.grid(axis="y", color="0.88", linewidth=0.6)
        axes.set_ylabel("accuracy, %")
        _legend_of_models(axes, shown, bool(floors))

    said = "; ".join(f"{one.name}: {_shares_in_words(one, types)}" for one in shown)
    alt = (
        f"Groups of bars by task type, a bar for each of {len(shown)} models of {len(board.entries)}: {said or 'none'}."
    )
    some = "" if len(shown) == len(board.entries) else f", {len(shown)} of {len(board.entries)} models"
    return render("task_grouped_bars", f"Accuracy by task type{some}", alt, (max(6.0, 1.2 * len(types)), 4.6), draw)


def _legend_of_models(axes: Axes, shown: Sequence[Entry], floor: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    colours = series_colours(max(1, len(shown)))
    handles: list[Any] = [
        Patch(facecolor=colour, hatch=HATCHES[at], edgecolor="white" if at < 5 else "black", label=short(one.name, 26))
        for at, (one, colour) in enumerate(zip(shown, colours, strict=False))
    ]
    if floor:
        handles.append(Line2D([], [], label="blind floor", **floor_line()))
    if handles:
        axes.figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=8)


def _shares_in_words(one: Entry, types: Sequence[int]) -> str:
    known = {n: one.types.get(n, Cell()).share for n in types}
    return ", ".join(f"task{n} {100 * share:.0f} %" for n, share in known.items() if share is not None)


def _task_name(number: int) -> str:
    return f"{number} {TYPES[number].name}"


def _floor_words(floor: float | None) -> str:
    return "" if floor is None else f" The blind floor is {100 * floor:.1f} %."
