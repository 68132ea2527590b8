"""Collecting episodes: attempts, the engines that play them, and the folders that they are stored in."""

from medenv.rollouts.attempts import Attempt
from medenv.rollouts.branching import Forks, branch
from medenv.rollouts.budget import cost_of
from medenv.rollouts.collect import Plan, collect, read_stored
from medenv.rollouts.engines import ENGINES, Engine, LocalEngine, Setup, play
from medenv.rollouts.fingerprint import fingerprint_of_run
from medenv.rollouts.rebuilding import benchmark_arguments, open_benchmark
from medenv.rollouts.replaying import Difference, ReplayError, replay, retrace
from medenv.rollouts.runner import run
from medenv.rollouts.startup import CannotStartError, Reasons
from medenv.rollouts.store import Key, Manifest, RunFolder, RunFolderError, RunWriteError, key_of, read_run
from medenv.rollouts.verifying import Verification, verify

__all__ = [
    "ENGINES",
    "Attempt",
    "CannotStartError",
    "Difference",
    "Engine",
    "Forks",
    "Key",
    "LocalEngine",
    "Manifest",
    "Plan",
    "Reasons",
    "ReplayError",
    "RunFolder",
    "RunFolderError",
    "RunWriteError",
    "Setup",
    "Verification",
    "benchmark_arguments",
    "branch",
    "collect",
    "cost_of",
    "fingerprint_of_run",
    "key_of",
    "open_benchmark",
    "play",
    "read_run",
    "read_stored",
    "replay",
    "retrace",
    "run",
    "verify",
]
