"""Rows as they are stored: a trajectory's JSON on a line, with a checksum as its last field, so that a changed row is noticed.

A row without the field (cut from another tool, say) is taken as it is. Nothing here holds more than one episode in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import IO

import orjson

from medenv.trajectories.errors import DamagedRowError, RunFolderError, TrajectoryError, UnknownSchemaError
from medenv.trajectories.trajectory import Trajectory

__all__ = [
    "TRAJECTORIES",
    "Key",
    "Row",
    "checksum_of",
    "file_of",
    "is_sealed",
    "is_whole",
    "key_of",
    "numbered",
    "numbered_lines",
    "parse",
    "read_row",
    "read_rows",
    "read_run",
    "seal",
    "unsealed",
]

TRAJECTORIES = "trajectories.jsonl"
"""The file of a run's episodes in its folder, one a line."""

_FIELD = b',"checksum":"'
_DIGITS = 16
_LENGTH = len(_FIELD) + _DIGITS + len(b'"}')
_DIGITS_AT = -_LENGTH + len(_FIELD)

Key = tuple[str, int, int]
"""What an attempt is known by: task id, sample, seed of the run."""


@dataclass(frozen=True, slots=True)
class Row:
    """A stored episode and where it stands.

    Attributes:
        number: Of its line, from 1.
        offset: Where the line begins in the file, in bytes; `read_row` reads it again from there.
        trajectory: The episode.
    """

    number: int
    offset: int
    trajectory: Trajectory


def key_of(trajectory: Trajectory) -> Key:
    """Return an episode's key."""
    provenance = trajectory.provenance
    return trajectory.task.id, provenance.get("sample", 0), provenance.get("seed", 0)


def seal(row: bytes) -> bytes:
    """Add the checksum to a trajectory's JSON: the first 64 bits of BLAKE2b of the bytes without it."""
    return row[:-1] + _FIELD + _checksum(row) + b'"}'


def unsealed(line: bytes) -> bytes:
    """Return a stored line's JSON without checksum and newline."""
    line = line.rstrip(b"\r\n")
    return line[:-_LENGTH] + b"}" if is_sealed(line) else line


def checksum_of(line: bytes) -> str:
    """Return the checksum that a stored line would rightly carry, whatever it says itself; see `seal`."""
    return _checksum(unsealed(line)).decode()


def is_sealed(line: bytes) -> bool:
    """Return whether a stored line carries a checksum."""
    return line[-_LENGTH:_DIGITS_AT] == _FIELD and line.endswith(b'"}')


def is_whole(line: bytes) -> bool:
    """Return whether a line that lacks its newline is all there."""
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def parse(line: bytes) -> Trajectory:
    """Read a stored line, with or without its newline.

    Raises:
        TrajectoryError: It is no trajectory, or not the one that was stored.
        UnknownSchemaError: It was written by another version of medenv.
    """
    line = line.rstrip(b"\r\n")
    if not is_sealed(line):
        return Trajectory.from_json(line)
    row = line[:-_LENGTH] + b"}"
    trajectory = Trajectory.from_json(row)  # what is no JSON any more, or of another schema, is told as that
    if _checksum(row) != line[_DIGITS_AT:-2]:
        raise TrajectoryError(
            f"this row was changed after it was stored: its checksum is {line[_DIGITS_AT:-2].decode('ascii', 'replace')}, "
            f"and {_checksum(row).decode()} would be right"
        )
    return trajectory


def file_of(path: str | Path) -> Path:
    """Return the file of a run's episodes.

    Args:
        path: The run's folder, or the file.
    """
    path = Path(path).expanduser()
    return path / TRAJECTORIES if path.is_dir() else path


def numbered_lines(path: str | Path) -> Iterator[tuple[int, bytes]]:
    """Iterate over the lines of a run.

    Yields:
        Number, from 1, and line, newline included where there is one.

    Raises:
        RunFolderError: There is no run.
    """
    try:
        lines = file_of(path).open("rb")
    except OSError as error:
        raise RunFolderError(f"no run can be read from {str(path)!r}: {error.strerror or error}") from error
    with lines:
        yield from enumerate(lines, 1)


def read_rows(path: str | Path) -> Iterator[Row]:
    """Iterate over the episodes of a stored run in the order they were finished.

    A last line that is still being written, or was when its writer was killed, is left out.

    Args:
        path: The run's folder, or its ``trajectories.jsonl``.

    Raises:
        RunFolderError: There is no run.
        DamagedRowError: A row is no trajectory; the message names file, line and field.
        UnknownSchemaError: A row was written by another version of medenv.
    """
    end = 0
    for number, line in numbered_lines(path):
        offset, end = end, end + len(line)
        try:
            trajectory = parse(line)
        except UnknownSchemaError as error:
            raise UnknownSchemaError(f"{file_of(path)}, line {number}: {error}") from error
        except TrajectoryError as error:
            if not line.endswith(b"\n"):
                return
            folder = file_of(path).parent
            raise DamagedRowError(
                f"{file_of(path)}, line {number}: {error}; 'medenv runs check {folder}' lists all such rows, "
                f"'medenv runs repair {folder}' sets them aside and keeps the others"
            ) from error
        yield Row(number, offset, trajectory)


def read_row(file: IO[bytes], offset: int) -> Trajectory:
    """Read one episode again.

    Args:
        file: The run's ``trajectories.jsonl``, open for reading.
        offset: See `Row.offset`.

    Raises:
        TrajectoryError: There is another line by now.
    """
    file.seek(offset)
    return parse(file.readline())


def numbered(path: str | Path) -> Iterator[tuple[int, Trajectory]]:
    """Iterate over the episodes of a stored run with the numbers of their lines; raises as `read_rows` does."""
    for row in read_rows(path):
        yield row.number, row.trajectory


def read_run(path: str | Path) -> Iterator[Trajectory]:
    """Iterate over the episodes of a stored run; raises as `read_rows` does."""
    for row in read_rows(path):
        yield row.trajectory


def _checksum(row: bytes) -> bytes:
    return blake2b(row, digest_size=_DIGITS // 2).hexdigest().encode()
