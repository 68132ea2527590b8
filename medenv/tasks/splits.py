"""Splits by name: which tasks there are, and where their charts come from.

`load_split` is the one door; a split that doesn't exist, or a task that isn't in it, is answered with what there is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

from medenv.tasks import builtin
from medenv.tasks.official import load_rows
from medenv.tasks.task import Task
from medenv.tasks.types import task_type
from medenv.tasks.unknown import unknown

__all__ = ["SPLITS", "TaskSet", "load_split"]

SPLITS = {
    builtin.NAME: "30 tasks a type on a small made-up cohort, in medenv's own words",
    "official": "the official rows, read from your copy of MedAgentBench",
}
"""The splits there are, with a line about each."""

Resources = Callable[[], Iterable[dict[str, Any]]]


@dataclass(frozen=True)
class TaskSet(Sequence[Task]):
    """The tasks of one split, in order.

    Attributes:
        name: The split's name.
        tasks: The tasks.
        resources: Makes the charts' resources, in load order; None if they come from elsewhere.
        seed: What it was generated from; 0 where nothing is.
    """

    name: str
    tasks: tuple[Task, ...]
    resources: Resources | None = None
    seed: int = 0

    def __len__(self) -> int:
        return len(self.tasks)

    @overload
    def __getitem__(self, index: int) -> Task: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Task, ...]: ...

    def __getitem__(self, index: int | slice) -> Task | tuple[Task, ...]:
        return self.tasks[index]

    def __iter__(self) -> Iterator[Task]:
        return iter(self.tasks)

    def task(self, id: str) -> Task:
        """One task by its id.

        Raises:
            UnknownNameError: The split has no such task.
        """
        for task in self.tasks:
            if task.id == id:
                return task
        ids = [task.id for task in self.tasks]
        span = f"it has {len(ids)}, {ids[0]} to {ids[-1]}" if ids else "it is empty"
        raise unknown(f"task in split {self.name!r} with id", id, ids, span)

    def of_type(self, key: int | str) -> tuple[Task, ...]:
        """The tasks of one type, in order.

        Args:
            key: 1 to 10, or the type's name.

        Raises:
            UnknownNameError: There is no such type.
        """
        number = task_type(key).number
        return tuple(task for task in self.tasks if task.type == number)

    @property
    def fingerprint(self) -> str:
        """A hash of all tasks' content: ``sha256:..``."""
        digest = hashlib.sha256()
        for task in self.tasks:
            fields = {name: getattr(task, name) for name in Task.__slots__}
            fields["params"] = dict(task.params)
            digest.update(json.dumps(fields, sort_keys=True).encode() + b"\n")
        return f"sha256:{digest.hexdigest()}"


def load_split(name: str, *, seed: int = 0, official: str | Path | None = None) -> TaskSet:
    """Load a split.

    Args:
        name: One of `SPLITS`.
        seed: For generated splits; 0 is the one as published.
        official: For ``official``: the folder of the rows or a MedAgentBench checkout, see `load_rows`.

    Returns:
        The tasks, and how to make their charts unless those come from elsewhere.

    Raises:
        UnknownNameError: There is no such split.
        TaskFileError: The official rows are missing or malformed.
        ValueError: ``official`` without a path.
    """
    if name == builtin.NAME:
        return TaskSet(name, builtin.tasks(seed), lambda: builtin.resources(seed), seed)
    if name == "official":
        if official is None:
            raise ValueError("the split 'official' needs your copy of MedAgentBench: give its folder (--official PATH)")
        return TaskSet(name, load_rows(official))
    raise unknown("split", name, list(SPLITS), f"there are: {', '.join(SPLITS)}")
