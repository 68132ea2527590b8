"""Tables as Markdown, CSV, LaTeX and HTML; whatever a model is called, it stays text in each of them."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Sequence
from typing import Any

from medenv.report.tables import Column, Table

__all__ = ["csv_table", "html_table", "latex_table", "latex_text", "markdown_table", "markdown_text", "value_text"]

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "–": "--",
    "−": "$-$",
    "\N{NO-BREAK SPACE}": "~",
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+")
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&$])")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LEFT = ("text", "names")


def value_text(value: Any, kind: str) -> str:
    """Format a cell's value for people to read; None gives an empty text."""
    if value is None:
        return ""
    if kind == "names":
        more = len(value) - 1
        return str(value[0]) + (f" and {more} more" if more else "")
    if kind == "percent":
        return f"{100 * value:.1f}"
    if kind == "points":
        return f"{100 * value:+.1f}".replace("-", "−")
    if kind == "span":
        low, high = value
        return f"{100 * low:.1f}–{100 * high:.1f}"
    if kind == "places":
        return str(value[0]) if value[0] == value[1] else f"{value[0]}–{value[1]}"
    if kind == "number":
        return f"{value:.1f}"
    if kind == "money":
        return f"{value:.4f}"
    return f"{value:,}" if kind == "count" else str(value)


def markdown_text(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _MARKDOWN.sub(r"\\\1", _CONTROL.sub(" ", text))


def markdown_table(table: Table) -> str:
    """Write the table as GitHub's Markdown, with its heading and note."""
    if not table.rows:
        return f"## {markdown_text(table.title)}\n\nThere is nothing to show here.\n"
    heads = [markdown_text(one.name) for one in table.columns]
    lines = [f"## {markdown_text(table.title)}", "", "| " + " | ".join(heads) + " |"]
    lines.append("|" + "|".join("---" if one.kind in _LEFT else "---:" for one in table.columns) + "|")
    for row in table.rows:
        cells = [markdown_text(value_text(value, one.kind)) for value, one in zip(row, table.columns, strict=True)]
        lines.append("| " + " | ".join(cells) + " |")
    if table.note:
        lines += ["", markdown_text(table.note)]
    return "\n".join(lines) + "\n"


def csv_table(table: Table) -> str:
    """Write the table as CSV (RFC 4180), with intervals as two columns and unknown values as empty cells.

    Texts that a spreadsheet would take for a formula are preceded by an apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_safe(name) for one in table.columns for name in _csv_names(one)])
    for row in table.rows:
        writer.writerow(
            [cell for value, one in zip(row, table.columns, strict=True) for cell in _csv_cells(value, one)]
        )
    return out.getvalue()


def _csv_names(column: Column) -> list[str]:
    return [f"{column.name}, low", f"{column.name}, high"] if column.kind in ("span", "places") else [column.name]


def _csv_cells(value: Any, column: Column) -> list[str]:
    if column.kind in ("span", "places"):
        scale = 100 if column.kind == "span" else 1
        return ["", ""] if value is None else [f"{scale * one:.1f}" if scale > 1 else str(one) for one in value]
    if value is None:
        return [""]
    if column.kind == "names":
        return [_safe(str(value[0]))]
    if column.kind == "points":
        return [f"{100 * value:.1f}"]
    return [str(value)] if column.kind == "count" else [_safe(value_text(value, column.kind))]


def _safe(text: str) -> str:
    return "'" + text if text.startswith(_FORMULA) else text


def latex_text(text: str) -> str:
    """Text that LaTeX sets as it is (in UTF-8, T1 fonts)."""
    return "".join(_LATEX.get(one, one) for one in _CONTROL.sub(" ", text))


def latex_table(table: Table) -> str:
    """Write the table as LaTeX for a document that uses the package booktabs."""
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{latex_text(table.title)}}}",
        rf"\label{{tab:{table.name.replace('_', '-')}}}",
        rf"\begin{{tabular}}{{{''.join('l' if one.kind in _LEFT else 'r' for one in table.columns)}}}",
        r"\toprule",
        _latex_row([one.name for one in table.columns]),
        r"\midrule",
        *(
            _latex_row([value_text(value, one.kind) for value, one in zip(row, table.columns, strict=True)])
            for row in table.rows
        ),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex_row(cells: Sequence[str]) -> str:
    # A row that begins with a bracket would be taken for an argument of the line break before it.
    texts = [("{}" if cell.startswith(("[", "*")) else "") + latex_text(cell) for cell in cells]
    return " & ".join(texts) + r" \\"


def html_table(table: Table) -> str:
    """Write the table as HTML with caption, row and column headings and note; there is no style but class names."""
    head = "".join(f'<th scope="col"{_side(one)}>{html.escape(one.name)}</th>' for one in table.columns)
    header = next((at for at, one in enumerate(table.columns) if one.kind == "text"), 0)
    body = []
    for row in table.rows:
        cells = []
        for at, (value, one) in enumerate(zip(row, table.columns, strict=True)):
            text = html.escape(_CONTROL.sub(" ", value_text(value, one.kind)))
            cells.append(f'<th scope="row">{text}</th>' if at == header else f"<td{_side(one)}>{text}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    note = f'<p class="note">{html.escape(table.note)}</p>' if table.note else ""
    name = html.escape(table.name)
    inside = (
        f'<div class="wide" tabindex="0" role="region" aria-labelledby="{name}"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>{note}"
        if table.rows
        else "<p>There is nothing to show here.</p>"
    )
    return f'<section><h2 id="{name}">{html.escape(table.title)}</h2>{inside}</section>'


def _side(column: Column) -> str:
    return "" if column.kind in _LEFT else ' class="number"'
