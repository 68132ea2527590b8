"""Tables on a terminal of any width: the one place that decides what is shown where there is no room for all.

First go columns that say nothing but zero, then the least important ones, each named below the table. Numbers are never broken and
nothing is cut off: names and prose wrap instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.box import Box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

__all__ = ["Heading", "TerminalTable", "figure_column", "name_column", "prose_column"]

GAP = 2
"""Blanks between two columns."""

PROSE = 24
"""Columns of a terminal below which prose isn't squeezed as long as something else can go."""

HEADING = 12
"""Columns that a word of a number's heading takes at most before it is wrapped: a run's name may be one."""

_RULES = Box("    \n    \n ── \n    \n ── \n    \n    \n    \n")
_ZERO = re.compile(r"[-–]?|0+([.,]0+)?( ?%)?")


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's heading and what may be done with the column where room is short.

    Attributes:
        text: What is printed above the column.
        kind: ``figure`` is never broken; a ``name``, an id or a path say, is wrapped only if longer than half a line; ``prose`` wraps.
        spare: How soon it is left out, the largest first; 0 is always shown.
    """

    text: str
    kind: Literal["figure", "name", "prose"]
    spare: int = 0


def figure_column(text: str, spare: int = 0) -> Heading:
    """Make a column of numbers."""
    return Heading(text, "figure", spare)


def name_column(text: str, spare: int = 0) -> Heading:
    """Make a column of names, ids or paths."""
    return Heading(text, "name", spare)


def prose_column(text: str, spare: int = 0) -> Heading:
    """Make a column of text."""
    return Heading(text, "prose", spare)


class _Column:
    """A column with its cells, and how wide it is at best."""

    def __init__(self, heading: Heading, cells: Sequence[Text]) -> None:
        self.heading = heading
        self.content = max((cell_len(line) for cell in cells for line in cell.plain.splitlines()), default=0)
        self.natural = max(self.content, cell_len(heading.text))
        self.empty = all(_ZERO.fullmatch(cell.plain.strip()) for cell in cells)

    def least(self, width: int) -> int:
        """Return how many columns of a line so wide it needs at least."""
        word = max((cell_len(word) for word in self.heading.text.split()), default=0)
        if self.heading.kind == "figure":
            return max(self.content, min(word, HEADING))
        most = max(width // 2, 1) if self.heading.kind == "name" else PROSE
        return max(min(self.content, most), min(word, most))


class TerminalTable:
    """A table that fits the console it is printed on.

    Args:
        headings: Of the columns.
        title: A line above the table.
    """

    def __init__(self, *headings: Heading, title: str = "") -> None:
        self.headings, self.title = headings, title
        self._rows: list[tuple[Sequence[Text], str]] = []
        self._sections: set[int] = set()

    def add(self, *cells: str | Text, style: str = "") -> None:
        """Add a row.

        Args:
            *cells: Text as it is, no markup; those that are missing at the end are empty.
            style: Of the whole row.
        """
        missing = len(self.headings) - len(cells)
        made = [one if isinstance(one, Text) else Text(one) for one in (*cells, *[""] * missing)]
        self._rows.append((made, style))

    def section(self) -> None:
        """Draw a line below the rows so far."""
        self._sections.add(len(self._rows) - 1)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the columns that there is room for, and name the others."""
        columns = [_Column(one, [row[at] for row, _ in self._rows]) for at, one in enumerate(self.headings)]
        width = options.max_width
        shown = _chosen(columns, width)
        table = Table(
            box=_RULES, show_edge=False, pad_edge=False, padding=(0, 1), collapse_padding=True, header_style="bold"
        )
        for column, wide in zip(shown, _widths(shown, width), strict=True):
            table.add_column(
                Text(column.heading.text),
                justify="right" if column.heading.kind == "figure" else "left",
                overflow="fold",
                width=wide,
            )
        places = [columns.index(one) for one in shown]
        for number, (cells, style) in enumerate(self._rows):
            table.add_row(*(cells[at] for at in places), style=style, end_section=number in self._sections)
        if self.title:
            yield Text(self.title, style="table.title", overflow="fold")
        yield table
        if told := _left_out([one for one in columns if one not in shown], width):
            yield Text(told, style="dim", overflow="fold")


def _chosen(columns: Sequence[_Column], width: int) -> list[_Column]:
    """Leave out columns until the others have room: of those that may go the ones without a figure, then the least important."""
    shown = list(columns)
    for going in sorted((one for one in columns if one.heading.spare), key=lambda x: (not x.empty, -x.heading.spare)):
        if sum(one.least(width) for one in shown) + GAP * (len(shown) - 1) <= width:
            break
        shown.remove(going)
    return shown


def _widths(shown: Sequence[_Column], width: int) -> list[int]:
    """Share out the line: each column what it needs, then what is left to names, to headings of numbers, and to prose by turns."""
    widths = [one.least(width) for one in shown]
    left = width - sum(widths) - GAP * (len(shown) - 1)
    for kind in ("name", "figure", "prose"):
        growing = [at for at, one in enumerate(shown) if one.heading.kind == kind and widths[at] < one.natural]
        while growing and left > 0:
            for at in growing[:left]:
                widths[at] += 1
            left -= min(left, len(growing))
            growing = [at for at in growing if widths[at] < shown[at].natural]
    # On a line too short for all that is always shown, the widest of those that wrap give way.
    wrapping = [at for at, one in enumerate(shown) if one.heading.kind != "figure"]
    while left < 0 and wrapping and max(widths[at] for at in wrapping) > 1:
        widths[max(wrapping, key=lambda at: widths[at])] -= 1
        left += 1
    return widths


def _left_out(columns: Sequence[_Column], width: int) -> str:
    """Name the columns that there was no room for."""
    dropped = [one.heading.text for one in columns if not one.empty]
    empty = [one.heading.text for one in columns if one.empty]
    said = [f"not shown in {width} columns: {', '.join(dropped)}"] if dropped else []
    return "; ".join([*said, f"empty or all zero: {', '.join(empty)}"] if empty else said)
