"""The evidence an answer or order needs: that the episode's own GETs had shown what it rests on, before it was given.

Nothing is asked where the instruction holds everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from medenv.grading.strict.coverage import nobody, nothing
from medenv.grading.strict.looks import Looks
from medenv.tasks import Task
from medenv.tasks.chart import DAY, instant, readings

__all__ = ["Evidence", "gather"]

WINDOWED = frozenset({4, 5, 6})
"""Task types that look at the past 24 hours only."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was needed and what was shown.

    Attributes:
        given: Whether the evidence is there.
        needed: What it consists of, as short text.
        shown: What was shown of it.
        share: The part of it that was shown, 0 to 1.
    """

    given: bool
    needed: str
    shown: str
    share: float


def gather(task: Task, facts: Sequence[Mapping[str, Any]], looks: Looks, before: int) -> Evidence:
    """The evidence for a task before a turn.

    Args:
        task: The task.
        facts: The resources that decide it, as the chart held them.
        looks: What the episode's GETs returned.
        before: Index of the turn in which the first order or the answer was given.
    """
    if task.type in (1, 2, 3, 8):
        return _patient(task, looks, before)
    since = instant(task.now) - DAY if task.type in WINDOWED else None
    needed = _deciding(task, facts, since)
    if not needed:
        # A newer value than the window's would be shown by one that is the newest of all, yet older.
        stale = _newest(facts, None)
        shown = nothing(looks, task, since, before) or (
            since is not None
            and bool(stale)
            and _sorted_newest(looks, before)
            and looks.returned("Observation", stale, before)
        )
        return Evidence(
            shown, "a search that would have shown a value, seen to its end", "" if shown else "none", float(shown)
        )
    have = [id_ for id_ in needed if looks.returned("Observation", [id_], before)]
    missing = [id_ for id_ in needed if id_ not in have]
    return Evidence(
        not missing,
        f"{len(needed)} Observation(s): {', '.join(needed[:5])}",
        "all" if not missing else f"not shown: {', '.join(missing[:5])}",
        len(have) / len(needed),
    )


def _patient(task: Task, looks: Looks, before: int) -> Evidence:
    """Who the patient is: nothing to look up where the instruction gives the MRN and asks for no more."""
    if task.type in (3, 8) and task.mrn and task.mrn in task.instruction:
        return Evidence(True, "none, the instruction holds everything", "", 1.0)
    if task.mrn is None or (task.type == 1 and task.mrn not in task.params.get("sol", [task.mrn])):
        shown = nobody(looks, task, before)
        return Evidence(
            shown, "a search that would have found the patient, seen to its end", "" if shown else "none", float(shown)
        )
    shown = looks.returned("Patient", [task.mrn], before)
    return Evidence(shown, f"Patient/{task.mrn}", "shown" if shown else "not shown", float(shown))


def _deciding(task: Task, facts: Sequence[Mapping[str, Any]], since: datetime | None) -> list[str]:
    """Ids of the Observations that the answer is computed from."""
    if task.type == 6:
        return [str(fact["id"]) for fact in facts for one in readings([fact]) if since is None or one.at >= since]
    return _newest(facts, since)


def _newest(facts: Sequence[Mapping[str, Any]], since: datetime | None) -> list[str]:
    """The id of the newest value, of equal times the first listed."""
    best: tuple[datetime, str] | None = None
    for fact in facts:
        for one in readings([fact]):
            if (since is None or one.at >= since) and (best is None or one.at > best[0]):
                best = one.at, str(fact["id"])
    return [best[1]] if best else []


def _sorted_newest(looks: Looks, before: int) -> bool:
    """Whether a search sorted by date, newest first, was made: its first value shows that none is newer."""
    return any(
        ("_sort", "-date") in look.params and any(span[0] == 0 and span[3] < before for span in look.spans)
        for look in looks.all
    )
