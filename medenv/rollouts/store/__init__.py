"""A run on disk: an append-only file of episodes, a manifest of what made it, a lock, and the tools that mend and cut runs."""

from medenv.rollouts.store.errors import RunFolderError, RunWriteError
from medenv.rollouts.store.folder import RunFolder
from medenv.rollouts.store.manifest import Manifest
from medenv.rollouts.store.reading import Key, key_of, read_run

__all__ = ["Key", "Manifest", "RunFolder", "RunFolderError", "RunWriteError", "key_of", "read_run"]
