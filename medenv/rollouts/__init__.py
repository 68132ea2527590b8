"""Collecting episodes: attempts, the engines that play them, and the folders that they are stored in."""

from medenv.rollouts.attempts import Attempt
from medenv.rollouts.budget import cost_of
from medenv.rollouts.collect import Plan, collect, read_stored
from medenv.rollouts.engines import ENGINES, Engine, LocalEngine, Setup, play
from medenv.rollouts.runner import run
from medenv.rollouts.store import Key, Manifest, RunFolder, RunFolderError, RunWriteError, key_of, read_run

__all__ = [
    "ENGINES",
    "Attempt",
    "Engine",
    "Key",
    "LocalEngine",
    "Manifest",
    "Plan",
    "RunFolder",
    "RunFolderError",
    "RunWriteError",
    "Setup",
    "collect",
    "cost_of",
    "key_of",
    "play",
    "read_run",
    "read_stored",
    "run",
]
