"""Some of many, fairly: every kind has its turn before any has its second one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import zip_longest
from typing import TypeVar

__all__ = ["interleave"]

T = TypeVar("T")
_NONE = object()


def interleave(items: Iterable[T], stratum: Callable[[T], Sequence[Hashable]], most: int | None = None) -> list[T]:
    """Reorder items so that the kinds of each level take turns: task types first, then branches within a type, and so on.

    Args:
        items: In an order that stays as it is within a kind, and decides which kind is first.
        stratum: The kind of an item, from the widest level to the narrowest; as many levels for every item.
        most: How many to give at most; all if None. More are those of fewer and some.
    """

    def ordered(group: list[T], level: int) -> list[T]:
        kinds: dict[Hashable, list[T]] = {}
        for item in group:
            kinds.setdefault(stratum(item)[level], []).append(item)
        if level + 1 < len(stratum(group[0])):
            kinds = {kind: ordered(members, level + 1) for kind, members in kinds.items()}
        return [item for turn in zip_longest(*kinds.values(), fillvalue=_NONE) for item in turn if item is not _NONE]  # type: ignore[misc]

    found = list(items)
    return ordered(found, 0)[:most] if found else []
