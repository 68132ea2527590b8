"""The folder of a run: ``trajectories.jsonl``, one finished episode a line, and ``summary.json``.

Lines are appended whole; a line torn by a crash is dropped when the folder is opened again, and its episode played anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import orjson

from medenv.protocol.stored import TRAJECTORIES, read_trajectories
from medenv.protocol.trajectory import Trajectory, TrajectoryError

__all__ = ["RunFolder", "RunFolderError"]


class RunFolderError(ValueError):
    """The folder can't be used for this run; the message says why and what to do."""


class RunFolder:
    """A run's files.

    Args:
        path: The folder; made if need be.
        settings: What produces the run (agent, split, grader, ...); a run is only gone on with under the same ones.
        resume: Whether to go on with a run that is already there.

    Raises:
        RunFolderError: The folder holds a run and `resume` is off, it was made with other settings, or it can't be written.
    """

    TRAJECTORIES = TRAJECTORIES
    SUMMARY = "summary.json"

    def __init__(self, path: str | Path, settings: Mapping[str, Any], *, resume: bool = False) -> None:
        self.path = Path(path)
        self.settings = dict(settings)
        self.trajectories = self.path / self.TRAJECTORIES
        self.summary = self.path / self.SUMMARY
        if self.trajectories.exists() and self.trajectories.stat().st_size and not resume:
            raise RunFolderError(
                f"{str(self.path)!r} already holds a run; go on with it (--resume) or give another folder"
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if resume:
                self._same_settings()
                self._repair()
            self.write_summary(self.settings)
            self._file: IO[bytes] | None = self.trajectories.open("ab")
        except OSError as error:
            raise RunFolderError(f"{str(self.path)!r} can't be written: {error.strerror or error}") from error

    def _same_settings(self) -> None:
        if not self.summary.exists():
            return
        try:
            before = orjson.loads(self.summary.read_bytes())
        except orjson.JSONDecodeError as error:
            raise RunFolderError(f"{self.summary} is not JSON ({error}); move it away to go on") from None
        for name, value in orjson.loads(orjson.dumps(self.settings)).items():
            if name in before and before[name] != value:
                raise RunFolderError(
                    f"the run in {str(self.path)!r} was made with {name} {before[name]!r}, not {value!r}; give another folder"
                )

    def _repair(self) -> None:
        """Cut off a last line that was not written whole."""
        if not self.trajectories.exists():
            return
        with self.trajectories.open("rb+") as file:
            end = file.seek(0, os.SEEK_END)
            position, tail = end, b""
            while position and b"\n" not in tail:
                position = max(0, position - 65536)
                file.seek(position)
                tail = file.read(end - position)
            whole = position + tail.rfind(b"\n") + 1
            if whole != end:
                file.truncate(whole)

    def append(self, trajectory: Trajectory) -> None:
        """Add one finished episode; it is on disk when this returns, as far as the system is concerned.

        Raises:
            RunFolderError: The disk is full or the file can't be written; earlier rows are kept.
        """
        if self._file is None:
            raise RunFolderError(f"the run folder {str(self.path)!r} is closed")
        try:
            self._file.write(trajectory.to_json() + b"\n")
            self._file.flush()
        except OSError as error:
            raise RunFolderError(f"{str(self.trajectories)!r} can't be written: {error.strerror or error}") from error

    def read(self) -> Iterator[Trajectory]:
        """The stored episodes in the order they were finished.

        Raises:
            RunFolderError: A row is no trajectory; the message names the line.
        """
        return read_run(self.trajectories)

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Write ``summary.json`` in one go, so that a reader never sees half of it."""
        partial = self.summary.with_suffix(".partial")
        partial.write_bytes(orjson.dumps(summary, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS) + b"\n")
        os.replace(partial, self.summary)

    def close(self) -> None:
        """Close the file. Closing twice is fine."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_run(path: str | Path) -> Iterator[Trajectory]:
    """The episodes of a stored run in the order they were finished.

    Args:
        path: The run's folder, or its ``trajectories.jsonl``.

    Raises:
        RunFolderError: There is no run, or a row is no trajectory; the message names the line.
    """
    try:
        yield from read_trajectories(path)
    except TrajectoryError as error:
        raise RunFolderError(str(error)) from error
