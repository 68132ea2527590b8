"""The `test` split: 30 tasks a type, stored with the package, on charts that only it has and no overlay.

The tasks are read from a file, which carries the charts' fingerprint; the charts are made when they are first needed.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from medenv.ehr.chartset import ChartSet
from medenv.errors import DataError
from medenv.fhir.partial import Block
from medenv.fhir.store.fingerprint import PREFIX
from medenv.tasks.fixed import FixedSplit, make_split
from medenv.tasks.generate import VERSION
from medenv.tasks.task import Task
from medenv.tasks.taskset import TaskSet, fields_of, fingerprint_of, versioned

__all__ = ["FILE", "MOST_RESOURCES", "NAME", "load", "resources", "stored_text", "tasks"]

NAME = "test"
FILE = "test.jsonl.gz"
MOST_RESOURCES = 20_000

_SCALE = 2.6


def load() -> TaskSet:
    """Return the split as stored.

    Raises:
        ValueError: The file is damaged.
    """
    head, found = _stored()
    charts = ChartSet(f"test-{head['data'].removeprefix(PREFIX)[:16]}", resources, MOST_RESOURCES, head["data"])
    return TaskSet(NAME, found, charts, version=head["version"])


@lru_cache(maxsize=1)
def _stored() -> tuple[Mapping[str, Any], tuple[Task, ...]]:
    raw = files("medenv.tasks").joinpath("data").joinpath(FILE).read_bytes()
    try:
        first, *rest = gzip.decompress(raw).decode().splitlines()
        head, found = json.loads(first), tuple(Task(**json.loads(line)) for line in rest)
    except (EOFError, OSError, ValueError, TypeError, zlib.error) as error:
        raise DataError(f"the stored split {FILE} is damaged ({error}); install medenv again") from None
    if fingerprint_of(found, versioned(NAME, head["version"])) != head["tasks"]:
        raise DataError(
            f"the stored split {FILE} is damaged (its tasks do not hash to {head['tasks']}); install medenv again"
        )
    return head, found


def stored_text(data: str) -> str:
    """Return what the stored file holds, before compression: a head and a task a line.

    Args:
        data: The charts' fingerprint.
    """
    made = tasks()
    head = {"split": NAME, "version": VERSION, "tasks": fingerprint_of(made, versioned(NAME, VERSION)), "data": data}
    return "".join(json.dumps(row) + "\n" for row in [head, *map(fields_of, made)])


def tasks() -> tuple[Task, ...]:
    """Return the tasks as they are generated, from which the stored file was written."""
    return _made().tasks


def resources() -> Iterator[str | Block]:
    """Return the charts in load order, for a store."""
    return _made().resources()


@lru_cache(maxsize=1)
def _made() -> FixedSplit:
    return make_split(NAME, f"{NAME}:{VERSION}", _SCALE, always_named=True)
