"""What a grader needs to know of the chart as it was before the episode: read once, stored with the trajectory.

With these facts a stored trajectory can be graded again without any server.
"""

from __future__ import annotations

import json
from typing import Any

from medenv.fhir.backend import Session
from medenv.tasks import Task, task_type

__all__ = ["FactsError", "collect_facts"]

_READ = ("id", "identifier", "name", "birthDate", "effectiveDateTime", "valueQuantity")
_READ_OF_QUANTITY = ("value", "unit")


class FactsError(RuntimeError):
    """The server did not give a grader the chart's facts: a fault of the infrastructure."""


def collect_facts(task: Task, session: Session) -> list[dict[str, Any]] | None:
    """Read from a pristine chart what the graders of this task need.

    Args:
        task: The task.
        session: A session without any write of the episode.

    Returns:
        One dict an entry, in the server's order, with those of its elements that graders read;
        None where the graders read nothing.

    Raises:
        FactsError: The server refused the search or answered with something else than a Bundle.
    """
    # Which search it is comes from the task type, whose gold answer rests on the same one.
    url = task_type(task.type).facts_query(task)
    if url is None:
        return None
    response = session.get(url)
    try:
        bundle = json.loads(response.body)
        entries = bundle.get("entry", [])
        resources = [entry["resource"] for entry in entries]
    except (AttributeError, KeyError, TypeError, ValueError):
        resources = None
    if response.status != 200 or resources is None:
        raise FactsError(f"{url} was answered with HTTP {response.status}: {response.body[:200]!r}")
    return [{key: _short(r[key]) for key in _READ if key in r} for r in resources]


def _short(value: Any) -> Any:
    """A quantity without its code and system, which no grader reads and every trajectory would carry."""
    return {key: value[key] for key in _READ_OF_QUANTITY if key in value} if isinstance(value, dict) else value
