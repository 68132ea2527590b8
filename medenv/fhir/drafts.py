"""Files and folders that are made beside their place, to be moved there when they are whole.

Unlike `tempfile`'s they are made with the user's umask: what takes its place is then as readable as any other file of the user's.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["draft_file", "draft_folder", "replacement"]

_TRIES = 100


def draft_file(path: Path, suffix: str = ".tmp") -> tuple[int, Path]:
    """Create an empty file beside `path` under a name that nothing has.

    Args:
        path: The place to be.
        suffix: How the name ends.

    Returns:
        An open descriptor, for writing, and the file.

    Raises:
        OSError: The folder can't be written.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    for one in _names(path, suffix):
        try:
            return os.open(one, flags, 0o666), one
        except FileExistsError:
            continue
    raise FileExistsError(f"no name is free beside {str(path)!r}")


@contextmanager
def replacement(path: Path, suffix: str = ".tmp") -> Iterator[Path]:
    """Write a file beside its place and move it there when it is whole, so that nobody ever sees half of it.

    Args:
        path: The place; what is there is replaced, or left if the block ends with an error.
        suffix: How the draft's name ends.

    Yields:
        The draft, an empty file to be written and closed within the block.

    Raises:
        OSError: The folder can't be written.
    """
    handle, draft = draft_file(path, suffix)
    os.close(handle)
    try:
        yield draft
        os.replace(draft, path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise


def draft_folder(path: Path, suffix: str = ".partial") -> Path:
    """Create an empty folder beside `path` under a name that nothing has, hidden.

    Raises:
        OSError: The folder above can't be written.
    """
    for one in _names(path.with_name(f".{path.name}"), suffix):
        try:
            one.mkdir()
        except FileExistsError:
            continue
        return one
    raise FileExistsError(f"no name is free beside {str(path)!r}")


def _names(path: Path, suffix: str) -> Iterator[Path]:
    folder = path.absolute().parent
    for _ in range(_TRIES):
        yield folder / f"{path.name}.{secrets.token_hex(4)}{suffix}"
