"""Prompts for online training: the task in each row, so that whoever samples replies can play and score them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from medenv.episode import Benchmark
from medenv.errors import InputError
from medenv.fhir.store.fingerprint import other_rule
from medenv.rollouts.export.columns import FLOAT, INT, TEXT, Kind
from medenv.rollouts.export.entries import Entry
from medenv.rollouts.export.formats.base import Format
from medenv.rollouts.export.items import Item
from medenv.rollouts.export.messages import history
from medenv.rollouts.export.pairing import groups
from medenv.rollouts.export.source import Source
from medenv.rollouts.rebuilding import PLACES, benchmark_arguments
from medenv.tasks import Task
from medenv.tasks.taskset import check_version, fields_of

__all__ = ["Prompts", "open_row"]


class Prompts(Format):
    """``prompt``, and what rebuilds the task."""

    name = "grpo"
    title = (
        "prompts for GRPO and other online methods, with the task in each row; from runs, with their share of passes"
    )
    use = (
        "For TRL's `GRPOTrainer` and other online methods, which sample replies themselves. Each row holds its task: "
        "`Benchmark(**json.loads(row['benchmark']))` opens the charts (rows of one dataset share few of these), and "
        "`medenv.rollouts.export.open_row(row, benchmark)` begins an episode on the task (for the split official "
        "add `official` and `charts`, which are not part of the data). `pass_rate` and `attempts` say how a run's agent "
        "did on it."
    )
    keeps = "all"

    @property
    def body(self) -> Mapping[str, Kind]:
        """See `Format.body`."""
        return {
            "prompt": self.messages,
            "benchmark": TEXT,
            "task": TEXT,
            "pass_rate": FLOAT,
            "attempts": INT,
        }

    def plan(self, entries: list[Entry], left_out: Counter[str]) -> Iterator[Item]:
        """Each task that was played, if its share of passes is within bounds."""
        lowest, highest = self.options.pass_rate
        for group in groups(entries):
            rate = sum(entry.passed for entry in group) / len(group)
            if lowest <= rate <= highest:
                yield Item((group[0],), None, {"pass_rate": rate, "attempts": len(group)})
            else:
                left_out[f"share of passes not within {lowest:g} and {highest:g}"] += len(group)

    def row(self, item: Item, source: Source) -> dict[str, Any]:
        """See `Format.row`."""
        played = source.read(item.entries[0])
        one = self.episode(item, source)
        arguments = benchmark_arguments(played, source.manifests[item.entries[0].run])
        row = {
            "prompt": history(one, 0),
            "benchmark": benchmark_text({**arguments, "protocol": one.protocol}),
            "task": task_text(one.task),
            "pass_rate": item.values["pass_rate"],
            "attempts": item.values["attempts"],
        }
        return {**self.with_origin(row, one, item, source), "score": None, "episode": None}


def benchmark_text(arguments: Mapping[str, Any]) -> str:
    """Write a benchmark's arguments as JSON text, without the places of files on this machine."""
    return orjson.dumps({name: value for name, value in arguments.items() if name not in PLACES}).decode()


def task_text(task: Task) -> str:
    """Write a task as JSON text."""
    return orjson.dumps(fields_of(task)).decode()


def open_row(row: Mapping[str, Any], benchmark: Benchmark) -> Any:
    """Begin an episode on a row's task.

    Args:
        row: Of a dataset of prompts.
        benchmark: Made with the row's ``benchmark``.

    Returns:
        The episode; finish it with `Benchmark.finish`, which grades it.

    Raises:
        ValueError: Charts or version of the split are not those that the row was made on.
    """
    task = Task(**orjson.loads(row["task"]))
    check_version(task.split, row.get("split_version"), benchmark.tasks.version, f"the row of task {task.id!r}")
    made_on, found = row["data_fingerprint"], benchmark.backend.fingerprint
    if made_on not in (None, found):
        raise InputError(
            f"the row of task {row['task_id']!r} was made on charts {made_on}{other_rule(made_on, found)}, and these are "
            f"{found}; open them with Benchmark(**json.loads(row['benchmark']))"
        )
    return benchmark.start(task)
