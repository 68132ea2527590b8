"""What can go wrong with a run's folder: the user's mistakes, and a disk that takes no more."""

from __future__ import annotations

from medenv.errors import FileError
from medenv.trajectories import RunFolderError

__all__ = ["RunFolderError", "RunWriteError"]


class RunWriteError(FileError):
    """A file of the run can't be written (a full disk, for one); what was stored before is whole."""
