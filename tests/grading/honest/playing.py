"""Plays strategies on `test` and on `train` and tells where the strict score is not 1."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from zlib import crc32

from medenv.episode import Benchmark
from medenv.protocol.tools import as_call
from medenv.tasks import Task
from medenv.trajectories import Trajectory
from tests.grading.honest.looking import UnfitError
from tests.grading.honest.strategy import Strategy

SPLITS = ("test", "train")
A_TYPE = 30
"""Tasks of each type, of either split."""


@dataclass
class Outcome:
    """What came of one strategy.

    Attributes:
        played: How many tasks it was played on.
        unfit: On how many it found that the turns would not do.
        refused: What the server refused to store, and how.
        failed: The episodes whose strict score isn't 1.
    """

    played: int = 0
    unfit: int = 0
    refused: list[str] = field(default_factory=list)
    failed: list[Trajectory] = field(default_factory=list)


class Arena:
    """The two splits in every protocol and style that a strategy plays in, on one copy of the charts."""

    def __init__(self) -> None:
        self._benchmarks: dict[tuple[str, str, str], Benchmark] = {}
        self._tasks: dict[str, list[Task]] = {}

    def benchmark(self, split: str, protocol: str = "text", observation: Any = "full") -> Benchmark:
        """A split under the strict grader, opened once."""
        key = split, protocol, observation
        if key not in self._benchmarks:
            self._benchmarks[key] = Benchmark(split, "strict", protocol=protocol, observation=observation)
        return self._benchmarks[key]

    def tasks(self, split: str) -> list[Task]:
        """Thirty tasks of every type."""
        if split not in self._tasks:
            tasks = self.benchmark(split).tasks
            self._tasks[split] = [one for n in range(1, 11) for one in islice(iter(tasks.choose(type=n)), A_TYPE)]
        return self._tasks[split]

    def chosen(self, strategy: Strategy, most: int | None) -> Iterator[tuple[str, Task]]:
        """The tasks that a strategy is played on.

        Args:
            strategy: The strategy.
            most: At most so many of each type and branch, begun at another place for each strategy so that the strategies together
                meet all tasks; None for all.
        """
        groups: dict[tuple[int, str | None], list[tuple[str, Task]]] = defaultdict(list)
        for pair in zip(*(self.tasks(split) for split in SPLITS), strict=True):
            for split, task in zip(SPLITS, pair, strict=True):
                if strategy.applies(task):
                    groups[task.type, task.branch].append((split, task))
        for key, tasks in groups.items():
            at = 0 if most is None else crc32(f"{strategy.name} {key}".encode()) % len(tasks)
            yield from (tasks[at:] + tasks[:at])[:most]

    def play(self, strategy: Strategy, split: str, task: Task) -> Trajectory | None:
        """One episode; None where the strategy finds itself unfit."""
        benchmark = self.benchmark(split, strategy.protocol, strategy.observation)
        episode, steps, seen = benchmark.start(task), strategy.policy(task), None
        try:
            while not episode.done:
                text = steps.send(seen)  # type: ignore[arg-type]
                seen = episode.step(_call(text) if strategy.protocol == "tools" else text).observation
        except UnfitError:
            episode.session.close()
            return None
        return benchmark.finish(episode)

    def outcome(self, strategy: Strategy, most: int | None = None) -> Outcome:
        """A strategy on its tasks; for `most` see `chosen`."""
        outcome = Outcome()
        for split, task in self.chosen(strategy, most):
            found = self.play(strategy, split, task)
            if found is None:
                outcome.unfit += 1
                continue
            outcome.played += 1
            outcome.refused += [
                f"{turn.text}\n{turn.observation}"
                for turn in found.turns
                if turn.method == "POST" and turn.response_status >= 300
            ]
            if found.verdict["score"] != 1.0:
                outcome.failed.append(found)
        return outcome

    def close(self) -> None:
        """Free the charts."""
        for one in self._benchmarks.values():
            one.close()


def _call(text: str) -> dict[str, Any]:
    """A text action as an assistant's message with the function call that means the same."""
    call = as_call(text)
    assert call is not None, f"no function says {text!r}"
    function = {"name": call.name, "arguments": call.arguments}
    return {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": function}]}


def transcript(trajectory: Trajectory, width: int = 300) -> str:
    """What was written and seen, cut, and which checks failed."""
    task = trajectory.task
    lines = [f"{task.split} {task.id} {task.branch}: {task.instruction}"]
    for turn in trajectory.turns:
        lines.append(f"> {turn.text[:width]}")
        if turn.response_status is not None:
            lines.append(f"  HTTP {turn.response_status}: {' '.join((turn.observation or '').split())[:width]}")
    failed = [one for one in trajectory.verdict["checks"] if not one["passed"]]
    return "\n".join(
        [*lines, *(f"! {one['name']}: expected {one['expected']}, found {one['found']}" for one in failed)]
    )
