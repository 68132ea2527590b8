"""What lazy ways of playing score on a split, type by type, beside the share of the largest branch.

Each way is a few fixed actions; none of them learns from what it sees.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from medenv.episode import Benchmark, Episode
from medenv.report.terminal import TerminalTable, figure_column, name_column, prose_column
from medenv.tasks import TYPES, Gold, Task, task_type
from medenv.tasks.reference import act, finish

__all__ = ["Baseline", "baselines", "baselines_json", "baselines_table"]

Actions = Callable[[Task, Gold], list[str] | None]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What one way of playing scores on a type: how many of how many tasks it applies to."""

    passed: int
    tried: int

    def __str__(self) -> str:
        return f"{self.passed}/{self.tried}" if self.tried else "-"


def _blind(task: Task, gold: Gold) -> list[str]:
    return list(task_type(task.type).blind(task))


def _nothing(task: Task, gold: Gold) -> list[str]:
    return [finish([])]


def _no_order(task: Task, gold: Gold) -> list[str] | None:
    """Return the actions that answer right without the order; None for a task that demands no order."""
    return [finish(gold.answer)] if gold.orders else None


def _order_unread(task: Task, gold: Gold) -> list[str] | None:
    """Return the actions that order needlessly, then answer right, without a look; None where an order is demanded."""
    if gold.orders:
        return None
    return list(act(task_type(task.type).needless_orders(task), gold.answer, ""))


_WAYS: dict[str, Actions] = {
    "blind": _blind,
    "FINISH([])": _nothing,
    "answer without order": _no_order,
    "order unread": _order_unread,
}


def baselines(benchmark: Benchmark, tasks: Sequence[Task]) -> dict[str, dict[int, Baseline]]:
    """Play the lazy ways.

    Args:
        benchmark: Charts and grader.
        tasks: What to play.

    Returns:
        By way of playing and task type what it scores.
    """
    passed: Counter[tuple[str, int]] = Counter()
    tried: Counter[tuple[str, int]] = Counter()
    for task in tasks:
        gold = _gold(benchmark, task)
        for way, actions in _WAYS.items():
            texts = actions(task, gold)
            if texts is not None:
                tried[way, task.type] += 1
                passed[way, task.type] += _score(benchmark, task, texts) == 1.0
    return {way: {number: Baseline(passed[way, number], tried[way, number]) for number in TYPES} for way in _WAYS}


def _gold(benchmark: Benchmark, task: Task) -> Gold:
    episode = benchmark.start(task)
    try:
        facts = benchmark.reference_data(episode).facts or []
    finally:
        episode.session.close()
    return task_type(task.type).gold(task, facts)


def _score(benchmark: Benchmark, task: Task, texts: list[str]) -> float:
    episode: Episode = benchmark.start(task)
    for text in texts:
        episode.step(text)
    verdict = benchmark.finish(episode).verdict
    return verdict["score"] if verdict is not None else 0.0


def baselines_table(benchmark: Benchmark, tasks: Sequence[Task]) -> TerminalTable:
    """Branches with their counts, the largest one's share, and what the lazy ways score."""
    scores = baselines(benchmark, tasks)
    title = f"{len(tasks)} tasks of {benchmark.tasks.title}, grader {benchmark.grader.title}"
    ways = (figure_column(way, spare=at) for at, way in enumerate(_WAYS))
    table = TerminalTable(
        name_column("task type"),
        prose_column("branches", spare=len(_WAYS)),
        figure_column("largest"),
        *ways,
        title=title,
    )
    for number, branches in _branches(tasks).items():
        largest = f"{100 * max(branches.values()) / branches.total():.1f} %"
        name = f"{number:2d} {TYPES[number].name}"
        table.add(name, _counts(branches), largest, *(_share(scores[way][number]) for way in _WAYS))
    totals = [
        Baseline(*(sum(x) for x in zip(*((f.passed, f.tried) for f in scores[w].values()), strict=True))) for w in _WAYS
    ]
    table.section()
    table.add("all", "", "", *map(_share, totals))
    return table


def baselines_json(benchmark: Benchmark, tasks: Sequence[Task]) -> list[dict[str, Any]]:
    """Return what `baselines_table` shows, as plain data."""
    scores = baselines(benchmark, tasks)
    return [
        {
            "type": number,
            "name": TYPES[number].name,
            "branches": dict(branches),
            "ways": {way: asdict(scores[way][number]) for way in _WAYS},
        }
        for number, branches in _branches(tasks).items()
    ]


def _branches(tasks: Sequence[Task]) -> dict[int, Counter[str | None]]:
    """Return how many tasks of each type that there is are of which branch."""
    counted = {number: Counter(task.branch for task in tasks if task.type == number) for number in TYPES}
    return {number: branches for number, branches in counted.items() if branches}


def _counts(branches: Counter[str | None]) -> str:
    return ", ".join(f"{branch} {count}" for branch, count in branches.most_common())


def _share(floor: Baseline) -> str:
    return f"{floor} ({100 * floor.passed / floor.tried:.1f} %)" if floor.tried else "-"
