"""The official rows, read from the user's own copy: MedAgentBench's data folder, or a checkout of its repository.

medenv ships none of it. Every complaint names the row, the field and the value it found there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from medenv.tasks.task import Task
from medenv.tasks.types import TYPES
from medenv.tasks.types.find_patient import NOT_FOUND
from medenv.tasks.types.refer_orthopaedics import quoted_text

__all__ = ["FUNCTIONS_FILE", "ROWS_FILE", "TaskFileError", "load_functions", "load_rows"]

ROWS_FILE = "test_data_v2.json"
FUNCTIONS_FILE = "funcs_v1.json"
CHECKOUT_FOLDER = Path("data") / "medagentbench"
"""Where a MedAgentBench checkout keeps both files."""

_ID = re.compile(r"task(\d{1,2})_(\d{1,6})")
_WHO = re.compile(r"\bname (?P<name>.+?) and DOB of (?P<birthdate>\d{4}-\d\d-\d\d)\b")
_MRN = re.compile(r"[A-Za-z0-9.\-]{1,64}")


class TaskFileError(ValueError):
    """A file of tasks is missing or malformed; the message says where and what was found."""


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
        raise TaskFileError(f"{file}: expected a JSON array of rows, found {_kind(rows)}")
    if not rows:
        raise TaskFileError(f"{file}: the array of rows is empty")
    tasks: list[Task] = []
    seen: dict[str, int] = {}
    for index, row in enumerate(rows):
        task = _Row(file, index, row).task()
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
        raise TaskFileError(f"{file}: expected a JSON array of functions, found {_kind(functions)}")
    for index, function in enumerate(functions):
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            found = _quote(function)
            raise TaskFileError(f"{file}: function {index}: expected an object with a text field 'name', found {found}")
    return functions


def _locate(path: Path, name: str) -> Path:
    """The file meant by a path; see `load_rows`."""
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


_KINDS = {dict: "an object", list: "an array", str: "text", bool: "a boolean", type(None): "null"}


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "a number")


def _quote(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."


class _Row:
    """One row under inspection."""

    def __init__(self, file: Path, index: int, row: Any) -> None:
        self.where = f"{file}: row {index}"
        if not isinstance(row, dict):
            raise TaskFileError(f"{self.where}: expected an object, found {_quote(row)}")
        self.row: Mapping[str, Any] = row
        if isinstance(row.get("id"), str):
            self.where += f" ({_quote(row['id'])[1:-1]})"

    def fail(self, field: str, problem: str) -> TaskFileError:
        """The error for a field, with its value if there is one."""
        value = f", found {_quote(self.row[field])}" if field in self.row else ""
        return TaskFileError(f"{self.where}, field {field!r}: {problem}{value}")

    def text(self, field: str, *, empty: bool = False) -> str:
        """A field that must be text."""
        if field not in self.row:
            raise self.fail(field, "missing")
        value = self.row[field]
        if not isinstance(value, str):
            raise self.fail(field, "expected text")
        if not empty and not value.strip():
            raise self.fail(field, "expected text that is not blank")
        return value

    def task(self) -> Task:
        """The row as a task."""
        identity = self.text("id")
        match = _ID.fullmatch(identity)
        if match is None:
            raise self.fail("id", "expected task<type>_<number>, e.g. 'task9_12'")
        number = int(match.group(1))
        if number not in TYPES:
            raise self.fail("id", f"unknown task type {number}, expected 1 to {max(TYPES)}")
        instruction, context = self.text("instruction"), self.text("context", empty=True)
        params = {**TYPES[number].params, **self.extra(number, instruction)}
        mrn = self.mrn(optional=number == 1)
        return Task(identity, number, instruction, context, mrn, "official", self.branch(number), params=params)

    def branch(self, number: int) -> str | None:
        """The branch, as far as a row tells it without a chart."""
        if number == 1:
            return "not_found" if self.sol() == [NOT_FOUND] else "found"
        branches = TYPES[number].branches
        return branches[0].name if len(branches) == 1 else None

    def mrn(self, *, optional: bool) -> str | None:
        """The patient; type 1 has rows without one."""
        if optional and "eval_MRN" not in self.row:
            return None
        value = self.text("eval_MRN")
        if not _MRN.fullmatch(value):
            raise self.fail("eval_MRN", "expected an MRN, e.g. 'S1234567'")
        return value

    def extra(self, number: int, instruction: str) -> dict[str, Any]:
        """What a row of types 1 and 8 says beyond the type's constants."""
        if number == 1:
            return {**self.person(instruction), "sol": self.sol()}
        if number == 8:
            # the graders compare with one constant text, which every official row quotes in full
            try:
                return {"note": quoted_text(instruction)}
            except ValueError:
                raise self.fail("instruction", "expected the referral's text in double quotes") from None
        return {}

    def person(self, instruction: str) -> dict[str, str]:
        """Name and birthday of a type-1 row."""
        match = _WHO.search(instruction)
        if match is None:
            raise self.fail("instruction", "expected 'name <given> <family> and DOB of <YYYY-MM-DD>'")
        given, _, family = match.group("name").strip().partition(" ")
        if not family:
            raise self.fail("instruction", f"expected a given and a family name, not {match.group('name')!r}")
        try:
            date.fromisoformat(match.group("birthdate"))
        except ValueError:
            raise self.fail("instruction", f"{match.group('birthdate')!r} is no date") from None
        return {"family": family.strip(), "given": given, "birthdate": match.group("birthdate")}

    def sol(self) -> list[str]:
        """The expected answer of a type-1 row."""
        if "sol" not in self.row:
            raise self.fail("sol", "missing")
        value = self.row["sol"]
        if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
            raise self.fail("sol", "expected an array of text, e.g. ['S1234567']")
        return value
