"""A row as it is stored: a trajectory's JSON with a checksum as its last field, so that a row changed by hand is noticed.

A row without the field (cut from another tool, say) is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import orjson

from medenv.protocol.trajectory import Trajectory, TrajectoryError, UnknownSchemaError

__all__ = [
    "TRAJECTORIES",
    "DamagedRowError",
    "file_of",
    "is_sealed",
    "is_whole",
    "numbered",
    "numbered_lines",
    "parse",
    "seal",
]

TRAJECTORIES = "trajectories.jsonl"
"""The file of a run's episodes in its folder, one a line."""


class DamagedRowError(TrajectoryError):
    """A line of a run is not the trajectory that was stored there."""


_FIELD = b',"checksum":"'
_DIGITS = 16
_LENGTH = len(_FIELD) + _DIGITS + len(b'"}')
_DIGITS_AT = -_LENGTH + len(_FIELD)


def seal(row: bytes) -> bytes:
    """Add the checksum to a trajectory's JSON: the first 64 bits of BLAKE2b of the bytes without it."""
    return row[:-1] + _FIELD + _checksum(row) + b'"}'


def is_sealed(line: bytes) -> bool:
    """Whether a stored line carries a checksum."""
    return line[-_LENGTH:_DIGITS_AT] == _FIELD and line.endswith(b'"}')


def parse(line: bytes) -> Trajectory:
    """Read a stored line, without its newline.

    Raises:
        TrajectoryError: It is no trajectory, or not the one that was stored.
        UnknownSchemaError: It was written by another version of medenv.
    """
    line = line.rstrip(b"\r\n")
    if not is_sealed(line):
        return Trajectory.from_json(line)
    row = line[:-_LENGTH] + b"}"
    if _checksum(row) != line[_DIGITS_AT:-2]:
        # What is no JSON any more, or of another schema, is told as that.
        Trajectory.from_json(row)
        raise TrajectoryError(
            f"this row was changed after it was stored: its checksum is {line[_DIGITS_AT:-2].decode('ascii', 'replace')}, "
            f"and {_checksum(row).decode()} would be right"
        )
    return Trajectory.from_json(row)


def file_of(path: str | Path) -> Path:
    """The file of a run's episodes.

    Args:
        path: The run's folder, or the file.
    """
    path = Path(path).expanduser()
    return path / TRAJECTORIES if path.is_dir() else path


def numbered_lines(path: str | Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a run with their numbers from 1, newline included where there is one.

    Raises:
        TrajectoryError: There is no run.
    """
    try:
        lines = file_of(path).open("rb")
    except OSError as error:
        raise TrajectoryError(f"no run can be read from {str(path)!r}: {error.strerror or error}") from error
    with lines:
        yield from enumerate(lines, 1)


def numbered(path: str | Path) -> Iterator[tuple[int, Trajectory]]:
    """The episodes of a stored run with the numbers of their lines, in the order they were finished.

    A last line that is still being written, or was when its writer was killed, is left out.

    Raises:
        DamagedRowError: A row is no trajectory; the message names file and line.
        UnknownSchemaError: A row was written by another version of medenv.
        TrajectoryError: There is no run.
    """
    for number, line in numbered_lines(path):
        try:
            trajectory = parse(line)
        except UnknownSchemaError as error:
            raise UnknownSchemaError(f"{file_of(path)}, line {number}: {error}") from error
        except TrajectoryError as error:
            if not line.endswith(b"\n"):
                return
            raise DamagedRowError(f"{file_of(path)}, line {number}: {error}") from error
        yield number, trajectory


def is_whole(line: bytes) -> bool:
    """Whether a line that lacks its newline is all there."""
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _checksum(row: bytes) -> bytes:
    return blake2b(row, digest_size=_DIGITS // 2).hexdigest().encode()
