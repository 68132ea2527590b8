"""Whether the answer is what the chart said before the episode's own writes.

The answer must be a JSON list and hold numbers as numbers; ``[]`` passes only where there is nothing to say.
"""

from __future__ import annotations

import json
from typing import Any

from medenv.grading.strict.spellings import plain_number
from medenv.tasks import Gold, Task
from medenv.tasks.chart import instant

__all__ = ["MEAN_TOLERANCE", "expected_answer", "parse_answer", "right_answer"]

MEAN_TOLERANCE = 0.05
"""mg/dL; a mean may be rounded to one decimal, which the official grader's 0.1 allows twice over."""


def parse_answer(result: Any) -> list[Any] | None:
    """The list in FINISH's text; None if it holds none."""
    try:
        answer = json.loads(result)
    except (TypeError, ValueError, RecursionError):
        return None
    return answer if isinstance(answer, list) else None


def expected_answer(task: Task, gold: Gold) -> str:
    """The expectation as short text."""
    if task.type in (3, 8):
        return "any list"
    if not gold.answer or (gold.branch == "absent" and task.type in (5, 9)):
        return "[] or [-1]"
    return json.dumps(list(gold.answer))


def right_answer(task: Task, gold: Gold, answer: list[Any]) -> bool:
    """Whether the answer is right."""
    if task.type in (3, 8):
        return True  # nothing was asked
    if gold.branch == "absent" and task.type in (5, 9):
        return answer == [] or _numbers(answer) == [-1]
    if task.type == 1:
        return answer == list(gold.answer)
    if task.type == 10 and len(gold.answer) == 2:
        return (
            len(answer) == 2 and _numbers(answer[:1]) == [gold.answer[0]] and _same_instant(answer[1], gold.answer[1])
        )
    found = _numbers(answer)
    if task.type == 6 and gold.branch != "absent":
        return found is not None and len(found) == 1 and abs(found[0] - gold.answer[0]) <= MEAN_TOLERANCE + 1e-9
    return found == list(gold.answer)


def _numbers(answer: list[Any]) -> list[float] | None:
    numbers = [plain_number(one) for one in answer]
    return None if None in numbers else [one for one in numbers if one is not None]


def _same_instant(text: Any, wanted: str) -> bool:
    try:
        return isinstance(text, str) and "T" in text and instant(text) == instant(wanted)
    except (OverflowError, ValueError):
        return False
