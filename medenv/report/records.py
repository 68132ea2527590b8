"""A run read once, for reports: its scores, what it cost, who played, on which patients, and under which conditions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from medenv.grading import Grader
from medenv.report.conditions import Conditions
from medenv.report.metrics import Summary
from medenv.rollouts import Manifest, cost_of
from medenv.rollouts.export.provenance import player
from medenv.rollouts.regrading import judged_rows
from medenv.rollouts.timing import minutes_of
from medenv.trajectories import Trajectory

__all__ = ["RunRecord", "distinct_names", "read_records"]


@dataclass
class RunRecord:
    """What a report or a comparison needs of one run; nothing of its conversations.

    Attributes:
        path: Its folder or file.
        name: Who played, made distinct among the runs of a report.
        summary: Its scores.
        conditions: What it was played under.
        patients: By task id the patient, by their medical record number; the task's own id where it is about nobody on file.
        cost: US dollars of the episodes that tell.
        priced: How many episodes tell what they cost.
        minutes: How long playing took; None if it isn't known.
    """

    path: Path
    name: str = ""
    summary: Summary = field(default_factory=Summary)
    conditions: Conditions = field(default_factory=Conditions)
    patients: dict[str, str] = field(default_factory=dict)
    cost: float = 0.0
    priced: int = 0
    minutes: float | None = None

    def add(self, one: Trajectory) -> None:
        """Count an episode in."""
        self.summary.add(one)
        self.conditions.add(one)
        self.name = self.name or player(one.provenance)
        self.patients[one.task.id] = one.task.mrn or one.task.id
        cost = cost_of(one)
        if cost is not None:
            self.cost += cost
            self.priced += 1

    @property
    def tokens(self) -> float | None:
        """Tokens of prompts and replies together, as far as the provider counted; None if it told nothing."""
        usage = self.summary.usage
        parts = [usage[name] for name in ("prompt_tokens", "completion_tokens") if name in usage]
        return sum(parts) if parts else usage.get("total_tokens")


def read_records(paths: Iterable[Path], grader: Grader | None = None) -> list[RunRecord]:
    """Read runs, an episode at a time.

    Args:
        paths: Their folders, or their files.
        grader: Judges all episodes anew; the stored verdicts count if left out.

    Raises:
        RunFolderError: A run can't be read.
        UngradableError: The grader can't judge an episode; the message names file and line.
    """
    records = []
    for path in paths:
        record = RunRecord(path)
        for row in judged_rows(path, grader):
            record.add(row.trajectory)
        if not record.name:
            manifest = Manifest.read(path) if path.is_dir() else None
            record.name = player(manifest.settings if manifest is not None else {})
        record.minutes = minutes_of(path)
        records.append(record)
    for record, name in zip(records, distinct_names([(one.name, one.path) for one in records]), strict=True):
        record.name = name
    return records


def distinct_names(runs: Iterable[tuple[str, Path]], taken: Iterable[str] = ()) -> list[str]:
    """Names under which runs stand on a board: the player's, with the run's folder where several are of one player.

    Args:
        runs: Player and path of each.
        taken: Names that others on the board have.
    """
    found = list(runs)
    names = [name for name, _ in found]
    given: list[str] = []
    for name, path in found:
        if names.count(name) > 1 or name in set(taken):
            place = path if path.is_dir() or not path.suffix else path.parent
            name = f"{name} ({place.name or place})"
        base, number = name, 1
        while name in given or name in set(taken):
            number += 1
            name = f"{base} {number}"
        given.append(name)
    return given
