"""Java's hash tables, whose order shows in some of HAPI's answers: by bucket, within one in the order of insertion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["hash_order", "set_order", "string_hash"]

T = TypeVar("T")


def string_hash(text: str) -> int:
    """Return ``String.hashCode()``, as an unsigned number of 32 bits."""
    code = 0
    for unit in memoryview(text.encode("utf-16-le", "surrogatepass")).cast("H"):
        code = (code * 31 + unit) & 0xFFFFFFFF
    return code


def set_order(found: Sequence[T], hash_of: Callable[[T], int]) -> list[T]:
    """Return the members of a ``HashSet`` in its order.

    Args:
        found: The members as they were added, each once.
        hash_of: Gives a member's hash, as an unsigned number of 32 bits.
    """
    size = 16
    while len(found) > size * 3 // 4:
        size *= 2

    def bucket(one: T) -> int:
        code = hash_of(one)
        return (code ^ code >> 16) & (size - 1)

    return sorted(found, key=bucket)


def hash_order(names: Sequence[str]) -> list[str]:
    """Return names in the order in which HAPI's hash map gives them: by bucket, within one the last first."""
    return set_order(names[::-1], string_hash)
