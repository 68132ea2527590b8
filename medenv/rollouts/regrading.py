"""Grading stored rows anew: whatever a grader raises on a row is told of that row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from medenv.grading import Grader, UngradableError
from medenv.trajectories import Row, Trajectory, file_of, read_rows

__all__ = ["judged", "judged_rows"]


def judged(trajectory: Trajectory, grader: Grader | None) -> Trajectory:
    """Return a stored episode with a grader's verdict.

    Args:
        trajectory: The episode; the mappings in it may hold anything.
        grader: None leaves the stored verdict.

    Raises:
        UngradableError: The grader can't judge it, or fails on it.
    """
    if grader is None:
        return trajectory
    try:
        return grader.judge(trajectory)
    except UngradableError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())
        raise UngradableError(f"the grader fails with {type(error).__name__}: {said}") from error


def judged_rows(path: str | Path, grader: Grader | None) -> Iterator[Row]:
    """Iterate over a stored run's rows with a grader's verdicts.

    Args:
        path: The run's folder, or its ``trajectories.jsonl``.
        grader: None leaves the stored verdicts.

    Raises:
        RunFolderError: The run can't be read; see `medenv.trajectories.read_rows`.
        UngradableError: The grader can't judge an episode; the message names file and line.
    """
    for row in read_rows(path):
        try:
            trajectory = judged(row.trajectory, grader)
        except UngradableError as error:
            where = f"{file_of(path)}, line {row.number}, task {row.trajectory.task.id}"
            raise UngradableError(f"{where}: {error}") from error
        yield Row(row.number, row.offset, trajectory)
