"""The folder of a run: ``trajectories.jsonl``, one finished episode a line, ``manifest.json`` and ``summary.json``.

Lines are appended whole; a line torn by a crash is dropped when the folder is opened again, and its episode played anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from medenv.errors import MedenvError
from medenv.rollouts.store.errors import RunFolderError
from medenv.rollouts.store.files import write_json
from medenv.rollouts.store.ledger import Ledger
from medenv.rollouts.store.lock import WriterLock
from medenv.rollouts.store.log import AppendLog, drop_torn_line
from medenv.rollouts.store.manifest import Manifest
from medenv.rollouts.store.repair import set_aside
from medenv.trajectories import TRAJECTORIES, Trajectory, numbered, read_run, seal

__all__ = ["RunFolder"]

SUPERSEDED = "superseded.jsonl"
"""Where infrastructure errors go that are played again."""


class RunFolder:
    """A run's files, open for writing by this process alone.

    Args:
        path: The folder; made if need be.
        settings: What produces the run (agent, split, grader, ...); a run is only gone on with under the same ones.
        resume: Whether to go on with a run that is already there.
        options: What else was asked for, kept in the manifest; None leaves what a resumed run has.

    Raises:
        RunFolderError: The folder holds a run and `resume` is off, it was made with other settings, another process writes it, or
            it can't be written.
        RunWriteError: The disk is full.
    """

    TRAJECTORIES = TRAJECTORIES
    SUMMARY = "summary.json"

    def __init__(
        self,
        path: str | Path,
        settings: Mapping[str, Any],
        *,
        resume: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = Path(path)
        self.trajectories = self.path / self.TRAJECTORIES
        self.summary = self.path / self.SUMMARY
        self._log: AppendLog | None = None
        self._ledger: Ledger | None = None
        try:
            if not resume:
                self._refuse_what_is_there()  # so that nothing of ours is left in it, which is asked again under the lock
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = WriterLock(self.path)
            try:
                self.manifest = self._manifest(settings, resume, options)
                drop_torn_line(self.trajectories)
                self.manifest.write(self.path)
                self._log, self._ledger = AppendLog(self.trajectories), Ledger(self.path)
            except BaseException:
                self._lock.release()
                raise
        except MedenvError:
            raise
        except OSError as error:
            raise RunFolderError(f"{str(self.path)!r} can't be written: {error.strerror or error}") from error

    @property
    def settings(self) -> dict[str, Any]:
        """What the episodes depend on."""
        return self.manifest.settings

    @property
    def _begun(self) -> bool:
        return self.trajectories.exists() and self.trajectories.stat().st_size > 0

    def _refuse_what_is_there(self) -> None:
        """Refuse a folder with another run, or with a file of the user's in the place of one of ours."""
        if self._begun:
            raise RunFolderError(
                f"{str(self.path)!r} already holds a run; go on with it (--resume {self.path}) or give another folder"
            )
        try:
            Manifest.read(self.path)
        except RunFolderError:
            raise RunFolderError(
                f"{str(self.path)!r} holds a {Manifest.NAME} that is no run's; give another folder"
            ) from None

    def _manifest(self, settings: Mapping[str, Any], resume: bool, options: Mapping[str, Any] | None) -> Manifest:
        if not resume:
            self._refuse_what_is_there()
        if not self._begun:
            return Manifest(dict(settings), dict(options or {}))
        manifest = Manifest.read(self.path)
        if manifest is None:
            raise RunFolderError(
                f"{str(self.path)!r} holds episodes but no {Manifest.NAME}, so what made them isn't known; "
                "restore it, or give another folder"
            )
        manifest.go_on(self.path, settings, options)
        return manifest

    def append(self, trajectory: Trajectory) -> None:
        """Add one finished episode; it outlives the process when this returns, and the machine some seconds later.

        Raises:
            RunFolderError: The folder is closed.
            RunWriteError: The disk is full or fails; earlier rows are kept.
        """
        if self._log is None or self._ledger is None:
            raise RunFolderError(f"the run folder {str(self.path)!r} is closed")
        line = seal(trajectory.to_json())
        self._log.append(line)
        self._ledger.append(line)

    def read(self) -> Iterator[Trajectory]:
        """Iterate over the stored episodes in the order they were finished.

        Raises:
            RunFolderError: A row is no trajectory; the message names the line.
        """
        return read_run(self.trajectories)

    def numbered(self) -> Iterator[tuple[int, Trajectory]]:
        """As `read`, with the number of each line."""
        return numbered(self.trajectories)

    def supersede(self, numbers: Collection[int]) -> None:
        """Move rows that are to be played again to ``superseded.jsonl``.

        Args:
            numbers: Of their lines, from 1.

        Raises:
            RunWriteError: The disk is full or fails; the run is as it was.
        """
        if self._log is None or self._ledger is None:
            raise RunFolderError(f"the run folder {str(self.path)!r} is closed")
        self._log.close()
        self._ledger.close()
        try:
            set_aside(self.trajectories, numbers, self.path / SUPERSEDED)
        finally:
            self._log, self._ledger = AppendLog(self.trajectories), Ledger(self.path)

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Write ``summary.json`` in one go, so that a reader never sees half of it.

        Raises:
            RunWriteError: The disk is full or fails.
        """
        write_json(self.summary, summary)

    def close(self) -> None:
        """Bring everything to the disk and let others write. Closing twice is fine."""
        try:
            for one in (self._log, self._ledger):
                if one is not None:
                    one.close()
        finally:
            self._log = self._ledger = None
            self._lock.release()

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
