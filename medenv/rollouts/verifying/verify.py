"""Goes through a run and checks all that can be checked without its agent.

A checksum can be made anew by whoever alters a row, so nothing rests on checksums alone: replies are played again on a fresh chart, every
answer of the server and the end are compared, and the grader judges anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import orjson

from medenv.rollouts.fingerprint import Fingerprint
from medenv.rollouts.rebuilding import PLACES
from medenv.rollouts.store import Key, Manifest, RunFolderError, key_of
from medenv.rollouts.store.ledger import LEDGER, read_ledger
from medenv.rollouts.verifying.findings import Finding, Verification
from medenv.rollouts.verifying.order import moved
from medenv.rollouts.verifying.rows import Benchmarks, regrade, replayed, settings_kept, task_kept
from medenv.tasks import TaskSet
from medenv.trajectories import (
    Status,
    Trajectory,
    TrajectoryError,
    UnknownSchemaError,
    checksum_of,
    file_of,
    is_whole,
    numbered_lines,
    parse,
    unsealed,
)

__all__ = ["verify"]

_SUMMARY = "summary.json"
_NAMED = 5
"""Tasks that are named where many are missing."""


def verify(
    path: str | Path,
    places: Mapping[str, str | Path | None] | None = None,
    tell: Callable[[int], object] = lambda done: None,
) -> Verification:
    """Play and grade a stored run again.

    Args:
        path: The run's folder, or its ``trajectories.jsonl``.
        places: Where ``official`` rows and ``charts`` lie on this machine, if elsewhere than where the run was made.
        tell: Called with how many rows were checked, now and then.

    Returns:
        What doesn't hold, and the run's fingerprint.

    Raises:
        RunFolderError: There is no run, or it was written by another version's schema.
    """
    file = file_of(path)
    manifest = Manifest.read(file.parent)
    if manifest is not None:
        known = {name: str(place) for name, place in (places or {}).items() if name in PLACES and place is not None}
        manifest = replace(manifest, options={**manifest.options, **known})
    checking = _Checking(file, manifest)
    try:
        for number, line in numbered_lines(file):
            checking.line(number, line)
            if number % 20 == 0:
                tell(number)
        tell(checking.found.rows)
        return checking.finish()
    finally:
        checking.benchmarks.close()


class _Checking:
    def __init__(self, file: Path, manifest: Manifest | None) -> None:
        self.file, self.manifest = file, manifest
        self.settings = manifest.settings if manifest is not None else {}
        self.benchmarks = Benchmarks(manifest)
        self.found = Verification(str(file), settings=self.settings)
        self._fingerprint = Fingerprint(self.settings)
        self._checksums: list[str] = []
        self._tasks: list[str | None] = []
        self._attempts: dict[Key, int] = {}
        self._split: TaskSet | None = None

    def line(self, number: int, line: bytes) -> None:
        """Check a line."""
        if not line.endswith(b"\n") and not is_whole(line):
            return  # never finished, and so no episode
        self._fingerprint.add(line)
        self._checksums.append(checksum_of(line))
        trajectory = self._parsed(number, line)
        self._tasks.append(trajectory.task.id if trajectory is not None else None)
        if trajectory is None:
            return
        self._count(number, trajectory)
        for message in settings_kept(trajectory, self.settings):
            self._find(number, trajectory, "settings", message)
        for message in regrade(trajectory):
            self._find(number, trajectory, "verdict", message)
        benchmark = self.benchmarks.of(trajectory)
        if isinstance(benchmark, str):
            self.found.unplayed.setdefault(benchmark, []).append(number)
            return
        self._split = benchmark.tasks
        wrong = [("task", one) for one in task_kept(trajectory, benchmark)]
        wrong += [("replay", one) for one in replayed(trajectory, benchmark)]
        for what, message in wrong:
            self._find(number, trajectory, what, message)
        self.found.replayed += not wrong

    def _parsed(self, number: int, line: bytes) -> Trajectory | None:
        try:
            return parse(line)
        except UnknownSchemaError as error:
            raise RunFolderError(f"{self.file}, line {number}: {error}") from error
        except TrajectoryError as error:
            altered = error
        try:
            trajectory = Trajectory.from_json(unsealed(line))
        except TrajectoryError:
            self.found.findings.append(Finding(str(self.file), number, None, "row", str(altered)))
            return None
        self._find(number, trajectory, "checksum", str(altered))
        return trajectory

    def _count(self, number: int, trajectory: Trajectory) -> None:
        self.found.rows += 1
        self.found.infrastructure += trajectory.status is Status.INFRASTRUCTURE_ERROR
        if trajectory.verdict is not None:
            self.found.scored += 1
            self.found.passed += trajectory.verdict.get("score") == 1.0
        key = key_of(trajectory)
        first = self._attempts.setdefault(key, number)
        if first != number:
            self._find(
                number, trajectory, "attempt", f"sample {key[1]} with seed {key[2]} already stands in line {first}"
            )

    def _find(self, number: int, trajectory: Trajectory, what: str, message: str) -> None:
        self.found.findings.append(Finding(str(self.file), number, trajectory.task.id, what, message))

    def finish(self) -> Verification:
        """Check what is about the run as a whole."""
        self._order()
        self._counts()
        self._summary()
        self.found.fingerprint = str(self._fingerprint)
        return self.found

    def _order(self) -> None:
        stored = read_ledger(self.file.parent)
        self.found.order = stored is not None
        for now, then in moved(stored, self._checksums) if stored is not None else ():
            if now is None:
                message = f"the row that was stored as line {then} is not in the run any more"
                self.found.findings.append(Finding(str(self.file), None, None, "order", message))
                continue
            message = (
                f"this row was stored as line {then}"
                if then is not None
                else "this is not the row that was stored here"
            )
            said = f"{message}, as {LEDGER} has it"
            self.found.findings.append(Finding(str(self.file), now, self._tasks[now - 1], "order", said))

    def _counts(self) -> None:
        options = self.manifest.options if self.manifest is not None else {}
        planned, samples = options.get("episodes"), self.settings.get("samples")
        if isinstance(planned, int) and len(self._attempts) != planned:
            message = f"the run holds {len(self._attempts)} of the {planned} episodes that its manifest speaks of"
            self.found.findings.append(Finding(str(self.file), None, None, "count", message))
        if not isinstance(samples, int) or {"forks", "sources"} & set(self.settings):
            return
        played = Counter(task for task, _, _ in self._attempts)
        split = self._split
        if split is not None and not split.endless and split.fingerprint == self.settings.get("tasks"):
            lacking = [one.id for one in split if played[one.id] < samples]
            if lacking:
                said = ", ".join(lacking[:_NAMED]) + (", ..." if len(lacking) > _NAMED else "")
                message = f"of the whole split {split.name!r}, {len(lacking)} task(s) were not played {samples} time(s): {said}"
                self.found.findings.append(Finding(str(self.file), None, None, "count", message))
        for task in [one for one, count in played.items() if count > samples]:
            message = f"it stands {played[task]} times, and the manifest speaks of {samples} sample(s) a task"
            self.found.findings.append(Finding(str(self.file), None, task, "count", message))

    def _summary(self) -> None:
        path = self.file.parent / _SUMMARY
        try:
            total = orjson.loads(path.read_bytes())["total"]
            said = {name: total[name] for name in ("episodes", "scored", "passed")}
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError) as error:
            self.found.findings.append(Finding(str(path), None, None, "count", f"this is no run's summary: {error!r}"))
            return
        now = {"episodes": self.found.rows, "scored": self.found.scored, "passed": self.found.passed}
        for name in [one for one in now if said[one] != now[one]]:
            message = f"it says {name} {said[name]}, and the rows say {now[name]}"
            self.found.findings.append(Finding(str(path), None, None, "count", message))
