"""The official rows, read from the user's own copy: MedAgentBench's data folder, or a checkout of its repository.

medenv ships none of it. Every complaint names the row, the field and the value it found there.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from medenv.tasks.official_row import OfficialRow, TaskFileError, kind_of, quoted
from medenv.tasks.task import Task
from medenv.tasks.types import TYPES

__all__ = ["FUNCTIONS_FILE", "ROWS_FILE", "VERSION", "TaskFileError", "load_functions", "load_rows"]

VERSION = 1
"""Raised with every change of how the rows are read that can alter a score; the rows themselves are the user's."""

ROWS_FILE = "test_data_v2.json"
FUNCTIONS_FILE = "funcs_v1.json"
CHECKOUT_FOLDER = Path("data") / "medagentbench"
"""Where a MedAgentBench checkout keeps both files."""

_ID = re.compile(r"task(\d{1,2})_(\d{1,6})")


def load_rows(path: str | Path) -> tuple[Task, ...]:
    """Load the official rows as tasks.

    Args:
        path: The rows file itself, a folder that holds ``test_data_v2.json``, or a MedAgentBench checkout.

    Returns:
        The tasks in the file's order, with the official graders' constants as params.

    Raises:
        TaskFileError: The file is missing, not JSON, or a row is malformed.
    """
    file = _locate(Path(path).expanduser(), ROWS_FILE)
    rows = _read_json(file)
    if not isinstance(rows, list):
        raise TaskFileError(f"{file}: expected a JSON array of rows, found {kind_of(rows)}")
    if not rows:
        raise TaskFileError(f"{file}: the array of rows is empty")
    tasks: list[Task] = []
    seen: dict[str, int] = {}
    for index, row in enumerate(rows):
        task = _task(OfficialRow(file, index, row))
        if task.id in seen:
            raise TaskFileError(f"{file}: row {index}, field 'id': {task.id!r} is also the id of row {seen[task.id]}")
        seen[task.id] = index
        tasks.append(task)
    return tuple(tasks)


def load_functions(path: str | Path) -> list[dict[str, Any]] | None:
    """Load the official function list that lies beside the rows.

    Args:
        path: As for `load_rows`.

    Returns:
        The list as the official prompt quotes it; None if there is no such file.

    Raises:
        TaskFileError: The file is not a JSON array of objects with a name each.
    """
    folder = Path(path).expanduser()
    if folder.is_file():
        folder = folder.parent
    for file in (folder / FUNCTIONS_FILE, folder / CHECKOUT_FOLDER / FUNCTIONS_FILE):
        if file.is_file():
            break
    else:
        return None
    functions = _read_json(file)
    if not isinstance(functions, list):
        raise TaskFileError(f"{file}: expected a JSON array of functions, found {kind_of(functions)}")
    for index, function in enumerate(functions):
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            found = quoted(function)
            raise TaskFileError(f"{file}: function {index}: expected an object with a text field 'name', found {found}")
    return functions


def _locate(path: Path, name: str) -> Path:
    """Return the file meant by a path; see `load_rows`."""
    if path.is_file():
        return path
    looked = [path / name, path / CHECKOUT_FOLDER / name]
    for file in looked:
        if file.is_file():
            return file
    problem = "no such file or folder" if not path.exists() else f"no {name} there"
    raise TaskFileError(
        f"{path}: {problem} (looked for {' and '.join(map(str, looked))}). "
        f"Give the folder of the official {name}, or a checkout of stanfordmlgroup/MedAgentBench"
    )


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise TaskFileError(f"{file}: not JSON: {error}") from None
    except UnicodeDecodeError as error:
        raise TaskFileError(f"{file}: not UTF-8 text: {error}") from None
    except RecursionError:
        raise TaskFileError(f"{file}: not a list of rows: JSON nested too deeply") from None
    except OSError as error:
        raise TaskFileError(f"{file}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:  # e.g. an integer of more digits than Python converts
        raise TaskFileError(f"{file}: not JSON: {error}") from None


def _task(row: OfficialRow) -> Task:
    """Return a row as a task."""
    identity = row.text("id")
    match = _ID.fullmatch(identity)
    if match is None:
        raise row.fail("id", "expected task<type>_<number>, e.g. 'task9_12'")
    number = int(match.group(1))
    if number not in TYPES:
        raise row.fail("id", f"unknown task type {number}, expected 1 to {max(TYPES)}")
    kind = TYPES[number]
    instruction, context = row.text("instruction"), row.text("context", empty=True)
    fields = kind.official_fields(row)
    params = {**kind.params, **fields.params}
    return Task(identity, number, instruction, context, fields.mrn, "official", fields.branch, params=params)
