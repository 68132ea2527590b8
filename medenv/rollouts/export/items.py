"""What a dataset's rows will be, before any is written: which episodes, up to which turn, and which of many are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from medenv.rollouts.export.entries import Entry, rank
from medenv.rollouts.export.options import Options
from medenv.tasks.interleave import interleave

__all__ = ["Item", "subsample"]


@dataclass(frozen=True, slots=True)
class Item:
    """One row to be.

    Attributes:
        entries: The episodes it is made from; a pair's preferred one first.
        turn: Which reply it is about, from 0; None for the whole episode.
        values: What the plan knows and the episodes don't (a label, the share of passed continuations).
    """

    entries: tuple[Entry, ...]
    turn: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def stratum(self) -> tuple[Hashable, ...]:
        """Task type, branch and, where there is one, label."""
        return (*self.entries[0].stratum, self.values.get("label"))

    @property
    def name(self) -> tuple[object, ...]:
        """What tells it from all others."""
        return (*((one.run, one.position) for one in self.entries), self.turn)


def subsample(items: Iterable[Item], options: Options, left_out: Counter[str]) -> list[Item]:
    """Keep as many items as were asked for, chosen by the seed alone, and put them in the order of the runs.

    Args:
        items: All there could be.
        options: See `Options`: `per_task`, `balance`, `per_branch`, `limit`.
        left_out: Counts by reason those that are dropped.
    """
    kept = sorted(items, key=lambda item: rank(options.seed, item.name))

    def cap(of: Callable[[Item], Hashable], most: int, reason: str) -> None:
        nonlocal kept
        before, seen, within = len(kept), Counter[Hashable](), []
        for item in kept:
            seen[of(item)] += 1
            if seen[of(item)] <= most:
                within.append(item)
        kept = within
        if before > len(kept):
            left_out[reason] += before - len(kept)

    if options.per_task is not None:
        cap(
            lambda item: (item.entries[0].root, item.values.get("label")),
            options.per_task,
            f"more than {options.per_task} of a task",
        )
    if options.balance and kept:
        rarest = min(Counter(item.stratum for item in kept).values())
        cap(lambda item: item.stratum, rarest, "more than the rarest task type and branch has")
    if options.per_branch is not None:
        cap(lambda item: item.stratum, options.per_branch, f"more than {options.per_branch} of a task type and branch")
    if options.limit is not None and len(kept) > options.limit:
        left_out[f"more than {options.limit} in all"] += len(kept) - options.limit
        kept = interleave(kept, lambda item: item.stratum, options.limit)
    return sorted(
        kept, key=lambda item: (item.entries[0].run, item.entries[0].position, item.turn or 0, item.name[1:-1])
    )
