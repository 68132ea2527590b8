"""The answer as the agent gave it: the JSON list in FINISH."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["parse_answer"]


def parse_answer(result: Any) -> list[Any] | None:
    """Return the list in FINISH's text; None if it holds none."""
    try:
        answer = json.loads(result)
    except (TypeError, ValueError, RecursionError):
        return None
    return answer if isinstance(answer, list) else None
