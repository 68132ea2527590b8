"""One row of the official rows file under inspection: its fields, and errors that say where they are and what was found."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medenv.errors import DataError

__all__ = ["OfficialRow", "TaskFileError", "kind_of", "quoted"]

_MRN = re.compile(r"[A-Za-z0-9.\-]{1,64}")


class TaskFileError(DataError):
    """A file of tasks is missing or malformed; the message says where and what was found."""


_KINDS = {dict: "an object", list: "an array", str: "text", bool: "a boolean", type(None): "null"}


def kind_of(value: Any) -> str:
    """Return what kind of JSON value it is, in words."""
    return _KINDS.get(type(value), "a number")


def quoted(value: Any) -> str:
    """Return a value as short text."""
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."


class OfficialRow:
    """One row under inspection.

    Attributes:
        where: File and row, for errors.
        row: The row's object.
    """

    def __init__(self, file: Path, index: int, row: Any) -> None:
        """Take a row.

        Args:
            file: The file it is from.
            index: Its place in the file, from 0.
            row: The JSON value.

        Raises:
            TaskFileError: It is no object.
        """
        self.where = f"{file}: row {index}"
        if not isinstance(row, dict):
            raise TaskFileError(f"{self.where}: expected an object, found {quoted(row)}")
        self.row: Mapping[str, Any] = row
        if isinstance(row.get("id"), str):
            self.where += f" ({quoted(row['id'])[1:-1]})"

    def fail(self, field: str, problem: str) -> TaskFileError:
        """Return the error for a field, with its value if there is one."""
        value = f", found {quoted(self.row[field])}" if field in self.row else ""
        return TaskFileError(f"{self.where}, field {field!r}: {problem}{value}")

    def text(self, field: str, *, empty: bool = False) -> str:
        """Return a field that must be text.

        Raises:
            TaskFileError: It is missing, no text, or blank though it must not be.
        """
        if field not in self.row:
            raise self.fail(field, "missing")
        value = self.row[field]
        if not isinstance(value, str):
            raise self.fail(field, "expected text")
        if not empty and not value.strip():
            raise self.fail(field, "expected text that is not blank")
        return value

    def mrn(self, *, optional: bool = False) -> str | None:
        """Return the patient's MRN, field ``eval_MRN``; None where it may be left out and is."""
        if optional and "eval_MRN" not in self.row:
            return None
        value = self.text("eval_MRN")
        if not _MRN.fullmatch(value):
            raise self.fail("eval_MRN", "expected an MRN, e.g. 'S1234567'")
        return value
