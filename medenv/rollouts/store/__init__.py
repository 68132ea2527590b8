"""A run on disk: an append-only file of episodes, a manifest of what made it, a lock, and the tools that drop_torn_line and cut runs."""

from medenv.rollouts.store.errors import RunFolderError, RunWriteError
from medenv.rollouts.store.files import write_json
from medenv.rollouts.store.folder import RunFolder
from medenv.rollouts.store.manifest import Manifest
from medenv.rollouts.store.repair import Check, check_run, repair_run
from medenv.rollouts.store.transform import filter_run, merge_runs, sample_run, write_run
from medenv.trajectories import Key, key_of, numbered, read_run

__all__ = [
    "Check",
    "Key",
    "Manifest",
    "RunFolder",
    "RunFolderError",
    "RunWriteError",
    "check_run",
    "filter_run",
    "key_of",
    "merge_runs",
    "numbered",
    "read_run",
    "repair_run",
    "sample_run",
    "write_json",
    "write_run",
]
