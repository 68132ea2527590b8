"""The folder of a dataset: it appears whole or not at all, and takes another one's place only if that was said."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import orjson

from medenv.errors import FileError, InputError, MedenvError, file_errors
from medenv.fhir.drafts import draft_folder
from medenv.rollouts.export.columns import Kind, arrow, arrow_row, whole

__all__ = ["Rows", "appearing", "check_free"]

DATASET = ("README.md", "report.json")
"""Files by which a folder is known for a dataset."""

_BATCH = 256
"""Rows of a parquet row group: conversations are long, and a group is held in memory."""


def check_free(path: Path, force: bool, what: str = "dataset", marks: Sequence[str] = DATASET) -> None:
    """See that a dataset, or something else, may be written to a folder, before any work is done.

    Args:
        path: The folder to be.
        force: Whether one of the kind that is there may be replaced.
        what: What is written, in a word.
        marks: Files that every folder of that kind has.

    Raises:
        ValueError: There is something already, and `force` is off; or it is nothing of the kind, and so not to be deleted.
    """
    if not path.exists():
        return
    if not path.is_dir():
        raise InputError(f"{str(path)!r} is a file; give a folder that there isn't yet")
    with file_errors(path):
        if not any(path.iterdir()):
            return
    if not force:
        raise InputError(f"{str(path)!r} already holds something; give another folder, or --force to replace a {what}")
    if not all((path / name).is_file() for name in marks):
        raise InputError(f"{str(path)!r} holds no {what} of medenv's, so it is not replaced; give another folder")


@contextmanager
def appearing(path: Path, force: bool, what: str = "dataset", marks: Sequence[str] = DATASET) -> Iterator[Path]:
    """Yield a folder to write to, which takes its name when all is written.

    Args:
        path: The folder to be.
        force: Whether one of the kind that is there is replaced.
        what: What is written, in a word.
        marks: Files that every folder of that kind has.

    Raises:
        ValueError: See `check_free`.
        FileError: The disk is full or can't be written; what was written is removed.
    """
    check_free(path, force, what, marks)
    with file_errors(path, "made"):
        path.parent.mkdir(parents=True, exist_ok=True)
        made = draft_folder(path)
    try:
        yield made
        before = None
        if path.exists():
            before = made.with_suffix(".replaced")
            os.replace(path, before)
        os.replace(made, path)
        if before is not None:
            shutil.rmtree(before, ignore_errors=True)
    except MedenvError:
        raise
    except OSError as error:
        raise FileError(f"{str(path)!r} can't be made, and nothing is left of it: {error}") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


class Rows:
    """Writes rows to one file a part (``train``, ``validation``), as they come.

    Args:
        folder: Where to.
        columns: Of the rows.
        kind: ``jsonl`` or ``parquet``.

    Raises:
        ModuleNotFoundError: Parquet needs pyarrow, which isn't installed.
    """

    def __init__(self, folder: Path, columns: Mapping[str, Kind], kind: str) -> None:
        self._folder, self._columns, self._kind = folder / "data", columns, kind
        self._files: dict[str, Any] = {}
        self._waiting: dict[str, list[dict[str, Any]]] = {}
        self._schema = arrow(columns) if kind == "parquet" else None
        self._folder.mkdir()

    @property
    def parts(self) -> dict[str, str]:
        """The files there are, by part, relative to the dataset's folder."""
        return {part: f"data/{part}.{self._kind}" for part in ("train", "validation") if part in self._files}

    def add(self, part: str, row: Mapping[str, Any]) -> None:
        """Add a row.

        Raises:
            OSError: The disk is full or fails.
        """
        values = whole(self._columns, row)
        if part not in self._files:
            self._files[part] = self._opened(self._folder / f"{part}.{self._kind}")
            self._waiting[part] = []
        if self._schema is None:
            self._files[part].write(orjson.dumps(values) + b"\n")
            return
        self._waiting[part].append(arrow_row(self._columns, values))
        if len(self._waiting[part]) >= _BATCH:
            self._flush(part)

    def _opened(self, path: Path) -> IO[bytes] | Any:
        if self._schema is None:
            return path.open("wb")
        from pyarrow import parquet

        return parquet.ParquetWriter(path, self._schema)

    def _flush(self, part: str) -> None:
        import pyarrow

        if self._waiting[part]:
            self._files[part].write_table(pyarrow.Table.from_pylist(self._waiting[part], self._schema))
            self._waiting[part] = []

    def close(self) -> None:
        """Write what is left and close the files."""
        for part, file in self._files.items():
            if self._schema is not None:
                self._flush(part)
            file.close()

    def __enter__(self) -> Rows:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
