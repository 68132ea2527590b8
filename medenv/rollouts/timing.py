"""How long a run was being played, beside its episodes: the one thing of a run that is from a clock, and so in a file of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import orjson

from medenv.rollouts.store import RunFolder, RunWriteError, write_json

__all__ = ["NAME", "minutes_of", "timed"]

NAME = "timing.json"


@contextmanager
def timed(folder: Path) -> Iterator[None]:
    """Add the time that the body takes to a run's; it is a remark, so that a full disk here fails nothing.

    Args:
        folder: The run's folder, which this process writes.
    """
    begun = time.monotonic()
    try:
        yield
    finally:
        seconds = (_seconds(folder) or 0.0) + time.monotonic() - begun
        with suppress(RunWriteError):
            write_json(folder / NAME, {"seconds": round(seconds, 3)})


def minutes_of(run: Path) -> float | None:
    """How many minutes a run was being played, going on with it included; None if that isn't known.

    Args:
        run: Its folder, or its ``trajectories.jsonl``.
    """
    folder = run.parent if run.name == RunFolder.TRAJECTORIES else run
    seconds = _seconds(folder)
    return None if seconds is None else seconds / 60


def _seconds(folder: Path) -> float | None:
    try:
        found = orjson.loads((folder / NAME).read_bytes())["seconds"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) and found >= 0 else None
