"""What can be wrong with a stored run or one of its rows."""

from __future__ import annotations

from medenv.errors import DataError

__all__ = ["DamagedRowError", "RunFolderError", "TrajectoryError", "UnknownSchemaError"]


class RunFolderError(DataError):
    """A run's folder or file can't be used; the message says why and what to do."""


class TrajectoryError(DataError):
    """A row is no trajectory of this schema."""


class UnknownSchemaError(TrajectoryError, RunFolderError):
    """A row is a trajectory of another version's schema."""


class DamagedRowError(TrajectoryError, RunFolderError):
    """A line of a run is not the trajectory that was stored there; the message names file and line."""
