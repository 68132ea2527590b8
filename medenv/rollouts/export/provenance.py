"""Where a row comes from: columns that every format has, so that each row can be found again in its run.

Only what is named here is taken from an episode's provenance, so that no address or option of a provider gets into data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medenv.rollouts.export.columns import FLOAT, INT, TEXT, Kind
from medenv.rollouts.store import key_of
from medenv.tasks.taskset import FIRST
from medenv.trajectories import Trajectory

__all__ = ["COLUMNS", "episode_name", "license_of", "player", "provenance_columns"]

COLUMNS: Mapping[str, Kind] = {
    "run": TEXT,
    "episode": TEXT,
    "turn": INT,
    "task_id": TEXT,
    "task_type": INT,
    "branch": TEXT,
    "split": TEXT,
    "split_version": INT,
    "protocol": TEXT,
    "score": FLOAT,
    "grader": TEXT,
    "grader_version": INT,
    "agent": TEXT,
    "medenv": TEXT,
    "prompt_hash": TEXT,
    "data_fingerprint": TEXT,
    "license": TEXT,
}


def episode_name(trajectory: Trajectory) -> str:
    """Name an episode within its run: task id, sample and seed, with slashes between."""
    return "/".join(map(str, key_of(trajectory)))


def player(provenance: Mapping[str, Any]) -> str:
    """Who played: the model's name where there is one, the agent's otherwise."""
    agent = provenance.get("agent")
    if not isinstance(agent, Mapping):
        return "unknown"
    return str(agent.get("model") or agent.get("name") or "unknown")


def license_of(split: str) -> str:
    """Return the licence of a split's tasks and charts, ``apache-2.0``, or ``other`` for the official rows."""
    return "other" if split == "official" else "apache-2.0"


def provenance_columns(
    trajectory: Trajectory, run: str, license: str | None, turn: int | None = None
) -> dict[str, Any]:
    """Make the columns that say where a row comes from.

    Args:
        trajectory: The episode; of a pair, the preferred one.
        run: The name of its run.
        license: None for that of the split.
        turn: Which reply the row is about, from 0; None for the whole episode.
    """
    verdict, said = trajectory.verdict or {}, trajectory.provenance
    return {
        "run": run,
        "episode": episode_name(trajectory),
        "turn": turn,
        "task_id": trajectory.task.id,
        "task_type": trajectory.task.type,
        "branch": verdict.get("branch") or trajectory.task.branch,
        "split": trajectory.task.split,
        "split_version": said.get("split_version", FIRST),
        "protocol": trajectory.protocol,
        "score": verdict.get("score"),
        "grader": verdict.get("grader"),
        "grader_version": verdict.get("grader_version", FIRST) if verdict else None,
        "agent": player(said),
        "medenv": said.get("medenv"),
        "prompt_hash": said.get("prompt"),
        "data_fingerprint": said.get("data"),
        "license": license or license_of(trajectory.task.split),
    }
