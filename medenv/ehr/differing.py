"""Where two stores of charts differ, in words: what the one lacks, has otherwise, or has besides."""

from __future__ import annotations

from collections.abc import Iterator

from medenv.fhir.store import Store

__all__ = ["difference"]


def difference(wanted: Store, found: Store) -> str:
    """Return in what one store differs from another: the first resource in load order that shows it, and how many there are.

    Args:
        wanted: What should be there.
        found: What is.

    Returns:
        E.g. ``it lacks Patient/S1 and 2 other Patients``; empty if both hold the same in the same order.
    """
    for type_ in wanted.counts:
        lacking = [name for name in _names(wanted, type_) if found.find(type_, name) is None]
        if lacking:
            others = f" and {len(lacking) - 1:,} other {type_}s" if len(lacking) > 1 else ""
            return f"it lacks {type_}/{lacking[0]}{others}"
    for type_ in found.counts:
        besides = [name for name in _names(found, type_) if wanted.find(type_, name) is None]
        if besides:
            others = f" and {len(besides) - 1:,} other {type_}s" if len(besides) > 1 else ""
            return f"it holds {type_}/{besides[0]}{others} besides"
    for one, other in zip(wanted.in_order(), found.in_order(), strict=True):
        if (one.type, one.id) != (other.type, other.id):
            return f"it has {other.type}/{other.id} where {one.type}/{one.id} stands in load order"
        if one.content() != other.content():
            return f"it says otherwise what {one.type}/{one.id} holds"
    return ""


def _names(store: Store, type_: str) -> Iterator[str]:
    return (one.id for one in store.in_order(store.numbers_of(type_)))
