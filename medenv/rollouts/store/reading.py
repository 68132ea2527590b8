"""Reading stored runs a row at a time; nothing here holds more than one episode in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from medenv.protocol import stored
from medenv.protocol.stored import TRAJECTORIES, DamagedRowError, file_of
from medenv.protocol.trajectory import Trajectory, TrajectoryError
from medenv.rollouts.store.errors import RunFolderError

__all__ = ["TRAJECTORIES", "Key", "file_of", "key_of", "numbered", "numbered_lines", "read_run"]

Key = tuple[str, int, int]
"""What an attempt is known by: task id, sample, seed of the run."""


def key_of(trajectory: Trajectory) -> Key:
    """An episode's key."""
    origin = trajectory.provenance
    return trajectory.task.id, int(origin.get("sample", 0)), int(origin.get("seed", 0))


def numbered_lines(path: str | Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a run with their numbers from 1, newline included where there is one.

    Raises:
        RunFolderError: There is no run.
    """
    try:
        yield from stored.numbered_lines(path)
    except TrajectoryError as error:
        raise RunFolderError(str(error)) from error


def numbered(path: str | Path) -> Iterator[tuple[int, Trajectory]]:
    """The episodes of a stored run with the numbers of their lines, in the order they were finished.

    A last line that is still being written, or was when its writer was killed, is left out.

    Raises:
        RunFolderError: There is no run, or a row is no trajectory; the message names the line.
    """
    try:
        yield from stored.numbered(path)
    except DamagedRowError as error:
        folder = file_of(path).parent
        raise RunFolderError(
            f"{error}; 'medenv runs check {folder}' lists all such rows, 'medenv runs repair {folder}' sets them aside and keeps the others"
        ) from error
    except TrajectoryError as error:
        raise RunFolderError(str(error)) from error


def read_run(path: str | Path) -> Iterator[Trajectory]:
    """The episodes of a stored run in the order they were finished.

    Args:
        path: The run's folder, or its ``trajectories.jsonl``.

    Raises:
        RunFolderError: There is no run, or a row is no trajectory; the message names the line.
    """
    for _, trajectory in numbered(path):
        yield trajectory
