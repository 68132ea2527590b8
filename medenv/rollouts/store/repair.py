"""Finding and setting aside what is wrong with a stored run: damaged rows, attempts that stand twice, an unfinished last line.

Nothing is thrown away: what leaves a run goes to a file beside it.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from medenv.errors import MedenvError
from medenv.rollouts.store.errors import RunFolderError, RunWriteError
from medenv.rollouts.store.files import replacing
from medenv.rollouts.store.ledger import drop
from medenv.rollouts.store.lock import WriterLock
from medenv.rollouts.store.log import drop_torn_line
from medenv.rollouts.store.provenance import source_hash
from medenv.trajectories import (
    Key,
    TrajectoryError,
    UnknownSchemaError,
    file_of,
    is_sealed,
    key_of,
    numbered_lines,
    parse,
)

__all__ = ["REJECTED", "Check", "check_run", "repair_run", "set_aside"]

REJECTED = "rejected.jsonl"
"""Where repaired runs keep the rows that were no good."""


@dataclass
class Check:
    """What a look at every row found.

    Attributes:
        rows: Whole rows that stand once.
        damaged: Why a line is no row, by its number.
        repeated: By the number of a line, the line that already holds the same attempt.
        unfinished: Whether the last line was not written to its end.
        unsealed: Whole rows without a checksum.
    """

    rows: int = 0
    damaged: dict[int, str] = field(default_factory=dict)
    repeated: dict[int, int] = field(default_factory=dict)
    unfinished: bool = False
    unsealed: int = 0

    @property
    def fine(self) -> bool:
        """Whether there is nothing to repair."""
        return not (self.damaged or self.repeated or self.unfinished)


def check_run(path: str | Path) -> Check:
    """Look at every row of a run.

    Args:
        path: The run's folder, or its ``trajectories.jsonl``.

    Raises:
        RunFolderError: There is no run, or a row is of a schema that this version doesn't know.
    """
    found = Check()
    seen: dict[tuple[Key, bytes], int] = {}
    for number, line in numbered_lines(path):
        try:
            trajectory = parse(line)
        except UnknownSchemaError as error:
            raise RunFolderError(f"{file_of(path)}, line {number}: {error}") from error
        except TrajectoryError as error:
            if line.endswith(b"\n"):
                found.damaged[number] = str(error)
            else:
                found.unfinished = True
            continue
        first = seen.setdefault((key_of(trajectory), source_hash(trajectory)), number)
        if first != number:
            found.repeated[number] = first
            continue
        found.rows += 1
        found.unsealed += not is_sealed(line.rstrip(b"\r\n"))
    return found


def repair_run(folder: str | Path) -> Check:
    """Set damaged and repeated rows aside and cut an unfinished last line off, so that the run can be gone on with.

    Args:
        folder: The run's folder.

    Returns:
        What was wrong.

    Raises:
        RunFolderError: There is no run, another process writes it, or a row is of an unknown schema.
        RunWriteError: The disk is full or fails; the run is as it was.
    """
    folder = Path(folder)
    file = file_of(folder)
    if not folder.is_dir() or not file.is_file():
        raise RunFolderError(f"{str(folder)!r} holds no run; give the folder of one")
    lock = WriterLock(folder)
    try:
        found = check_run(file)
        if found.unfinished:
            drop_torn_line(file)
        if wrong := {*found.damaged, *found.repeated}:
            set_aside(file, wrong, folder / REJECTED)
        return found
    finally:
        lock.release()


def set_aside(file: Path, numbers: Collection[int], aside: Path) -> None:
    """Move lines of a run to another file; a crash between leaves them in both, never in neither.

    Args:
        file: The run's ``trajectories.jsonl``, which nobody has open for writing.
        numbers: Of the lines, from 1.
        aside: The file that they are added to.

    Raises:
        RunWriteError: The disk is full or fails; `file` is as it was.
    """
    wanted = set(numbers)
    try:
        with replacing(file) as kept, aside.open("ab") as moved:
            for number, line in numbered_lines(file):
                (moved if number in wanted else kept).write(line)
            moved.flush()
            os.fsync(moved.fileno())
        drop(file.parent, wanted)
    except MedenvError:
        raise
    except OSError as error:
        raise RunWriteError(error.errno, f"{str(aside)!r} can't be written: {error.strerror or error}") from error
