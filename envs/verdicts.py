"""What `info` holds, the verdict among it: one structure from the first step to the last, so that collectors can stack it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, SupportsIndex, TypedDict

__all__ = ["PARTS", "Checks", "EpisodeInfo", "PartialInfo", "VerdictInfo", "verdict_info"]

PARTS = ("evidence", "answer", "orders")
"""What `Verdict.partial` may tell of."""
_UNSAID = -1.0
"""The share of a part that the grader doesn't tell of; shares are from 0 to 1."""


class PartialInfo(TypedDict):
    """What share of each part of a task was right, from 0 to 1; -1.0 for what the grader doesn't tell."""

    evidence: float
    answer: float
    orders: float


class VerdictInfo(TypedDict):
    """A verdict within `info`.

    Attributes:
        score: The grader's; 0.0 while the episode is running.
        grader: Its name; ``""`` while the episode is running.
        grader_version: Its version; 0 while the episode is running.
        branch: What the chart demanded; ``""`` if it isn't told.
        category: The first cause of a failure; ``""`` for none.
        partial: The parts of the task.
        checks: Mappings with ``name``, ``passed``, ``expected`` and ``found``; none while the episode is running.
    """

    score: float
    grader: str
    grader_version: int
    branch: str
    category: str
    partial: PartialInfo
    checks: Checks


class EpisodeInfo(TypedDict):
    """What `MedAgentBenchEnv` gives as `info`, at `reset` and at every step.

    Attributes:
        task_id: The task.
        task_type: Its type, 1 to 10.
        split: Where it comes from.
        status: How the episode stands, one of `medenv.trajectories.Status`.
        response_status: HTTP status of the last answer; 0 if nothing was sent.
        error: What was wrong with the action; ``""`` for nothing.
        verdict: The grader's verdict.
    """

    task_id: str
    task_type: int
    split: str
    status: str
    response_status: int
    error: str
    verdict: VerdictInfo


class Checks(str):
    """The checks of a verdict, a sequence of mappings that is stored as JSON text.

    Episodes have any number of checks, and before the end there are none. Of values without a fixed size HDF5, and with it Minari, stores
    text alone, and jax's trees take a list apart; so this is text to both, and to who asks for its items a sequence.

    Args:
        checks: What `Verdict.to_dict` has under ``checks``.
    """

    __slots__ = ("_items",)

    _items: tuple[dict[str, Any], ...]

    def __new__(cls, checks: Iterable[Mapping[str, Any]] = ()) -> Checks:
        """Write the checks down."""
        items = tuple(dict(one) for one in checks)
        made = super().__new__(cls, json.dumps(items))
        made._items = items
        return made

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        return self._items[index]

    def __contains__(self, item: object) -> bool:
        return item in self._items

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Checks):
            return self._items == other._items
        if isinstance(other, (list, tuple)):
            return self._items == tuple(other)
        return str.__eq__(self, other) if isinstance(other, str) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        return Checks, (list(self._items),)

    def __repr__(self) -> str:
        return repr(list(self._items))


def verdict_info(verdict: Mapping[str, Any] | None) -> VerdictInfo:
    """Return a verdict with the same names and types for every episode.

    Args:
        verdict: What `Verdict.to_dict` gave; None while the episode is running.

    Returns:
        ``score`` (0.0 while it is running), ``grader`` (``""`` while it is running), ``grader_version``, ``branch`` and ``category``
        (``""`` for none), ``partial`` with a share for each of `PARTS` (-1.0 where the grader doesn't tell), and ``checks`` (see `Checks`).
    """
    if verdict is None:
        return {**_RUNNING, "partial": {**_UNTOLD}}
    found, told = verdict, verdict.get("partial") or {}
    return {
        "score": float(found.get("score", 0.0)),
        "grader": str(found.get("grader", "")),
        "grader_version": int(found.get("grader_version", 0)),
        "branch": str(found.get("branch") or ""),
        "category": str(found.get("category") or ""),
        "partial": PartialInfo(
            evidence=float(told.get("evidence", _UNSAID)),
            answer=float(told.get("answer", _UNSAID)),
            orders=float(told.get("orders", _UNSAID)),
        ),
        "checks": Checks(found.get("checks", ())),
    }


_UNTOLD = PartialInfo(evidence=_UNSAID, answer=_UNSAID, orders=_UNSAID)
_RUNNING = verdict_info({})
"""While the episode is running."""
