"""Reading stored runs a row at a time; nothing here holds more than one episode in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from medenv.protocol.trajectory import Trajectory, TrajectoryError, UnknownSchemaError
from medenv.rollouts.store.errors import RunFolderError
from medenv.rollouts.store.rows import parse

__all__ = ["TRAJECTORIES", "Key", "file_of", "key_of", "numbered", "numbered_lines", "read_run"]

TRAJECTORIES = "trajectories.jsonl"

Key = tuple[str, int, int]
"""What an attempt is known by: task id, sample, seed of the run."""


def key_of(trajectory: Trajectory) -> Key:
    """An episode's key."""
    origin = trajectory.provenance
    return trajectory.task.id, int(origin.get("sample", 0)), int(origin.get("seed", 0))


def file_of(path: str | Path) -> Path:
    """The file of a run's episodes.

    Args:
        path: The run's folder, or the file.
    """
    path = Path(path)
    return path / TRAJECTORIES if path.is_dir() else path


def numbered_lines(path: str | Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a run with their numbers from 1, newline included where there is one.

    Raises:
        RunFolderError: There is no run.
    """
    try:
        lines = file_of(path).open("rb")
    except OSError as error:
        raise RunFolderError(f"no run can be read from {str(path)!r}: {error.strerror or error}") from error
    with lines:
        yield from enumerate(lines, 1)


def numbered(path: str | Path) -> Iterator[tuple[int, Trajectory]]:
    """The episodes of a stored run with the numbers of their lines, in the order they were finished.

    A last line that is still being written, or was when its writer was killed, is left out.

    Raises:
        RunFolderError: There is no run, or a row is no trajectory; the message names the line.
    """
    for number, line in numbered_lines(path):
        try:
            trajectory = parse(line)
        except UnknownSchemaError as error:
            raise RunFolderError(f"{file_of(path)}, line {number}: {error}") from error
        except TrajectoryError as error:
            if not line.endswith(b"\n"):
                return
            folder = file_of(path).parent
            raise RunFolderError(
                f"{file_of(path)}, line {number}: {error}; 'medenv runs check {folder}' lists all such rows, "
                f"'medenv runs repair {folder}' sets them aside and keeps the others"
            ) from error
        yield number, trajectory


def read_run(path: str | Path) -> Iterator[Trajectory]:
    """The episodes of a stored run in the order they were finished.

    Args:
        path: The run's folder, or its ``trajectories.jsonl``.

    Raises:
        RunFolderError: There is no run, or a row is no trajectory; the message names the line.
    """
    for _, trajectory in numbered(path):
        yield trajectory
