"""Which process uses a container that the user keeps: a file lock by its id, which ends with the process.

Two processes on one container would see each other's writes.
"""

from __future__ import annotations

from filelock import FileLock, Timeout

from medenv.fhir.cache import cache_dir

__all__ = ["Lease"]


class Lease:
    """A container taken for this process alone."""

    def __init__(self, lock: FileLock) -> None:
        self._lock = lock

    @classmethod
    def take(cls, container: str) -> Lease | None:
        """Take a container, if no other process has it.

        Args:
            container: Its id.
        """
        folder = cache_dir().parent / "containers"
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{container[:24]}.lock", blocking=False)
        try:
            lock.acquire()
        except Timeout:
            return None
        return cls(lock)

    def release(self) -> None:
        """Let others have it."""
        self._lock.release()
