"""Which tasks of a split are played, made as they are needed where a split has no end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from medenv.cli.run_options import ChoiceOptions
from medenv.errors import InputError
from medenv.tasks import Task
from medenv.tasks.interleave import interleave
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


def select_tasks(split: TaskSet, options: ChoiceOptions) -> TaskSelection:
    """Select the tasks that were asked for, by name or by what they must fit, in the split's order.

    Fewer than there are stand for all: types and branches take turns (see `interleave`). An endless split's types do anyway, and within
    every 30 tasks of a type each branch comes up as often as is declared.

    Raises:
        ValueError: None fits, or the split's wording or present can't be changed.
        LookupError: There is no such task, branch or difficulty.
    """
    types = list(dict.fromkeys(options.task_type))
    if split.endless and not options.task:
        chosen = [split.choose(one, options.branch, options.difficulty) for one in types or (None,)]
        said = [*(part.fingerprint for part in chosen if isinstance(part, TaskSet)), options.paraphrase, options.now]
        digest = hashlib.sha256(json.dumps(said).encode()).hexdigest()
        found = TaskSelection(
            split,
            tuple(chosen),
            options.limit or ENDLESS_LIMIT,
            options.paraphrase,
            options.now,
            f"sha256:{digest}",
        )
        _ = found[0]  # complains of a wording or a present that can't be
        return found
    if options.task:
        fitting = [split.task(one) for one in options.task]
    else:
        fitting = list(
            split.choose(None, options.branch, options.difficulty) if options.branch or options.difficulty else split
        )
    tasks = list({task.id: task for task in fitting if not types or task.type in types}.values())
    if options.limit is not None:
        kept = {task.id for task in interleave(tasks, lambda task: (task.type, task.branch), options.limit)}
        tasks = [task for task in tasks if task.id in kept]
    if not tasks:
        raise InputError(f"no task of split {split.name!r} is of the types {types}")
    worded = tuple(split.present(task, options.paraphrase, options.now) for task in tasks)
    whole = len(worded) == len(split) and (options.paraphrase, options.now) == (None, None)
    fingerprint = split.fingerprint if whole else fingerprint_of(worded, split.title)
    return TaskSelection(split, (worded,), len(worded), None, None, fingerprint)
