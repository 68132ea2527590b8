"""Collecting episodes: attempts, the engines that play them, and the folders that they are stored in."""

from medenv.rollouts.attempts import Attempt
from medenv.rollouts.branching import Forks, branch
from medenv.rollouts.budget import cost_of
from medenv.rollouts.collect import Plan, collect, read_stored
from medenv.rollouts.engines import ENGINES, Engine, LocalEngine, Setup, play
from medenv.rollouts.rebuilding import benchmark_arguments, open_benchmark
from medenv.rollouts.replaying import Difference, ReplayError, replay, retrace
from medenv.rollouts.runner import run
from medenv.rollouts.store import Key, Manifest, RunFolder, RunFolderError, RunWriteError, key_of, read_run

__all__ = [
    "ENGINES",
    "Attempt",
    "Difference",
    "Engine",
    "Forks",
    "Key",
    "LocalEngine",
    "Manifest",
    "Plan",
    "ReplayError",
    "RunFolder",
    "RunFolderError",
    "RunWriteError",
    "Setup",
    "benchmark_arguments",
    "branch",
    "collect",
    "cost_of",
    "key_of",
    "open_benchmark",
    "play",
    "read_run",
    "read_stored",
    "replay",
    "retrace",
    "run",
]
