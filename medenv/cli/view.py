"""``medenv view``: stored runs as a page that a browser shows from a file, without a server and without a network."""

from __future__ import annotations

import os
import sys
import tempfile
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from medenv.cli.console import stderr
from medenv.cli.output import copied_to_stdout, is_stdout
from medenv.cli.progress import counting
from medenv.errors import InputError, file_errors

__all__ = ["view"]

_NAME = "view.html"
_HEAD = 4096


def view(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs, or their trajectories.jsonl.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="The HTML file, - for standard output; view.html in the run's folder by default, for several runs a temporary file.",
        ),
    ] = None,
    open_: Annotated[
        bool | None, typer.Option("--open/--no-open", help="Open it in the browser; by default at a terminal with one.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is no page of medenv's.")] = False,
) -> None:
    """Write a page to look at runs with: filters, transcripts, checks, the chart before and after, episodes side by side.

    The page is one file that needs neither a server nor a network. Press ? in it for its keys; its address names what it shows, so
    that links to an episode can be shared along with the file.

    Examples:
        medenv view runs/my-model

        medenv view runs/one runs/another -o comparison.html --no-open
    """
    from medenv.report.page import write_page

    if out is not None and is_stdout(out):
        with copied_to_stdout(_NAME) as page, counting("episodes read", None) as tell:
            write_page(runs, page, tell=tell)
        return
    path = out.expanduser() if out is not None else _default(runs)
    if path.is_dir():
        path = path / _NAME
    if not force and path.exists() and not _is_page(path):
        raise InputError(f"{str(path)!r} is no page of medenv's; give another file, or --force to replace it")
    with counting("episodes read", None) as tell:
        count = write_page(runs, path, tell=tell)
    print(f"{count} episodes in {path}")
    wanted = open_ or (open_ is None and sys.stdout.isatty() and _has_browser())
    if wanted and not webbrowser.open(path.resolve().as_uri()):
        stderr().print(f"no browser could be opened; open {path} in one", highlight=False, soft_wrap=True)


def _default(runs: Sequence[Path]) -> Path:
    folder = runs[0] if runs[0].is_dir() else runs[0].parent
    if len(runs) == 1 and os.access(folder, os.W_OK):
        return folder / _NAME
    return Path(tempfile.mkdtemp(prefix="medenv-view-")) / _NAME


def _is_page(path: Path) -> bool:
    from medenv.report.page.write import GENERATOR

    with file_errors(path), path.open("rb") as file:
        return GENERATOR.encode() in file.read(_HEAD)


def _has_browser() -> bool:
    """Whether a browser with a window can be expected: one in the terminal would take it over."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
