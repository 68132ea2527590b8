"""A split's tasks as a sequence: looking them up, choosing among them, wording them anew, and the charts they stand on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

from medenv.ehr.chartset import ChartSet, Resources
from medenv.errors import InputError
from medenv.fhir.partial import FilledResource
from medenv.tasks.scenarios import DIFFICULTIES
from medenv.tasks.task import Task
from medenv.tasks.types import TYPES, task_type
from medenv.tasks.unknown import unknown

__all__ = [
    "FIRST",
    "Overlay",
    "TaskSet",
    "check_choice",
    "check_version",
    "fields_of",
    "fingerprint_of",
    "versioned",
    "with_wording",
]

FIRST = 1
"""The version of whatever does not say its version: what was stored before versions were."""

Overlay = Sequence[Mapping[str, Any] | FilledResource]
"""Resources that an episode adds to the charts for itself: parsed, or forms that lack id, lastUpdated and source."""


@dataclass(frozen=True)
class TaskSet(Sequence[Task]):
    """The tasks of one split, in order.

    Attributes:
        name: The split's name.
        tasks: The tasks.
        charts: The charts they are about; None if they come from elsewhere.
        seed: What it was generated from; 0 where nothing is.
        version: Raised with every change of the split that can alter a score; scores of different versions don't compare.
    """

    name: str
    tasks: Sequence[Task]
    charts: ChartSet | None = None
    seed: int = 0
    version: int = FIRST

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

    @cached_property
    def _by_id(self) -> dict[str, Task]:
        return {task.id: task for task in reversed(self.tasks)}  # of equal ids the first

    @property
    def title(self) -> str:
        """Return name and version, as reports state them."""
        return versioned(self.name, self.version)

    @property
    def resources(self) -> Resources | None:
        """Return what makes the charts' resources, in load order; None if they come from elsewhere."""
        return None if self.charts is None else self.charts.resources

    @property
    def endless(self) -> bool:
        """Return whether tasks are made as they are asked for, so that going through all of them makes no sense."""
        return False

    def task(self, id: str) -> Task:
        """Return one task by its id.

        Raises:
            UnknownNameError: The split has no such task.
        """
        found = self._by_id.get(id)
        if found is not None:
            return found
        ids = [task.id for task in self.tasks]
        span = f"it has {len(ids)}, {ids[0]} to {ids[-1]}" if ids else "it is empty"
        raise unknown(f"task in split {self.name!r} with id", id, ids, span)

    def of_type(self, key: int | str) -> Sequence[Task]:
        """Return the tasks of one type, in order.

        Args:
            key: 1 to 10, or the type's name.

        Raises:
            UnknownNameError: There is no such type.
        """
        return self.choose(key)

    def choose(
        self, type: int | str | None = None, branch: str | None = None, difficulty: str | None = None
    ) -> Sequence[Task]:
        """Return the tasks that fit, in order; all of them by default.

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
            raise InputError(f"no task{where} of the split {self.name!r} has {said}")
        return chosen

    def present(self, task: Task, paraphrase: int | None = None, now: str | None = None) -> Task:
        """Return a task as it is to be put to the agent.

        Args:
            task: One of the split's.
            paraphrase: The wording, from 0; None leaves the task's own.
            now: The present, ISO 8601 with an offset; None leaves the task's own.

        Raises:
            ValueError: The split's wording or present can't be changed.
        """
        if now is not None and now != task.now:
            raise InputError(
                f"the charts of the split {self.name!r} end at a fixed time, so now can't be {now!r}; "
                "the splits train and validation take any"
            )
        return with_wording(self.name, task, paraphrase)

    def overlay(self, task: Task) -> Overlay:
        """Return what a task's episodes add to the charts; nothing here, the charts hold everything."""
        return ()

    @property
    def fingerprint(self) -> str:
        """Return a hash of the split's name and version and of all tasks' content: ``sha256:..``."""
        return fingerprint_of(self.tasks, self.title)


def versioned(name: str, version: object) -> str:
    """Return a split or a grader with its version, as reports state it, e.g. ``test (version 2)``."""
    return f"{name} (version {version})"


def check_version(split: str, found: object, expected: int, whose: str) -> None:
    """Compare the version of a split that something was made on with the one at hand.

    Args:
        split: The split's name.
        found: The version that it says it was made on; None if it is from before splits had versions, which was the first.
        expected: The version at hand.
        whose: What was made on it, for the error.

    Raises:
        ValueError: They differ.
    """
    if (made := FIRST if found is None else found) != expected:
        raise InputError(
            f"{whose} was made on the split {versioned(split, made)}, and at hand is {versioned(split, expected)}; "
            "use the version of medenv that it was made with, or make it anew"
        )


def fingerprint_of(tasks: Iterable[Task], split: str) -> str:
    """Return a hash of tasks' content: ``sha256:..``.

    Args:
        tasks: The tasks.
        split: The title of the split that they are from, which is hashed too.
    """
    digest = hashlib.sha256(split.encode() + b"\n")
    for task in tasks:
        digest.update(json.dumps(fields_of(task), sort_keys=True).encode() + b"\n")
    return f"sha256:{digest.hexdigest()}"


def fields_of(task: Task) -> dict[str, Any]:
    """Return a task as JSON values, all of it."""
    fields = {name: getattr(task, name) for name in Task.__slots__}
    return {**fields, "params": dict(task.params)}


def with_wording(split: str, task: Task, paraphrase: int | None) -> Task:
    """Return a task in another wording; see `TaskSet.present`."""
    if paraphrase is None:
        return task
    if split == "official":
        raise InputError("the official rows have one wording; leave paraphrase out")
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
