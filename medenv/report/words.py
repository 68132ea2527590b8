"""What a comparison says, in sentences for readers who know patients and not statistics."""

from __future__ import annotations

from collections.abc import Mapping

from medenv.report.comparing import Comparison, holm
from medenv.tasks import TYPES

__all__ = ["SIGNIFICANT", "in_words", "points", "types_in_words"]

SIGNIFICANT = 0.05
"""Below this a p-value is taken for more than chance."""


def points(share: float) -> str:
    """Format a difference of shares in percentage points, signed, with one decimal."""
    return f"{100 * share:+.1f}".replace("-", "−")


def in_words(found: Comparison, first: str, second: str) -> list[str]:
    """Describe the comparison over all tasks in sentences.

    Args:
        found: Second against first.
        first: What the first run is called.
        second: What the second is called.
    """
    low, high = found.interval
    said = [
        f"On the {_count(found.tasks, 'task')} that both played, {second} solved {100 * found.second:.1f} % and {first} "
        f"{100 * found.first:.1f} %: {points(found.difference)} points (95 % interval {points(low)} to {points(high)}).",
        f"{second} did better on {_count(found.gained, 'task')} and worse on {found.lost}.",
    ]
    if not found.gained + found.lost:
        said.append("Neither did better than the other on any task.")
    elif found.p_value < SIGNIFICANT:
        said.append(
            f"Were the two equally good, so uneven a result would be seen in {_rarely(found.p_value)}: the difference is more than chance "
            "explains."
        )
    else:
        said.append(
            f"Were the two equally good, so uneven a result would still be seen in {_rarely(found.p_value)}: this may be chance. No "
            "difference is shown, and none is excluded."
        )
    if found.gained + found.lost:
        said.append(
            f"With this many tasks, a true difference of less than {100 * found.detectable:.1f} points would be missed in more than 20 of "
            "100 such comparisons."
        )
    if found.groups < found.tasks:
        said.append(
            f"The tasks are about {_count(found.groups, 'patient')}; results of one patient hang together; the interval allows for it."
        )
    return said


def types_in_words(by_type: Mapping[int, Comparison]) -> str:
    """On which task types the runs differ once it is allowed for that several were looked at (Holm)."""
    if not by_type:
        return ""
    adjusted = dict(zip(by_type, holm([one.p_value for one in by_type.values()]), strict=True))
    sure = [n for n, p in adjusted.items() if p < SIGNIFICANT]
    looked = f"Of the {_count(len(by_type), 'task type')} looked at, allowing for so many looks (Holm),"
    if not sure:
        return f"{looked} none differs by more than chance explains."
    named = ", ".join(f"{n} {TYPES[n].name} ({points(by_type[n].difference)})" for n in sure)
    return f"{looked} {len(sure)} differ{'s' if len(sure) == 1 else ''} by more than chance explains: {named}."


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _rarely(p_value: float) -> str:
    """How often, in whole numbers."""
    if p_value < 0.001:
        return "fewer than 1 of 1,000 comparisons"
    if p_value < 0.01:
        return f"about {max(1, round(1000 * p_value))} of 1,000 comparisons"
    return f"about {round(100 * p_value)} of 100 comparisons"
