"""Reading stored trajectories: a file of one finished episode a line, or the folder of a run that holds such a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from medenv.protocol.trajectory import Trajectory, TrajectoryError

__all__ = ["TRAJECTORIES", "read_trajectories"]

TRAJECTORIES = "trajectories.jsonl"
"""The file's name in a run's folder."""


def read_trajectories(path: str | Path) -> Iterator[Trajectory]:
    """The episodes of a stored run, in the order they were finished.

    Args:
        path: The run's folder, or the file itself.

    Raises:
        TrajectoryError: There is no run, or a row is no trajectory; the message names file and line.
    """
    file = Path(path).expanduser()
    if file.is_dir():
        file = file / TRAJECTORIES
    try:
        lines = file.open("rb")
    except OSError as error:
        raise TrajectoryError(f"no run can be read from {str(path)!r}: {error.strerror or error}") from error
    with lines:
        for number, line in enumerate(lines, 1):
            try:
                yield Trajectory.from_json(line)
            except TrajectoryError as error:
                raise TrajectoryError(f"{file}, line {number}: {error}") from error
