"""What scores must share to stand on one board: split, grader, protocol, interface and charts; and what else they were made under."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from medenv.errors import InputError
from medenv.fhir.store.fingerprint import other_rule
from medenv.tasks.taskset import FIRST, versioned
from medenv.trajectories import Trajectory

__all__ = ["WORDS", "BoardError", "Conditions", "check_common"]

WORDS = "words"
"""The interface of an agent that reads the texts and writes them itself."""

_CHANGE = {
    "split": ("splits", "take runs of one split"),
    "grader": ("graders", "choose one with --grader"),
    "protocol": ("protocols", "take runs of one protocol"),
    "interface": ("interfaces", "take runs of agents that read and write alike, by words or by a structured skin"),
    "charts": ("charts", "take runs on the same data"),
}
"""By what must be shared, its plural and what to do."""


class BoardError(InputError):
    """Scores don't compare, so that no common board is made of them; the message says why and what to do."""


@dataclass
class Conditions:
    """Under what the episodes of a run were played and judged; sets, since a merged run may hold several of each.

    Attributes:
        split: Splits with their versions.
        grader: Graders with their versions.
        protocol: ``text``, ``tools``, ``official``.
        interface: How agents see and act: `WORDS`, or the structured tier that numbers and acts come through.
        charts: Fingerprints of the charts; none of an episode that did not come so far.
        prompt: Hashes of the instructions.
        observation: Styles of the observations.
        max_turns: Turn limits.
        tolerances: What was tolerated in the form of replies.
        medenv: Versions of medenv.
    """

    split: set[str] = field(default_factory=set)
    grader: set[str] = field(default_factory=set)
    protocol: set[str] = field(default_factory=set)
    interface: set[str] = field(default_factory=set)
    charts: set[str] = field(default_factory=set)
    prompt: set[str] = field(default_factory=set)
    observation: set[str] = field(default_factory=set)
    max_turns: set[str] = field(default_factory=set)
    tolerances: set[str] = field(default_factory=set)
    medenv: set[str] = field(default_factory=set)

    BINDING = ("split", "grader", "protocol", "interface", "charts")
    """What must be the same."""
    TOLD = ("prompt", "observation", "max_turns", "tolerances", "medenv")
    """What may differ, and is told."""

    def add(self, one: Trajectory) -> None:
        """Take an episode's in."""
        origin, verdict = one.provenance, one.verdict
        self.split.add(versioned(one.task.split, origin.get("split_version", FIRST)))
        self.protocol.add(one.protocol)
        agent = origin.get("agent")
        self.interface.add(str(agent.get("interface", WORDS)) if isinstance(agent, Mapping) else WORDS)
        if verdict is not None:
            self.grader.add(versioned(str(verdict.get("grader")), verdict.get("grader_version", FIRST)))
        if origin.get("data") is not None:
            self.charts.add(str(origin["data"]))
        self.prompt.add(str(origin.get("prompt")))
        self.observation.add(one.observation)
        self.max_turns.add(str(one.max_turns))
        self.tolerances.add(", ".join(one.tolerances) or "none")
        self.medenv.add(str(origin.get("medenv")))

    def update(self, other: Conditions) -> None:
        """Take another run's in."""
        for name in (*self.BINDING, *self.TOLD):
            getattr(self, name).update(getattr(other, name))

    def to_dict(self) -> dict[str, Any]:
        """JSON values: a list by name, sorted."""
        return {name: sorted(getattr(self, name)) for name in (*self.BINDING, *self.TOLD)}


def check_common(runs: Sequence[tuple[str, Conditions]], published: Conditions | None = None) -> list[str]:
    """See that runs may stand on one board.

    Args:
        runs: Their names and conditions.
        published: What tables of others say of theirs, which may be little.

    Returns:
        Remarks on what differs and may, whole sentences.

    Raises:
        BoardError: They were played on different splits, versions of one, charts or protocols, or judged by different graders.
    """
    for name in Conditions.BINDING:
        others = [("published tables", getattr(published, name))] if published is not None else []
        _check_one(name, [*((run, getattr(found, name)) for run, found in runs), *others])
    remarks = []
    for name in Conditions.TOLD:
        if len({value for _, found in runs for value in getattr(found, name)}) > 1:
            said = "; ".join(f"{run}: {', '.join(sorted(getattr(found, name)))}" for run, found in runs)
            remarks.append(f"The runs differ in {name} ({said}).")
    return remarks


def _check_one(name: str, found: Iterable[tuple[str, set[str]]]) -> None:
    values: dict[str, str] = {}
    for run, there in found:
        for value in sorted(there):
            values.setdefault(value, run)
    if len(values) > 1:
        said = ", ".join(f"{value} in {run!r}" for value, run in sorted(values.items()))
        several, advice = _CHANGE[name]
        said += next((why for one in values for other in values if (why := other_rule(one, other))), "")
        raise BoardError(f"scores of different {several} don't compare ({said}); {advice}")
