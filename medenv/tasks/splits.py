"""Splits by name: which tasks there are, and where their charts come from.

`load_split` is the one door; a split that doesn't exist is answered with what there is.
"""

from __future__ import annotations

from pathlib import Path

from medenv.ehr.hospital import SIZES, Cohort
from medenv.errors import InputError
from medenv.tasks import builtin, heldout
from medenv.tasks.endless import EndlessTasks
from medenv.tasks.official import VERSION as OFFICIAL_VERSION
from medenv.tasks.official import load_rows
from medenv.tasks.taskset import TaskSet
from medenv.tasks.unknown import unknown

__all__ = ["GENERATED", "SPLITS", "cohort_of", "load_split"]

GENERATED = ("train", "validation")
"""The splits without end."""

SPLITS = {
    heldout.NAME: "30 tasks a type, fixed, on charts of their own",
    "train": "tasks without end from a seed, nearly all with a patient of their own",
    "validation": "the same with other people",
    builtin.NAME: "30 tasks a type on a small hospital of their own, for quick tests",
    "official": "the official rows, read from your copy of MedAgentBench",
}
"""The splits there are, with a line about each."""


def cohort_of(split: str, size: str = "default", charts: int | None = None, seed: int = 0) -> Cohort:
    """Return the cohort that a generated split's overlays are put on.

    Args:
        split: One of `GENERATED`.
        size: One of `SIZES`.
        charts: How many charts, each as long as the size's; None for the size's own number.
        seed: The cohort's seed.

    Raises:
        UnknownNameError: There is no such size.
        ValueError: The split isn't generated, or there can't be so many charts.
    """
    if split not in GENERATED:
        raise InputError(f"the split {split!r} has no cohort of a choosable size; these have: {', '.join(GENERATED)}")
    if size not in SIZES:
        raise unknown("size", size, list(SIZES), f"there are: {', '.join(SIZES)}")
    return Cohort(split, SIZES[size] if charts is None else SIZES[size].scaled(charts), seed)


def load_split(
    name: str, *, seed: int = 0, official: str | Path | None = None, cohort: Cohort | None = None
) -> TaskSet:
    """Load a split.

    Args:
        name: One of `SPLITS`.
        seed: For generated splits; 0 is the one as published.
        official: For ``official``: the folder of the rows or a MedAgentBench checkout, see `load_rows`.
        cohort: For ``train`` and ``validation``: see `cohort_of`; None for the default one.

    Returns:
        The tasks, and their charts unless those come from elsewhere.

    Raises:
        UnknownNameError: There is no such split.
        TaskFileError: The official rows are missing or malformed.
        ValueError: ``official`` without a path, or a cohort for a split that has none or another one.
    """
    if cohort is not None and cohort.split != name:
        raise InputError(f"a cohort for {cohort.split!r} does not go with the split {name!r}")
    if name in GENERATED:
        return EndlessTasks(cohort or cohort_of(name), seed)
    if name == heldout.NAME:
        return heldout.load()
    if name == builtin.NAME:
        return builtin.load(seed)
    if name == "official":
        if official is None:
            raise InputError("the split 'official' needs your copy of MedAgentBench: give its folder (--official PATH)")
        return TaskSet(name, load_rows(official), version=OFFICIAL_VERSION)
    raise unknown("split", name, list(SPLITS), f"there are: {', '.join(SPLITS)}")
