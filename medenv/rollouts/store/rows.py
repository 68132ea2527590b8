"""A row as it is stored: a trajectory's JSON with a checksum as its last field, so that a row changed by hand is noticed.

A row without the field (cut from another tool, say) is taken as it is.
"""

from __future__ import annotations

from hashlib import blake2b

import orjson

from medenv.protocol.trajectory import Trajectory, TrajectoryError

__all__ = ["is_sealed", "is_whole", "parse", "seal"]

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


def is_whole(line: bytes) -> bool:
    """Whether a line that lacks its newline is all there."""
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _checksum(row: bytes) -> bytes:
    return blake2b(row, digest_size=_DIGITS // 2).hexdigest().encode()
