"""A split's tasks as a sequence: looking them up, choosing among them, wording them anew, and the charts they stand on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

from medenv.ehr.chartset import ChartSet, Resources
from medenv.fhir.forms import Filled
from medenv.tasks.cases import DIFFICULTIES
from medenv.tasks.task import Task
from medenv.tasks.types import TYPES, task_type
from medenv.tasks.unknown import unknown

__all__ = ["Overlay", "TaskSet", "check_choice", "fields_of", "fingerprint_of", "with_wording"]

Overlay = Sequence[Mapping[str, Any] | Filled]
"""Resources that an episode adds to the charts for itself: parsed, or forms that lack id, lastUpdated and source."""


@dataclass(frozen=True)
class TaskSet(Sequence[Task]):
    """The tasks of one split, in order.

    Attributes:
        name: The split's name.
        tasks: The tasks.
        charts: The charts they are about; None if they come from elsewhere.
        seed: What it was generated from; 0 where nothing is.
    """

    name: str
    tasks: Sequence[Task]
    charts: ChartSet | None = None
    seed: int = 0

    def __len__(self) -> int:
        return len(self.tasks)

    @overload
    def __getitem__(self, index: int) -> Task: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Task]: ...

    def __getitem__(self, index: int | slice) -> Task | Sequence[Task]:
        return self.tasks[index]

    def __iter__(self) -> Iterator[Task]:
        return iter(self.tasks)

    @property
    def resources(self) -> Resources | None:
        """What makes the charts' resources, in load order; None if they come from elsewhere."""
        return None if self.charts is None else self.charts.resources

    @property
    def endless(self) -> bool:
        """Whether tasks are made as they are asked for, so that going through all of them makes no sense."""
        return False

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

    def of_type(self, key: int | str) -> Sequence[Task]:
        """The tasks of one type, in order.

        Args:
            key: 1 to 10, or the type's name.

        Raises:
            UnknownNameError: There is no such type.
        """
        return self.choose(key)

    def choose(
        self, type: int | str | None = None, branch: str | None = None, difficulty: str | None = None
    ) -> Sequence[Task]:
        """The tasks that fit, in order; all of them by default.

        Args:
            type: 1 to 10, or a type's name.
            branch: A branch of the type, or of any type.
            difficulty: One of `DIFFICULTIES`.

        Raises:
            UnknownNameError: There is no such type, branch or difficulty.
            ValueError: No task of the split fits.
        """
        number = check_choice(type, branch, difficulty)
        chosen = tuple(
            task
            for task in self.tasks
            if number in (None, task.type)
            and branch in (None, task.branch)
            and difficulty in (None, task.params.get("difficulty"))
        )
        if not chosen and (branch or difficulty):
            said = " and ".join(f"{k} {v!r}" for k, v in (("branch", branch), ("difficulty", difficulty)) if v)
            where = f" of type {number}" if number else ""
            raise ValueError(f"no task{where} of the split {self.name!r} has {said}")
        return chosen

    def present(self, task: Task, paraphrase: int | None = None, now: str | None = None) -> Task:
        """A task as it is to be put to the agent.

        Args:
            task: One of the split's.
            paraphrase: The wording, from 0; None leaves the task's own.
            now: The present, ISO 8601 with an offset; None leaves the task's own.

        Raises:
            ValueError: The split's wording or present can't be changed.
        """
        if now is not None and now != task.now:
            raise ValueError(
                f"the charts of the split {self.name!r} end at a fixed time, so now can't be {now!r}; "
                "the splits train and validation take any"
            )
        return with_wording(self.name, task, paraphrase)

    def overlay(self, task: Task) -> Overlay:
        """What a task's episodes add to the charts; nothing here, the charts hold everything."""
        return ()

    @property
    def fingerprint(self) -> str:
        """A hash of all tasks' content: ``sha256:..``."""
        return fingerprint_of(self.tasks)


def fingerprint_of(tasks: Iterable[Task]) -> str:
    """A hash of tasks' content: ``sha256:..``."""
    digest = hashlib.sha256()
    for task in tasks:
        digest.update(json.dumps(fields_of(task), sort_keys=True).encode() + b"\n")
    return f"sha256:{digest.hexdigest()}"


def fields_of(task: Task) -> dict[str, Any]:
    """A task as JSON values, all of it."""
    fields = {name: getattr(task, name) for name in Task.__slots__}
    return {**fields, "params": dict(task.params)}


def with_wording(split: str, task: Task, paraphrase: int | None) -> Task:
    """A task in another wording; see `TaskSet.present`."""
    if paraphrase is None:
        return task
    if split == "official":
        raise ValueError("the official rows have one wording; leave paraphrase out")
    return TYPES[task.type].reworded(task, paraphrase)


def check_choice(type: int | str | None, branch: str | None, difficulty: str | None) -> int | None:
    """Check what is to be chosen; see `TaskSet.choose`.

    Returns:
        The type's number, or None.
    """
    number = None if type is None else task_type(type).number
    if branch is not None:
        kinds = TYPES.values() if number is None else (TYPES[number],)
        known = list(dict.fromkeys(one.name for kind in kinds for one in kind.branches))
        if branch not in known:
            whose = "branch" if number is None else f"branch of task type {number}"
            raise unknown(whose, branch, known, f"there are: {', '.join(known)}")
    if difficulty is not None and difficulty not in DIFFICULTIES:
        raise unknown("difficulty", difficulty, DIFFICULTIES, f"there are: {', '.join(DIFFICULTIES)}")
    return number
