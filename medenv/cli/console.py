"""Where commands print: results on stdout, progress on stderr."""

from __future__ import annotations

import os

from rich.console import Console

__all__ = ["stderr", "stdout"]

_WIDE = 160
"""Columns for output that isn't a terminal and has no COLUMNS: tables are then not squeezed into the 80 that rich assumes."""


def stdout() -> Console:
    """Make the console that prints results to stdout; off a terminal it is as wide as COLUMNS says, or else as most tables need."""
    console = Console()
    return console if console.is_terminal or os.environ.get("COLUMNS", "").isdecimal() else Console(width=_WIDE)


def stderr() -> Console:
    """Make the console that prints progress and remarks to stderr."""
    return Console(stderr=True)
