"""What a verification found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Finding", "Verification"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that doesn't hold.

    Attributes:
        file: The file it stands in.
        line: The line, from 1; None if it is about the file.
        task: The task's id, if it is known.
        what: ``row``, ``checksum``, ``attempt``, ``settings``, ``task``, ``verdict``, ``replay``, ``order`` or ``count``.
        message: What is wrong.
    """

    file: str
    line: int | None
    task: str | None
    what: str
    message: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"{where}: {f'task {self.task}: ' if self.task else ''}{self.message}"


@dataclass
class Verification:
    """The outcome for one run.

    Attributes:
        file: The run's rows.
        fingerprint: See `medenv.rollouts.fingerprint`.
        settings: What the run says it was made with.
        rows: Whole rows.
        replayed: How many of them were played again and came out the same.
        scored: Rows with a verdict.
        passed: Those among them that scored 1.
        infrastructure: Rows that ended in an infrastructure error; nobody can check that it was one.
        order: Whether the order of the rows could be compared with the one in which they were stored.
        findings: What doesn't hold.
        unplayed: Why rows could not be played again, with the numbers of their lines.
    """

    file: str
    fingerprint: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    rows: int = 0
    replayed: int = 0
    scored: int = 0
    passed: int = 0
    infrastructure: int = 0
    order: bool = False
    findings: list[Finding] = field(default_factory=list)
    unplayed: dict[str, list[int]] = field(default_factory=dict)

    @property
    def verified(self) -> bool:
        """Whether every row was played and graded again and came out as it is stored."""
        return not self.findings and not self.unplayed

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {"verified": self.verified, **asdict(self)}
