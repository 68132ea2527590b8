"""``checksums.txt`` beside a run's rows: the checksum of each line in the order in which they were stored.

A row says nothing of its place, and in which order episodes end can't be worked out again, so the order is kept here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

from medenv.rollouts.store.errors import RunFolderError
from medenv.rollouts.store.files import replacing
from medenv.rollouts.store.log import AppendLog
from medenv.trajectories import TRAJECTORIES, checksum_of, is_whole, numbered_lines

__all__ = ["LEDGER", "Ledger", "drop", "read_ledger", "write_ledger"]

LEDGER = "checksums.txt"


class Ledger:
    """The file, open for adding rows; what it lacks of the rows that are there is added first.

    Args:
        folder: The run's, whose rows nobody else writes.

    Raises:
        RunWriteError: The disk is full or fails.
        OSError: The file can't be opened.
    """

    def __init__(self, folder: Path) -> None:
        known = read_ledger(folder) or []
        rows = folder / TRAJECTORIES
        lines = numbered_lines(rows) if rows.exists() else iter(())
        count, missing = 0, []
        for count, line in lines:
            if count > len(known):
                missing.append(checksum_of(line))
        if missing or count < len(known):
            _write(folder, iter([*known[:count], *missing]))
        self._log = AppendLog(folder / LEDGER)

    def append(self, line: bytes) -> None:
        """Add a row that was stored.

        Args:
            line: As it stands in the run.

        Raises:
            RunWriteError: The disk is full or fails.
        """
        self._log.append(checksum_of(line).encode())

    def close(self) -> None:
        """Sync and close. Closing twice is fine."""
        self._log.close()


def read_ledger(folder: Path) -> list[str] | None:
    """Read the checksums in order, None if the run keeps none; a last one not written whole is left out.

    Raises:
        RunFolderError: The file can't be read.
    """
    try:
        text = (folder / LEDGER).read_text("ascii", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunFolderError(f"{str(folder / LEDGER)!r} can't be read: {error.strerror or error}") from error
    return text.split("\n")[:-1]


def write_ledger(folder: Path) -> None:
    """Write the file anew, from the rows that are there.

    Raises:
        RunWriteError: The disk is full or fails; the file is as it was.
    """
    lines = (line for _, line in numbered_lines(folder / TRAJECTORIES) if line.endswith(b"\n") or is_whole(line))
    _write(folder, map(checksum_of, lines))


def drop(folder: Path, numbers: Collection[int]) -> None:
    """Take rows out that leave the run.

    Args:
        folder: The run's.
        numbers: Of their lines, from 1.

    Raises:
        RunWriteError: The disk is full or fails; the file is as it was.
    """
    known = read_ledger(folder)
    if known is not None:
        gone = set(numbers)
        _write(folder, (one for number, one in enumerate(known, 1) if number not in gone))


def _write(folder: Path, checksums: Iterator[str]) -> None:
    with replacing(folder / LEDGER) as file:
        while part := list(islice(checksums, 4096)):
            file.write("".join(one + "\n" for one in part).encode())
