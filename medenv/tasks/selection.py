"""Which tasks of a split are played, made as they are needed where a split has no end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from medenv.errors import InputError
from medenv.tasks.interleave import interleave
from medenv.tasks.task import Task
from medenv.tasks.taskset import TaskSet, fingerprint_of

__all__ = ["ENDLESS_LIMIT", "TaskSelection", "select_tasks"]

ENDLESS_LIMIT = 300
"""How many tasks of an endless split are played if it isn't said."""


@dataclass(frozen=True)
class TaskSelection(Sequence[Task]):
    """Tasks in the wording and the present that were asked for.

    Attributes:
        split: Where they come from.
        parts: Sequences that take turns.
        length: How many there are in all.
        paraphrase: The wording; None for each task's own.
        now: The present; None for each task's own.
        fingerprint: A hash of all that they depend on; of an endless split without how many there are.
    """

    split: TaskSet
    parts: tuple[Sequence[Task], ...]
    length: int
    paraphrase: int | None
    now: str | None
    fingerprint: str

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, index: int) -> Task: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Task]: ...

    def __getitem__(self, index: int | slice) -> Task | Sequence[Task]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self.length))]
        if not -self.length <= index < self.length:
            raise IndexError(f"task {index} of {self.length}")
        turn, part = divmod(index % self.length, len(self.parts))
        return self.split.present(self.parts[part][turn], self.paraphrase, self.now)


def select_tasks(
    split: TaskSet,
    *,
    task: Sequence[str] = (),
    task_type: Sequence[int] = (),
    branch: str | None = None,
    difficulty: str | None = None,
    paraphrase: int | None = None,
    now: str | None = None,
    limit: int | None = None,
) -> TaskSelection:
    """Select the tasks that are asked for, by name or by what they must fit, in the split's order.

    Fewer than there are stand for all: types and branches take turns (see `interleave`). An endless split's types do anyway, and within
    every 30 tasks of a type each branch comes up as often as is declared.

    Args:
        split: Where they come from.
        task: Their ids.
        task_type: Only these types.
        branch: Only this branch.
        difficulty: ``easy`` or ``hard``.
        paraphrase: The wording, from 0.
        now: The present, like ``2024-05-06T07:08:00+00:00``.
        limit: How many.

    Raises:
        InputError: None fits, or the split's wording or present can't be changed.
        LookupError: There is no such task, branch or difficulty.
    """
    types = list(dict.fromkeys(task_type))
    if split.endless and not task:
        chosen = [split.choose(one, branch, difficulty) for one in types or (None,)]
        said = [*(part.fingerprint for part in chosen if isinstance(part, TaskSet)), paraphrase, now]
        digest = hashlib.sha256(json.dumps(said).encode()).hexdigest()
        found = TaskSelection(
            split,
            tuple(chosen),
            limit or ENDLESS_LIMIT,
            paraphrase,
            now,
            f"sha256:{digest}",
        )
        _ = found[0]  # complains of a wording or a present that can't be
        return found
    if task:
        fitting = [split.task(one) for one in task]
    else:
        fitting = list(split.choose(None, branch, difficulty) if branch or difficulty else split)
    tasks = list({one.id: one for one in fitting if not types or one.type in types}.values())
    if limit is not None:
        kept = {one.id for one in interleave(tasks, lambda one: (one.type, one.branch), limit)}
        tasks = [one for one in tasks if one.id in kept]
    if not tasks:
        raise InputError(f"no task of split {split.name!r} is of the types {types}")
    worded = tuple(split.present(one, paraphrase, now) for one in tasks)
    whole = len(worded) == len(split) and (paraphrase, now) == (None, None)
    fingerprint = split.fingerprint if whole else fingerprint_of(worded, split.title)
    return TaskSelection(split, (worded,), len(worded), None, None, fingerprint)
