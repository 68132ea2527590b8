"""An append-only file of lines that is whole after every crash but for its last line, which is mended when it is opened.

A line is handed to the system before `append` returns, so a killed process loses none; a failing machine loses the last seconds at most.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from medenv.rollouts.store.errors import RunWriteError
from medenv.trajectories import is_whole

__all__ = ["SYNC_SECONDS", "AppendLog", "drop_torn_line"]

SYNC_SECONDS = 5.0
"""Most seconds between two fsyncs while lines come in: what a power failure may cost."""

_BLOCK = 1 << 16


class AppendLog:
    """The file, open for appending.

    Args:
        path: The file; made if need be.

    Raises:
        OSError: It can't be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = os.open(
            path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666
        )
        self._end = os.fstat(self._fd).st_size
        self._synced, self._dirty = time.monotonic(), False

    def append(self, line: bytes) -> None:
        """Add a line, all of it or nothing.

        Args:
            line: Without its newline.

        Raises:
            RunWriteError: The disk is full or fails; the file ends with the last whole line.
        """
        if self._fd is None:
            raise ValueError(f"{str(self.path)!r} is closed")
        rest = memoryview(line + b"\n")
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except BaseException as error:
            self._cut()
            if isinstance(error, OSError):
                raise self._failure(error) from error
            raise
        self._end += len(line) + 1
        self._dirty = True
        if time.monotonic() - self._synced >= SYNC_SECONDS:
            self.sync()

    def _cut(self) -> None:
        """Take back a line that was written in part; if even that fails, the next opening does it."""
        try:
            assert self._fd is not None
            os.ftruncate(self._fd, self._end)
        except OSError:
            pass

    def sync(self) -> None:
        """Wait until everything is on the disk itself.

        Raises:
            RunWriteError: The disk fails.
        """
        if self._fd is not None and self._dirty:
            try:
                os.fsync(self._fd)
            except OSError as error:
                raise self._failure(error) from error
            self._synced, self._dirty = time.monotonic(), False

    def close(self) -> None:
        """Sync and close. Closing twice is fine."""
        if self._fd is not None:
            try:
                self.sync()
            finally:
                os.close(self._fd)
                self._fd = None

    def _failure(self, error: OSError) -> RunWriteError:
        return RunWriteError(error.errno, f"{str(self.path)!r} can't be written: {error.strerror or error}")


def drop_torn_line(path: Path) -> bool:
    """Cut off a last line that was not written whole; one that only lacks its newline is given it.

    Args:
        path: The file; nothing is done if there is none.

    Returns:
        Whether something was cut off.

    Raises:
        OSError: The file can't be changed.
    """
    if not path.exists():
        return False
    with path.open("rb+") as file:
        end = position = file.seek(0, os.SEEK_END)
        parts: list[bytes] = []
        while position and not (parts and b"\n" in parts[-1]):
            start = max(0, position - _BLOCK)
            file.seek(start)
            parts.append(file.read(position - start))
            position = start
        tail = b"".join(reversed(parts))
        last = tail[tail.rfind(b"\n") + 1 :]
        if not last:
            return False
        if is_whole(last):
            file.seek(end)
            file.write(b"\n")
            return False
        file.truncate(end - len(last))
        return True
