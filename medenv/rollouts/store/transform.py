"""New runs from stored ones: merged, filtered, sampled. Rows are copied as they are, one at a time, and old runs stay untouched."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from medenv.errors import file_errors
from medenv.rollouts.store.errors import RunFolderError
from medenv.rollouts.store.files import replacing
from medenv.rollouts.store.ledger import write_ledger
from medenv.rollouts.store.lock import WriterLock
from medenv.rollouts.store.manifest import Manifest
from medenv.rollouts.store.provenance import source_hash
from medenv.tasks.taskset import FIRST, versioned
from medenv.trajectories import (
    TRAJECTORIES,
    Status,
    Trajectory,
    file_of,
    key_of,
    numbered,
    read_row,
    read_rows,
    read_run,
    seal,
)

__all__ = ["filter_run", "merge_runs", "sample_run", "write_run"]


def merge_runs(runs: Sequence[Path], out: Path) -> tuple[int, int]:
    """Put several runs into one; an attempt that stands in more than one of them is taken once.

    An infrastructure error gives way to the same attempt with a score.

    Args:
        runs: Their folders, in order.
        out: The folder of the new run.

    Returns:
        How many episodes there are now, and how many were left out.

    Raises:
        RunFolderError: A run can't be read, the new folder is taken, the runs are of different versions of a
            split, or the same attempt is stored with different contents.
        RunWriteError: The disk is full or fails.
    """
    repeated = 0
    failed = Status.INFRASTRUCTURE_ERROR
    scored, versions = set(), dict[str, tuple[Any, Path]]()
    for run in runs:
        for one in read_run(run):
            _check_version(versions, run, one)
            if one.status is not failed:
                scored.add((key_of(one), source_hash(one)))

    def rows() -> Iterator[Trajectory]:
        nonlocal repeated
        seen: dict[Any, int] = {}
        for run in runs:
            for number, one in numbered(run):
                attempt, content = (key_of(one), source_hash(one)), hash(one.to_json())
                if one.status is failed and (attempt in scored or attempt in seen):
                    repeated += 1
                elif attempt not in seen:
                    seen[attempt] = content
                    yield one
                elif seen[attempt] == content:
                    repeated += 1
                else:
                    raise RunFolderError(
                        f"{run}, line {number}: sample {attempt[0][1]} of task {attempt[0][0]!r} with seed {attempt[0][2]} stands in "
                        "another of these runs too, by the same agent but with another course; merge runs of different seeds"
                    )

    kept = write_run(out, rows(), {"merged": [str(one) for one in runs]}, [_settings(one) for one in runs])
    return kept, repeated


def _check_version(versions: dict[str, tuple[Any, Path]], run: Path, one: Trajectory) -> None:
    """Refuse episodes of more than one version of a split; the first run on each stands in `versions`."""
    split, version = one.task.split, one.provenance.get("split_version", FIRST)
    known, other = versions.setdefault(split, (version, run))
    if version != known:
        raise RunFolderError(
            f"{str(run)!r} was played on the split {versioned(split, version)} and {str(other)!r} on {versioned(split, known)}, "
            "so that their scores don't go together; merge runs on one version of a split"
        )


def filter_run(run: Path, out: Path, wanted: Callable[[Trajectory], bool], words: dict[str, Any]) -> int:
    """Write the episodes that fit as a run of their own.

    Args:
        run: Its folder.
        out: The folder of the new run.
        wanted: Says which.
        words: The same for the manifest.

    Returns:
        How many fit.

    Raises:
        RunFolderError: The run can't be read, or the new folder is taken.
        RunWriteError: The disk is full or fails.
    """
    rows = (one for one in read_run(run) if wanted(one))
    return write_run(out, rows, {"filtered": str(run), **words}, [_settings(run)])


def sample_run(run: Path, out: Path, episodes: int, seed: int = 0) -> int:
    """Draw some episodes without replacement and write them, in their stored order, as a run of their own.

    Args:
        run: Its folder.
        out: The folder of the new run.
        episodes: How many, at least 1; all if there are fewer.
        seed: Of the drawing.

    Returns:
        How many there are.

    Raises:
        RunFolderError: The run can't be read, or the new folder is taken.
        RunWriteError: The disk is full or fails.
    """
    offsets = [row.offset for row in read_rows(run)]
    drawn = sorted(random.Random(seed).sample(range(len(offsets)), min(episodes, len(offsets))))
    with file_errors(run), file_of(run).open("rb") as file:
        rows = (read_row(file, offsets[number]) for number in drawn)
        return write_run(out, rows, {"sampled": str(run), "episodes": episodes, "seed": seed}, [_settings(run)])


def _settings(run: Path) -> dict[str, Any]:
    manifest = Manifest.read(run) if run.is_dir() else None
    return manifest.settings if manifest is not None else {}


def write_run(
    out: Path, rows: Iterable[Trajectory], made: dict[str, Any], sources: Sequence[dict[str, Any]] = ()
) -> int:
    """Write a run in one go.

    Args:
        out: Its folder, made if need be.
        rows: The episodes.
        made: How it was made.
        sources: The settings of the runs it was made from; what they share stands in the new manifest too.

    Returns:
        How many episodes were written.

    Raises:
        RunFolderError: The folder holds a run.
        RunWriteError: The disk is full or fails; no run is left.
    """
    target = out / TRAJECTORIES
    try:
        _refuse_a_run(target)  # so that nothing of ours is left beside it, which is asked again under the lock
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"{str(out)!r} can't be written: {error.strerror or error}") from error
    lock = WriterLock(out)
    try:
        _refuse_a_run(target)
        kept = 0
        with replacing(target) as file:
            for one in rows:
                file.write(seal(one.to_json()) + b"\n")
                kept += 1
            shared = (
                {k: v for k, v in sources[0].items() if all(k in s and s[k] == v for s in sources)} if sources else {}
            )
            Manifest({**shared, **made, **({"sources": list(sources)} if sources else {})}).write(out)
        write_ledger(out)
        return kept
    finally:
        lock.release()


def _refuse_a_run(target: Path) -> None:
    if target.exists() and target.stat().st_size:
        raise RunFolderError(f"{str(target.parent)!r} already holds a run; give another folder")
