"""A report as one HTML page: tables, plots and remarks, without a network, in light and dark, on paper and for screen readers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from medenv import __version__
from medenv.report.board import Board
from medenv.report.plots.style import Plot
from medenv.report.tables import Table
from medenv.report.writing import html_table

__all__ = ["html_fragment", "html_page"]

_PAGE = """
:root { color-scheme: light dark; }
body { margin: 0 auto; padding: 1rem; max-width: 75rem; font: 1rem/1.5 system-ui, sans-serif; }
body { color: #1b1b1b; background: #ffffff; }
a { color: #0b4f9e; }
h1 { font-size: 1.7rem; }
@media (prefers-color-scheme: dark) { body { color: #ececec; background: #161616; } a { color: #9cc7ff; } }
"""
_STYLE = """
.results { --rule: color-mix(in srgb, currentColor 22%, transparent); --head: color-mix(in srgb, currentColor 7%, transparent); }
.results h2 { font-size: 1.25rem; margin: 2.2rem 0 0.6rem; }
.results nav ul { columns: 16rem; column-gap: 2.4rem; padding-left: 1.2rem; }
.results nav li { break-inside: avoid; }
.results nav a { display: inline-block; min-height: 24px; vertical-align: top; }
.results .wide { overflow-x: auto; }
.results .wide:focus-visible, .results a:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; }
.results table { display: table; overflow: visible; border-collapse: collapse; font-size: 0.9rem; }
.results th, .results td { padding: 0.25rem 0.6rem; border-bottom: 1px solid var(--rule); text-align: left; white-space: nowrap; }
.results th, .results td { overflow-wrap: normal; }
.results th { color: inherit; }
.results thead th { background: var(--head); white-space: normal; vertical-align: bottom; }
.results .number { text-align: right; font-variant-numeric: tabular-nums; }
.results .note, .results details { font-size: 0.9rem; max-width: 60rem; padding: 0; }
.results figure { margin: 1rem 0 2rem; }
.results figure svg { width: 100%; height: auto; max-width: 68rem; background: #ffffff; }
@media print { .results nav { display: none; } }
"""
"""Colours are those of the page that the results stand in, light or dark."""


def html_fragment(board: Board, tables: Sequence[Table], plots: Sequence[Plot]) -> str:
    """Write what the page shows below its heading, with a style of its own, as HTML to stand inside another page.

    Args:
        board: Whose remarks and conditions are told.
        tables: What is shown as tables.
        plots: What is shown as pictures.
    """
    contents = [(table.name, table.title) for table in tables] + [
        (f"plot-{one.name}", f"{one.title} (plot)") for one in plots
    ]
    links = "".join(f'<li><a href="#{escape(name)}">{escape(text)}</a></li>' for name, text in contents)
    parts = [
        f'<div class="results"><style>{_STYLE}</style><p>Made by medenv {escape(__version__)}. {_counted(board)}</p>',
        f'<nav aria-label="Contents"><ul>{links}</ul></nav>',
        _section("remarks", "What to know", _list(board.remarks)) if board.remarks else "",
        *(html_table(table) for table in tables),
        *(_figure(one) for one in plots),
        _section("conditions", "What the scores were made under", _conditions(board.conditions))
        if board.conditions
        else "",
        "</div>",
    ]
    return "\n".join(one for one in parts if one)


def html_page(title: str, fragment: str) -> str:
    """Write a whole HTML page, which loads nothing and runs no scripts.

    Args:
        title: Its heading.
        fragment: What `html_fragment` gives.
    """
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">'
        f"<title>{escape(title)}</title><style>{_PAGE}</style></head>\n"
        f"<body><header><h1>{escape(title)}</h1></header><main>\n{fragment}\n</main></body></html>\n"
    )


def _counted(board: Board) -> str:
    runs = sum(not one.published for one in board.entries)
    published = len(board.entries) - runs
    parts = [f"{runs} run{'' if runs == 1 else 's'}"] if runs else []
    parts += [f"{published} published model{'' if published == 1 else 's'}"] if published else []
    return escape(" and ".join(parts) or "Nothing to show") + "."


def _section(name: str, title: str, inside: str) -> str:
    return f'<section><h2 id="{name}">{escape(title)}</h2>{inside}</section>'


def _list(texts: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"


def _figure(one: Plot) -> str:
    return (
        f'<section><h2 id="plot-{escape(one.name)}">{escape(one.title)}</h2><figure>{one.svg}'
        f"<figcaption><details><summary>In words</summary><p>{escape(one.alt)}</p></details></figcaption></figure></section>"
    )


def _conditions(found: Mapping[str, Sequence[str]]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name.replace("_", " "))}</th><td>{escape(", ".join(values) or "not told")}</td></tr>'
        for name, values in found.items()
    )
    return f'<div class="wide" tabindex="0" role="region" aria-labelledby="conditions"><table><tbody>{rows}</tbody></table></div>'
