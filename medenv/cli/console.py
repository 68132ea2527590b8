"""Where commands print: results on stdout, progress on stderr."""

from __future__ import annotations

from rich.console import Console

__all__ = ["stderr", "stdout"]

_WIDE = 160
"""Columns for output that isn't a terminal: tables are then not squeezed into the 80 that rich assumes."""


def stdout() -> Console:
    """The console for results."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDE)


def stderr() -> Console:
    """The console for progress and remarks."""
    return Console(stderr=True)
