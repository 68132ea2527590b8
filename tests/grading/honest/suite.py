"""All honest strategies, and a table of what each scores on every task that it applies to: ``python -m tests.grading.honest.suite``."""

from __future__ import annotations

import sys
from collections import Counter

from tests.grading.honest import answers, conduct, labs, medications, people, pressures, services, unions, writing
from tests.grading.honest.playing import Arena, transcript
from tests.grading.honest.strategy import Strategy

__all__ = ["STRATEGIES", "main"]

STRATEGIES: dict[str, Strategy] = {
    one.name: one
    for module in (labs, unions, people, answers, medications, services, pressures, writing, conduct)
    for one in module.strategies()
}
"""The strategies by name."""


def main(wanted: str = "", most: int | None = None) -> int:
    """Play strategies on all their tasks and print how many pass.

    Args:
        wanted: Only strategies whose name or kind holds this text.
        most: At most so many tasks of each type and branch; None for all.

    Returns:
        How many strategies fail somewhere.
    """
    arena, played, passed, failing = Arena(), Counter[str](), Counter[str](), 0
    for one in STRATEGIES.values():
        if wanted not in one.name and wanted != one.kind:
            continue
        found = arena.outcome(one, most)
        played[one.kind] += found.played
        passed[one.kind] += found.played - len(found.failed)
        failing += bool(found.failed)
        unfit = f", {found.unfit} more than the turns allow" if found.unfit else ""
        print(f"{one.kind:10s} {one.name:62s} {found.played - len(found.failed):4d} of {found.played:4d}{unfit}")
        if found.failed:
            kinds = Counter((bad.task.type, bad.task.branch, bad.verdict["category"]) for bad in found.failed)
            print("", ", ".join(f"{n} x {kind}" for kind, n in kinds.most_common()))
            if wanted:
                print(transcript(found.failed[0]))
    for kind, number in played.items():
        print(f"{kind:10s} {passed[kind]} of {number}")
    arena.close()
    return failing


if __name__ == "__main__":
    sys.exit(bool(main(*sys.argv[1:2], *map(int, sys.argv[2:3]))))
