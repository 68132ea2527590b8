"""One writer a run: a lock of the operating system on a file in the folder, which ends with its process however that ends."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from medenv.rollouts.store.errors import RunFolderError

__all__ = ["LOCK", "WriterLock"]

LOCK = ".writer.lock"


class WriterLock:
    """The right to change a run.

    Args:
        folder: The run's folder, which exists.

    Raises:
        RunFolderError: Another process, or another part of this one, has it.
        OSError: The lock file can't be made.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = FileLock(folder / LOCK, thread_local=False)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise RunFolderError(
                f"the run in {str(folder)!r} is being written by another process; wait until it ends, or give another folder"
            ) from None

    def release(self) -> None:
        """Let others write. Releasing twice is fine."""
        self._lock.release()
