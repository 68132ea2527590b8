"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import orjson

from medenv.errors import MedenvError
from medenv.rollouts.store.errors import RunWriteError

__all__ = ["replacing", "write_json"]


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Write a file beside `path` and put it in its place when all is written and on the disk.

    Raises:
        RunWriteError: The disk is full or fails; `path` is as it was.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except MedenvError:
        raise
    except OSError as error:
        raise RunWriteError(error.errno, f"{str(path)!r} can't be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON.

    Raises:
        RunWriteError: The disk is full or fails; `path` is as it was.
    """
    with replacing(path) as file:
        file.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS) + b"\n")
