"""Collecting episodes: the runner, and the folder of trajectories that it fills."""

from medenv.rollouts.folder import RunFolder, RunFolderError, read_run
from medenv.rollouts.runner import play, run

__all__ = ["RunFolder", "RunFolderError", "play", "read_run", "run"]
