"""Rows that stand elsewhere than they were stored, or are others than were stored."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence

__all__ = ["moved"]


def moved(stored: Sequence[str], found: Sequence[str]) -> Iterator[tuple[int | None, int | None]]:
    """Compare the checksums of a run's rows with those that were kept while it was played.

    Args:
        stored: As kept.
        found: As the rows have them now.

    Yields:
        Line number now and line number then, from 1, for each row out of its order; with None for then for a row that is not among
        those stored, and with None for now for a stored one that is gone.
    """
    places: dict[str, deque[int]] = defaultdict(deque)
    for place, checksum in enumerate(stored):
        places[checksum].append(place)
    then = [places[one].popleft() if places.get(one) else None for one in found]
    known = [(now, place) for now, place in enumerate(then) if place is not None]
    misplaced = [now for now, place in known if now != place]
    fewest = _out_of_order(known)
    # Two rows that were swapped are both named; what merely moved up behind a lost row is not.
    named = misplaced if len(misplaced) <= 2 * len(fewest) else fewest
    for now in named:
        yield now + 1, (then[now] or 0) + 1
    for now in range(min(len(found), len(stored))):
        if then[now] is None:
            yield now + 1, None
    kept = {place for _, place in known}
    changed = {now for now, place in enumerate(then) if place is None}
    for place in range(len(stored)):
        if place not in kept and place not in changed:
            yield None, place + 1


def _out_of_order(known: Sequence[tuple[int, int]]) -> list[int]:
    """Return the fewest rows to drop for order: all but a longest increasing subsequence of places."""
    tails: list[int] = []
    ends: list[int] = []
    before: list[int | None] = []
    for at, (_, place) in enumerate(known):
        length = bisect_left(tails, place)
        before.append(ends[length - 1] if length else None)
        if length == len(tails):
            tails.append(place)
            ends.append(at)
        else:
            tails[length], ends[length] = place, at
    kept: set[int] = set()
    at_end = ends[-1] if ends else None
    while at_end is not None:
        kept.add(at_end)
        at_end = before[at_end]
    return [now for at, (now, _) in enumerate(known) if at not in kept]
