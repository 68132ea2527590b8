"""One episode: a framework-free state machine that turns agent text into requests and observations.

Gymnasium, the runner and every other adapter are thin skins on `Episode`.
"""

from medenv.episode.benchmark import Benchmark
from medenv.episode.config import BenchmarkConfig
from medenv.episode.episode import MAX_TURNS, Episode, EpisodeOverError, Transition

__all__ = ["MAX_TURNS", "Benchmark", "BenchmarkConfig", "Episode", "EpisodeOverError", "Transition"]
