"""What lazy ways of playing score on a split, type by type, beside the share of the largest branch.

Each way is a few fixed actions; none of them learns from what it sees.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from medenv.episode import Benchmark, Episode
from medenv.tasks import TYPES, Gold, Task, orders, task_type
from medenv.tasks.steps import act, finish

__all__ = ["Floor", "floors", "floors_table"]

Actions = Callable[[Task, Gold], list[str] | None]


@dataclass(frozen=True, slots=True)
class Floor:
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
    """The right answer without the order; only where one is demanded."""
    return [finish(gold.answer)] if gold.orders else None


def _order_unread(task: Task, gold: Gold) -> list[str] | None:
    """An order of the type's kind and even the right answer, without a look; only where no order is demanded."""
    if gold.orders:
        return None
    mrn, now, params = task.mrn or "S0000000", task.now, task.params
    if task.type == 5:
        payloads = [orders.magnesium(mrn, params["ndc"], now, 1)]
    elif task.type == 9:
        recheck = f"{params['recheck_day']}T08:00:00+00:00"
        payloads = [
            orders.potassium(mrn, params["ndc"], now, 10),
            orders.service_request(mrn, orders.LOINC, params["loinc"], now, occurrence=recheck),
        ]
    else:
        payloads = [orders.service_request(mrn, orders.LOINC, params.get("loinc", "4548-4"), now)]
    return list(act(payloads, gold.answer, ""))


_WAYS: dict[str, Actions] = {
    "blind": _blind,
    "FINISH([])": _nothing,
    "right answer, no order": _no_order,
    "order, unread": _order_unread,
}


def floors(benchmark: Benchmark, tasks: Sequence[Task]) -> dict[str, dict[int, Floor]]:
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
    return {way: {number: Floor(passed[way, number], tried[way, number]) for number in TYPES} for way in _WAYS}


def _gold(benchmark: Benchmark, task: Task) -> Gold:
    episode = benchmark.start(task)
    try:
        facts: Any = benchmark.facts(episode) or []
    finally:
        episode.session.close()
    if task.type == 1:  # graders' facts leave names out; the row itself says what the search gives
        return Gold(task.branch or "", task.params["sol"])
    return task_type(task.type).gold(task, facts)


def _score(benchmark: Benchmark, task: Task, texts: list[str]) -> float:
    episode: Episode = benchmark.start(task)
    for text in texts:
        episode.step(text)
    verdict = benchmark.finish(episode).verdict
    return verdict["score"] if verdict is not None else 0.0


def floors_table(benchmark: Benchmark, tasks: Sequence[Task]) -> Table:
    """Branches with their counts, the largest one's share, and what the lazy ways score."""
    scores = floors(benchmark, tasks)
    name = f"{len(tasks)} tasks of {benchmark.tasks.name}, grader {benchmark.grader.name}"
    table = Table("task type", "branches", "largest", *_WAYS, title=name, title_justify="left")
    for number, kind in TYPES.items():
        branches = Counter(task.branch for task in tasks if task.type == number)
        if branches:
            largest = f"{100 * max(branches.values()) / branches.total():.1f} %"
            table.add_row(
                f"{number:2d} {kind.name}", _counts(branches), largest, *(_share(scores[way][number]) for way in _WAYS)
            )
    totals = [
        Floor(*(sum(x) for x in zip(*((f.passed, f.tried) for f in scores[w].values()), strict=True))) for w in _WAYS
    ]
    table.add_section()
    table.add_row("all", "", "", *map(_share, totals))
    return table


def _counts(branches: Counter[str | None]) -> str:
    return ", ".join(f"{branch} {count}" for branch, count in branches.most_common())


def _share(floor: Floor) -> str:
    return f"{floor} ({100 * floor.passed / floor.tried:.1f} %)" if floor.tried else "-"
