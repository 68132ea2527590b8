"""The `builtin` split: 30 tasks a type on a small hospital of its own, every branch several times, the same on every machine.

Nothing is stored: tasks and charts are generated from a seed when they are first needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial

from medenv.ehr.chartset import ChartSet
from medenv.ehr.hospital import NOW
from medenv.fhir.partial import Block
from medenv.tasks.fixed import FixedSplit, make_split
from medenv.tasks.task import Task
from medenv.tasks.taskset import TaskSet

__all__ = ["MOST_RESOURCES", "NAME", "VERSION", "load", "resources", "tasks"]

NAME = "builtin"
VERSION = 3
"""Raised with every change of what a seed gives; part of what names its charts in the cache."""
MOST_RESOURCES = 10_000

_SCALE = 0.8


def load(seed: int = 0) -> TaskSet:
    """Return the split.

    Args:
        seed: 0 is the split as published; others give other patients, values and orders of the same scenarios.
    """
    charts = ChartSet(f"{NAME}-{seed}-v{VERSION}", partial(resources, seed), MOST_RESOURCES)
    return TaskSet(NAME, tasks(seed), charts, seed, VERSION)


def tasks(seed: int = 0) -> tuple[Task, ...]:
    """Return the 300 tasks, type after type; for the seed see `load`."""
    return _made(seed).tasks


def resources(seed: int = 0) -> Iterator[str | Block]:
    """Return the charts in load order, to be given to a store: at most `MOST_RESOURCES` resources; for the seed see `load`."""
    return _made(seed).resources()


@lru_cache(maxsize=4)
def _made(seed: int) -> FixedSplit:
    return make_split(NAME, f"{NAME}:{VERSION}:{seed}", _SCALE, first=1_000 * seed, now=NOW)
