"""A report's folder, written whole or not at all: Markdown, JSON and HTML, each table as CSV and LaTeX, each plot as SVG and PNG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import orjson

from medenv import __version__
from medenv.grading import Grader
from medenv.report.board import Board
from medenv.report.document import html_fragment, html_page
from medenv.report.page import write_page
from medenv.report.plots.style import Plot
from medenv.report.tables import Table
from medenv.report.writing import csv_table, latex_table, markdown_table, markdown_text

__all__ = ["MARKS", "SCHEMA", "markdown_report", "write_report"]

SCHEMA = "medenv.report/1"
MARKS = ("report.md", "report.html", "report.json")
"""Files by which a folder is known for a report."""

_ALT = 240
"""Most characters of an alternative text in Markdown; the whole stands in a file beside the picture."""


def write_report(
    folder: Path,
    title: str,
    board: Board,
    tables: Sequence[Table],
    plots: Sequence[Plot],
    runs: Sequence[Path] = (),
    grader: Grader | None = None,
) -> None:
    """Write the files of a report.

    Args:
        folder: Where to; an empty folder, which the caller puts in its place.
        title: The report's heading.
        board: What it is about.
        tables: Its tables.
        plots: Its plots.
        runs: The board's runs, whose episodes can be read on the page beside the scores.
        grader: By whom they were judged anew for the board, if they were.

    Raises:
        RunFolderError: A run can't be read.
        OSError: The disk is full or can't be written.
    """
    (folder / "tables").mkdir()
    for table in tables:
        (folder / "tables" / f"{table.name}.csv").write_bytes(csv_table(table).encode())
        (folder / "tables" / f"{table.name}.tex").write_bytes(latex_table(table).encode())
    if plots:
        (folder / "plots").mkdir()
    for plot in plots:
        (folder / "plots" / f"{plot.name}.svg").write_bytes(plot.svg.encode())
        (folder / "plots" / f"{plot.name}.png").write_bytes(plot.png)
        (folder / "plots" / f"{plot.name}.txt").write_bytes(plot.alt.encode() + b"\n")
    (folder / "report.md").write_bytes(markdown_report(title, board, tables, plots).encode())
    fragment = html_fragment(board, tables, plots)
    if runs:
        heading = f"<h2>{escape(title)}</h2>\n"
        write_page(runs, folder / "report.html", title=title, report_html=heading + fragment, grader=grader)
    else:
        (folder / "report.html").write_bytes(html_page(title, fragment).encode())
    said: dict[str, Any] = {
        "schema": SCHEMA,
        "medenv": __version__,
        "title": title,
        **board.to_dict(),
        "plots": {one.name: {"title": one.title, "alt": one.alt} for one in plots},
    }
    (folder / "report.json").write_bytes(orjson.dumps(said, option=orjson.OPT_INDENT_2) + b"\n")


def markdown_report(title: str, board: Board, tables: Sequence[Table], plots: Sequence[Plot]) -> str:
    """Write the report as Markdown, with links to the plots beside it."""
    lines = [f"# {markdown_text(title)}", "", f"Made by medenv {__version__}.", ""]
    if board.remarks:
        lines += [f"- {markdown_text(one)}" for one in board.remarks] + [""]
    lines += [markdown_table(table) for table in tables]
    for plot in plots:
        alt = plot.alt if len(plot.alt) <= _ALT else plot.alt[: _ALT - 1] + "…"
        lines += [f"## {markdown_text(plot.title)}", "", f"![{markdown_text(alt)}](plots/{plot.name}.png)", ""]
    if board.conditions:
        lines += ["## What the scores were made under", ""]
        for name, values in board.conditions.items():
            lines.append(f"- {name.replace('_', ' ')}: {markdown_text(', '.join(values) or 'not told')}")
    return "\n".join(lines).rstrip() + "\n"
