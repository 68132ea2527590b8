"""Where a row comes from: columns that every format has, so that each row can be found again in its run.

Only what is named here is taken from an episode's provenance, so that no address or option of a provider gets into data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medenv.protocol.trajectory import Trajectory
from medenv.rollouts.export.columns import FLOAT, INT, TEXT, Kind
from medenv.rollouts.store import key_of

__all__ = ["COLUMNS", "episode_name", "license_of", "origin", "player"]

COLUMNS: Mapping[str, Kind] = {
    "run": TEXT,
    "episode": TEXT,
    "turn": INT,
    "task_id": TEXT,
    "task_type": INT,
    "branch": TEXT,
    "split": TEXT,
    "protocol": TEXT,
    "score": FLOAT,
    "grader": TEXT,
    "agent": TEXT,
    "medenv": TEXT,
    "prompt_hash": TEXT,
    "data_fingerprint": TEXT,
    "license": TEXT,
}


def episode_name(trajectory: Trajectory) -> str:
    """What an episode is called within its run: task id, sample and seed, with slashes between."""
    return "/".join(map(str, key_of(trajectory)))


def player(provenance: Mapping[str, Any]) -> str:
    """Who played: the model's name where there is one, the agent's otherwise."""
    agent = provenance.get("agent")
    if not isinstance(agent, Mapping):
        return "unknown"
    return str(agent.get("model") or agent.get("name") or "unknown")


def license_of(split: str) -> str:
    """The licence of a split's tasks and charts: medenv's own, or that of the official rows' owner."""
    return "other" if split == "official" else "apache-2.0"


def origin(trajectory: Trajectory, run: str, license: str | None, turn: int | None = None) -> dict[str, Any]:
    """The columns of one row.

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
        "protocol": trajectory.protocol,
        "score": verdict.get("score"),
        "grader": verdict.get("grader"),
        "agent": player(said),
        "medenv": said.get("medenv"),
        "prompt_hash": said.get("prompt"),
        "data_fingerprint": said.get("data"),
        "license": license or license_of(trajectory.task.split),
    }
