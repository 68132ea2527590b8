"""Files that commands write: ``-`` is standard output, and what is there is only overwritten with ``--force``."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from medenv.errors import InputError

__all__ = ["Force", "a_folder", "check_file", "copied_to_stdout", "is_stdout"]

Force = Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")]


def is_stdout(out: Path | None) -> bool:
    """Whether a command's output goes to standard output: none is named, or ``-``."""
    return out is None or str(out) == "-"


@contextmanager
def copied_to_stdout(name: str) -> Iterator[Path]:
    """Give a temporary file of a name, and copy to standard output what was written into it."""
    with tempfile.TemporaryDirectory(prefix="medenv-") as folder:
        file = Path(folder) / name
        yield file
        with file.open("rb") as written:
            shutil.copyfileobj(written, sys.stdout.buffer)


def a_folder(out: Path | None) -> Path | None:
    """Return an option's value if it can be a folder: for options whose output can't go through a pipe.

    Raises:
        InputError: It is ``-``, which elsewhere stands for standard output.
    """
    if out is not None and is_stdout(out):
        raise InputError("'-' is standard output, and what this writes goes to disk; name a folder")
    return out


def check_file(out: Path, force: bool) -> None:
    """See that a file may be written, before any work is done for it.

    Args:
        out: The file to be.
        force: Whether one that is there may be overwritten.

    Raises:
        ValueError: There is one and `force` is off, or it is a folder.
    """
    if out.is_dir():
        raise InputError(f"{str(out)!r} is a folder; name a file in it")
    if out.exists() and not force:
        raise InputError(f"{str(out)!r} is there already; name another file, or --force to overwrite it")
