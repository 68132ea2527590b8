"""Where episodes are played: in this process, in worker processes, or on a Ray cluster. Which one changes no trajectory."""

from medenv.rollouts.engines.base import Engine
from medenv.rollouts.engines.local import LocalEngine, play
from medenv.rollouts.engines.worker import Setup

__all__ = ["ENGINES", "Engine", "LocalEngine", "Setup", "play"]

ENGINES = {
    "local": "this process, any number of episodes at once: for models behind an API",
    "processes": "worker processes, an episode at a time in each: for agents that compute",
    "ray": "a Ray cluster, or Ray on this machine",
}
"""The engines there are, with a line about each."""
