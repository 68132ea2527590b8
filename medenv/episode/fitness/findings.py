"""What a look at a server found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Finding", "Fitness"]


@dataclass(frozen=True)
class Finding:
    """What one question about a server gave.

    Attributes:
        name: What was asked: ``answers``, ``version``, ``patients``, ``records``, ``results``, ``searches`` or ``writes``.
        fit: Whether it is as the split needs it.
        detail: In a few words, what is there.
        faults: What is missing or wrong, one by one.
    """

    name: str
    fit: bool
    detail: str
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fitness:
    """All that was found of a server.

    Attributes:
        url: The server's base URL.
        split: The split's name.
        version: The split's version.
        findings: In the order asked; what comes after a server that doesn't answer is missing.
    """

    url: str
    split: str
    version: int
    findings: tuple[Finding, ...]

    @property
    def fit(self) -> bool:
        """Whether episodes of the split can be played there."""
        return all(one.fit for one in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        said = {"url": self.url, "split": self.split, "split_version": self.version, "fit": self.fit}
        return {**said, "findings": [{**asdict(one), "faults": list(one.faults)} for one in self.findings]}
