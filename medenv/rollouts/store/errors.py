"""What can go wrong with a run's folder: the user's mistakes, and a disk that takes no more."""

from __future__ import annotations

__all__ = ["RunFolderError", "RunWriteError"]


class RunFolderError(ValueError):
    """The folder can't be used for this run; the message says why and what to do."""


class RunWriteError(OSError):
    """A file of the run can't be written (a full disk, for one); what was stored before is whole."""
