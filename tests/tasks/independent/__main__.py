"""Print how often the independent solver agrees with the gold: ``python -m tests.tasks.independent --train 3000 --validation 1500``."""

from __future__ import annotations

import argparse
import sys
from itertools import islice

from medenv.fhir import EmbeddedBackend
from medenv.tasks import load_split
from tests.tasks.independent.agreement import compare


def main() -> int:
    """Compare on as many tasks of each split as asked for, all in every wording; 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.tasks.independent", description=__doc__)
    for name, number in (("test", 300), ("train", 3000), ("validation", 1500)):
        parser.add_argument(
            f"--{name}", type=int, default=number, metavar="N", help=f"tasks of {name} (default: {number})"
        )
    parser.add_argument("--seed", type=int, default=0, help="of the generated splits")
    wanted = vars(parser.parse_args())
    seed, differing = wanted.pop("seed"), 0
    for name, number in wanted.items():
        if number < 1:
            continue
        split = load_split(name, seed=seed)
        with EmbeddedBackend(split.charts.open()) as backend:
            found = compare(split, backend, islice(split, number))
        differing += len(found.differing)
        print(f"{name}\n{found}", *found.differing, sep="\n", flush=True)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
