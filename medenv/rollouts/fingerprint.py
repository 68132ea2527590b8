"""A run's fingerprint: a hash of what its scores rest on, to be published with them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from medenv.rollouts.store import Manifest
from medenv.trajectories import file_of, is_whole, numbered_lines, unsealed

__all__ = ["SETTINGS", "Fingerprint", "fingerprint_of_run"]

SETTINGS = (
    "agent",
    "split",
    "split_version",
    "grader",
    "grader_version",
    "observation",
    "max_turns",
    "protocol",
    "prompt",
    "tolerances",
    "backend",
    "data",
    "seed",
    "samples",
    "tasks",
)
"""The manifest's settings that scores depend on."""

_SCHEMA = b"medenv.fingerprint/1\n"


class Fingerprint:
    """The hash, taken row by row.

    Args:
        settings: The manifest's; other members than `SETTINGS` don't count.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        chosen = {name: settings.get(name) for name in SETTINGS}
        self._digest = hashlib.sha256(_SCHEMA + orjson.dumps(chosen, option=orjson.OPT_SORT_KEYS) + b"\n")

    def add(self, line: bytes) -> None:
        """Add a stored line; its checksum doesn't count."""
        self._digest.update(unsealed(line) + b"\n")

    def __str__(self) -> str:
        return f"sha256:{self._digest.hexdigest()}"


def fingerprint_of_run(path: str | Path) -> str:
    """Compute a run's fingerprint: of its settings and its rows in their order.

    Args:
        path: The run's folder, or its ``trajectories.jsonl``.

    Raises:
        RunFolderError: There is no run.
    """
    file = file_of(path)
    manifest = Manifest.read(file.parent)
    fingerprint = Fingerprint(manifest.settings if manifest is not None else {})
    for _, line in numbered_lines(file):
        if line.endswith(b"\n") or is_whole(line):
            fingerprint.add(line)
    return str(fingerprint)
