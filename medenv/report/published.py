"""Published result tables as entries of a board: CSV files with a model's scores, and nothing made up for what they don't say."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import orjson

from medenv.errors import DataError
from medenv.report.board import Cell, Entry
from medenv.report.conditions import WORDS, Conditions
from medenv.report.statistics import wilson
from medenv.tasks import TYPES
from medenv.tasks.taskset import FIRST, versioned

__all__ = ["Published", "PublishedError", "read_published"]

LEADERBOARD, MATRIX, ANALYSIS, MODELS, ABOUT = (
    "leaderboard.csv",
    "task_accuracy_matrix.csv",
    "task_analysis.csv",
    "models.csv",
    "about.json",
)

_TASK = re.compile(r"(?:task\s*)?(\d{1,2})", re.IGNORECASE)
_ABOUT = Conditions.BINDING
_MOST = 1e12
"""What no count, percentage or number of minutes reaches."""

T = TypeVar("T", int, float)


class PublishedError(DataError):
    """A published table can't be read; the message says where and what to do."""


@dataclass(frozen=True)
class Published:
    """What a folder of published tables holds.

    Attributes:
        entries: A model each.
        about: What the tables say of split, grader, protocol and charts; mostly nothing.
    """

    entries: tuple[Entry, ...] = ()
    about: Conditions = field(default_factory=Conditions)


def read_published(folder: Path) -> Published:
    """Read a folder of published tables.

    Args:
        folder: With one of ``leaderboard.csv``, ``task_accuracy_matrix.csv`` and ``task_analysis.csv`` (read if there is no matrix), and
            possibly ``models.csv`` (columns Model, Parameters) and ``about.json``; see docs/reports.md.

    Raises:
        PublishedError: There is no such table, or one of them is not of that shape; the message names file, line and value.
    """
    if not folder.is_dir():
        raise PublishedError(f"{str(folder)!r} is no folder; give one with {LEADERBOARD} or {MATRIX}")
    entries = _leaderboard(folder / LEADERBOARD) if (folder / LEADERBOARD).is_file() else {}
    matrix = next((folder / name for name in (MATRIX, ANALYSIS) if (folder / name).is_file()), None)
    if matrix is not None:
        _add_matrix(matrix, entries)
    if not entries:
        raise PublishedError(f"{str(folder)!r} holds none of {LEADERBOARD}, {MATRIX} and {ANALYSIS} with a model in it")
    if (folder / MODELS).is_file():
        for line, row in _rows(folder / MODELS):
            name = _named(folder / MODELS, line, row)
            if name in entries:
                entries[name] = replace(entries[name], parameters=_parameters(row) or entries[name].parameters)
    return Published(tuple(entries.values()), _about(folder / ABOUT))


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Read the rows of a CSV file, each by column name with the number of its line; empty ones are passed over."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            head = [one.strip() for one in next(reader, [])]
            if len(set(head)) < len(head):
                twice = next(one for one in head if head.count(one) > 1)
                raise PublishedError(f"{path}, line 1: the column {twice!r} stands twice; give each a name of its own")
            found = []
            for row in reader:
                if not any(cell.strip() for cell in row):
                    continue
                if len(row) != len(head):
                    raise PublishedError(
                        f"{path}, line {reader.line_num}: {len(row)} cells under {len(head)} headings; quote cells that hold commas"
                    )
                found.append((reader.line_num, dict(zip(head, (cell.strip() for cell in row), strict=True))))
            return found
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PublishedError(f"{str(path)!r} can't be read as CSV in UTF-8: {error}") from error


def _named(path: Path, line: int, row: Mapping[str, str]) -> str:
    if not (name := row.get("Model", "")):
        raise PublishedError(f"{path}, line {line}: no model is named; the column is called Model")
    return name


def _parameters(row: Mapping[str, str]) -> str | None:
    return row.get("Parameters") or row.get("Params") or None


