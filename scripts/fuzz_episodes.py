#!/usr/bin/env python3
"""Play episodes of odd replies in every protocol and way, and check each: no exception, a verdict, and the same from the stored row.

The exit code is 1 if one fails; what is printed then plays it again. Equal options give equal episodes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that it runs from anywhere

from scripts.fuzzing.play import Block, FuzzError, Tally, play_block
from tests.protocol.checkouts import write_checkout


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0],
        epilog="example:  fuzz_episodes.py --episodes 200000\nagain:    fuzz_episodes.py --seed 0 --size 120 --block 17",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--episodes", type=int, default=2_400, help="how many in all (default 2400)")
    parser.add_argument("--seed", type=int, default=0, help="of all that chance decides (default 0)")
    parser.add_argument("--size", type=int, default=120, help="episodes a block (default 120)")
    parser.add_argument("--first", type=int, default=0, help="the first block, to go on from there (default 0)")
    parser.add_argument("--block", type=int, help="only this block")
    given = parser.parse_args(arguments)
    if given.episodes < 1 or given.size < 1:
        parser.error(f"--episodes is {given.episodes} and --size {given.size}; both must be at least 1")
    tally, began, failed = Tally(), time.perf_counter(), 0
    with tempfile.TemporaryDirectory(prefix="medenv-fuzz-") as folder:
        checkout = write_checkout(Path(folder))
        for number, size in _blocks(given):
            try:
                tally.join(play_block(Block(given.seed, number, size, checkout)))
            except FuzzError as error:
                failed += 1
                print(f"\n{error}\nagain: --seed {given.seed} --size {size} --block {number}", flush=True)
            _progress(tally, given, time.perf_counter() - began)
    print(_table(tally, time.perf_counter() - began))
    return min(failed, 1)


def _blocks(given: argparse.Namespace) -> list[tuple[int, int]]:
    """List each block's number and its size in episodes."""
    if given.block is not None:
        return [(given.block, given.size)]
    whole, rest = divmod(given.episodes, given.size)
    sizes = [given.size] * whole + ([rest] if rest else [])
    return [(given.first + n, size) for n, size in enumerate(sizes)]


def _progress(tally: Tally, given: argparse.Namespace, seconds: float) -> None:
    done = tally.episodes.total()
    print(f"\r{done:,} of {given.episodes:,} episodes, {done / seconds:,.0f}/s ", end="", file=sys.stderr, flush=True)


def _table(tally: Tally, seconds: float) -> str:
    done = tally.episodes.total()
    lines = [
        f"\n{done:,} episodes, {tally.turns.total():,} replies in {seconds:,.0f} s ({done / max(seconds, 1e-9):,.0f} episodes/s)"
    ]
    for (protocol, way), count in sorted(tally.episodes.items()):
        lines.append(f"  {protocol:9}{way:14}{count:>9,} episodes{tally.turns[protocol, way]:>11,} replies")
    for what, by_name in (("statuses", tally.statuses), ("verdicts", tally.scores)):
        lines += [f"{what}, {name}: {_counts(counts)}" for name, counts in sorted(by_name.items())]
    return "\n".join(lines)


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common())


if __name__ == "__main__":
    sys.exit(main())
