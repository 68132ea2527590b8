"""Trajectories: finished episodes as plain data, their JSON form, and the rows of stored runs.

Graders, rollouts, exporters and reports read stored episodes through this package alone.
"""

from medenv.trajectories.errors import DamagedRowError, RunFolderError, TrajectoryError, UnknownSchemaError
from medenv.trajectories.rows import (
    TRAJECTORIES,
    Key,
    Row,
    checksum_of,
    file_of,
    is_sealed,
    is_whole,
    key_of,
    numbered,
    numbered_lines,
    parse,
    read_row,
    read_rows,
    read_run,
    seal,
    unsealed,
)
from medenv.trajectories.trajectory import SCHEMA, Message, Status, Trajectory, Turn, conversation

__all__ = [
    "SCHEMA",
    "TRAJECTORIES",
    "DamagedRowError",
    "Key",
    "Message",
    "Row",
    "RunFolderError",
    "Status",
    "Trajectory",
    "TrajectoryError",
    "Turn",
    "UnknownSchemaError",
    "checksum_of",
    "conversation",
    "file_of",
    "is_sealed",
    "is_whole",
    "key_of",
    "numbered",
    "numbered_lines",
    "parse",
    "read_row",
    "read_rows",
    "read_run",
    "seal",
    "unsealed",
]