def _leaderboard(path: Path) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for line, row in _rows(path):
        name = _named(path, line, row)
        if name in entries:
            raise PublishedError(f"{path}, line {line}: {name!r} stands twice; name each model once")

        def number(column: str, kind: Callable[[str], T], line: int = line, row: Mapping[str, str] = row) -> T | None:
            return _number(path, line, column, row.get(column, ""), kind)

        passed, scored = number("Correct", int), number("Total", int)
        if passed is not None and scored is not None and passed > scored:
            raise PublishedError(f"{path}, line {line}: {passed} correct of {scored} in all; there can't be more")
        share = number("Accuracy (%)", float)
        entries[name] = Entry(
            name=name,
            published=True,
            parameters=_parameters(row),
            total=_total(passed, scored, None if share is None else _share(path, line, share)),
            completed=number("Completed", int),
            invalid=number("Invalid Actions", int),
            limit=number("Limit Reached", int),
            errors=number("Errors", int),
            minutes=number("Time (min)", float),
        )
    return entries


def _total(passed: int | None, scored: int | None, share: float | None) -> Cell:
    if passed is None or not scored:
        return Cell(share, passed, scored)
    return Cell(passed / scored, passed, scored, wilson(passed, scored))


def _add_matrix(path: Path, entries: dict[str, Entry]) -> None:
    found: dict[str, dict[int, Cell]] = {}
    for line, row in _rows(path):
        cells = list(row.items())
        key = cells[0][1]
        match = _TASK.fullmatch(key)
        number = int(match[1]) if match else None
        if number is None and key.casefold() not in ("overall", "all"):
            raise PublishedError(f"{path}, line {line}: {key!r} is no task; they are task1 to task10, and overall")
        if number is not None and number not in TYPES:
            raise PublishedError(f"{path}, line {line}: there is no task type {number}; they are 1 to {len(TYPES)}")
        for name, text in cells[1:]:
            if name in ("Description", "Task Description"):
                continue
            value = _number(path, line, name, text, float)
            if value is None:
                continue
            share = _share(path, line, value)
            entry = entries.setdefault(name, Entry(name, published=True))
            if number is not None:
                found.setdefault(name, {})[number] = Cell(share)
            elif entry.total.share is None:
                entries[name] = replace(entry, total=Cell(share))
    for name, types in found.items():
        entries[name] = replace(entries[name], types=types)


def _number(path: Path, line: int, column: str, text: str, kind: Callable[[str], T]) -> T | None:
    """Parse a cell's number of 0 or more, without its percent sign; return None for an empty cell or ``-``."""
    bare = text.removesuffix("%").strip()
    if bare in ("", "-"):
        return None
    try:
        value = kind(bare)
        if 0 <= value < _MOST:  # neither does not-a-number pass
            return value
    except ValueError:
        pass
    raise PublishedError(
        f"{path}, line {line}, column {column!r}: {text!r} is no number of 0 or more; leave the cell empty if it isn't known"
    )


def _share(path: Path, line: int, percent: float) -> float:
    if percent > 100:
        raise PublishedError(f"{path}, line {line}: {percent} is no accuracy in percent; it is 0 to 100")
    return percent / 100


def _about(path: Path) -> Conditions:
    if not path.is_file():
        return Conditions(interface={WORDS})
    try:
        values: Any = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise PublishedError(f"{str(path)!r} can't be read as JSON: {error}") from error
    if not isinstance(values, dict) or not all(isinstance(values.get(name, ""), str) for name in _ABOUT):
        raise PublishedError(f"{str(path)!r} is to be an object of texts, with any of {', '.join(_ABOUT)}")
    said = {name: values[name] for name in _ABOUT if name in values}
    for name in ("split", "grader"):
        if name in said and "(version " not in said[name]:
            said[name] = versioned(said[name], FIRST)
    # The published policies are language models.
    return Conditions(**{name: {value} for name, value in {"interface": WORDS, **said}.items()})
