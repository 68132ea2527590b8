"""Tables as wide as the terminal: columns that say nothing go first, then the least important ones; no name or count is ever cut."""

from __future__ import annotations

import textwrap
from collections.abc import Collection

from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Column, Table

from medenv.cli.console import stdout

__all__ = ["fit", "print_table"]

_NOTHING = frozenset(["", "-", "0", "0/0", "0.0 %", "0.0"])
_LEAST, _MOST = 14, 26
"""Columns of the terminal that a text keeps when it is wrapped: as many as its longest word within these limits."""
_FRAME = 3
"""What a column's frame and padding take; one more for the last."""


def print_table(table: Table, keep: Collection[str] = ()) -> None:
    """Print a table on stdout, and a line that names what the terminal has no room for.

    Args:
        table: The table, its columns in the order of their importance.
        keep: Headings of the columns that always stay, besides the first.
    """
    console = stdout()
    left_out = fit(table, console, keep)
    console.print(table)
    if left_out:
        said = f"left out at {console.width} columns: {', '.join(left_out)}"
        console.print(said, style="dim", highlight=False, markup=False)


def fit(table: Table, console: Console, keep: Collection[str] = ()) -> list[str]:
    """Make a table fit a console.

    Headings are wrapped first; then columns go, those that say nothing before others, and these from the last; texts are wrapped. Columns
    that are justified right hold numbers, which are never wrapped, unless they have a bracket.

    Args:
        table: The table; it is changed.
        console: Where it is to be printed.
        keep: As for `print_table`.

    Returns:
        The headings of the columns that were left out, in the order of the table.
    """
    for column in table.columns:
        column.overflow = "fold"
        column.no_wrap = column.justify == "right" and not any("(" in str(cell) for cell in column.cells)
    headings = {id(column): str(column.header) for column in table.columns}
    every = list(table.columns)
    if _needed(table, console) > console.width:
        for column in every:
            column.header = _wrapped(column, console)
    spare = [column for column in every[1:] if headings[id(column)] not in keep]
    nothing = [column for column in spare if all(str(cell).strip() in _NOTHING for cell in column.cells)]
    for column in [*reversed(nothing), *(one for one in reversed(spare) if one not in nothing)]:
        if _needed(table, console) <= console.width:
            break
        table.columns.remove(column)
    if _needed(table, console) <= console.width:
        _share_room(table, console)
    return [headings[id(column)] for column in every if column not in table.columns]


def _share_room(table: Table, console: Console) -> None:
    """Give columns what they need, and what is left over to texts, those of the first columns first."""
    room = console.width - _needed(table, console)
    for column in table.columns:
        least = _width(column, console)
        most = max(_measured(console, cell).maximum for cell in (column.header, *column.cells))
        column.width = least + min(room, most - least)
        room -= column.width - least


def _wrapped(column: Column, console: Console) -> str:
    """Return a column's heading, in lines as long as its cells, but with no word broken."""
    heading = str(column.header)
    cells = max((_measured(console, cell).maximum for cell in column.cells), default=0)
    return textwrap.fill(heading, max([cells, *map(len, heading.split())], default=1) or 1)


def _needed(table: Table, console: Console) -> int:
    """Return how many columns of the terminal a table needs so that no more than its texts are wrapped."""
    return 1 + sum(_FRAME + _width(column, console) for column in table.columns)


def _width(column: Column, console: Console) -> int:
    measures = [_measured(console, cell) for cell in (column.header, *column.cells)]
    widest = max(one.maximum for one in measures)
    if column.no_wrap:
        return widest
    return min(widest, max(_LEAST, min(_MOST, max(one.minimum for one in measures))))


def _measured(console: Console, cell: RenderableType) -> Measurement:
    return Measurement.get(console, console.options.update(max_width=10_000), cell)
