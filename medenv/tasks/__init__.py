"""The benchmark's tasks: ten types, the official rows, and medenv's own splits.

A `Task` is plain data; its `TaskType` knows the wording, the gold answer, the reference solution and the blind policy.
"""

from medenv.tasks.base import Branch, Gold, TaskType
from medenv.tasks.official import TaskFileError, load_functions, load_rows
from medenv.tasks.reference import UnexpectedObservationError
from medenv.tasks.splits import GENERATED, SPLITS, cohort_of, load_split
from medenv.tasks.task import DEFAULT_NOW, Task
from medenv.tasks.taskset import Overlay, TaskSet
from medenv.tasks.types import TYPES, task_type
from medenv.tasks.unknown import UnknownNameError

__all__ = [
    "DEFAULT_NOW",
    "GENERATED",
    "SPLITS",
    "TYPES",
    "Branch",
    "Gold",
    "Overlay",
    "Task",
    "TaskFileError",
    "TaskSet",
    "TaskType",
    "UnexpectedObservationError",
    "UnknownNameError",
    "cohort_of",
    "load_functions",
    "load_rows",
    "load_split",
    "task_type",
]
