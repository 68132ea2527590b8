"""A worker of an engine with several processes: its own charts, its own agent, and episodes sent to it by number.

Rows travel as their JSON, so that what is stored is the same bytes wherever an episode was played.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from medenv import __version__
from medenv.agents import FatalProviderError, Policy
from medenv.episode import Benchmark, BenchmarkConfig
from medenv.errors import InputError
from medenv.protocol.instructions import Wording
from medenv.rollouts.attempts import Attempt
from medenv.rollouts.engines.local import play_attempt
from medenv.trajectories import Trajectory

__all__ = ["Answer", "Setup", "Worker", "read_answer"]

Answer = tuple[str, bytes]
"""``("row", JSON)``, or ``("fatal", message)`` when no later episode can succeed either."""


@dataclass(frozen=True)
class Setup:
    """How a worker makes what it plays with; all of it can be pickled.

    Attributes:
        config: The benchmark's settings.
        policy: Makes the agent, e.g. ``partial(medenv.agents.load, "random")``.
        data: The fingerprint that the charts must have.
        wording: The user's own prompt and system message, since their files are on the sender's machine.
        medenv: The version of medenv that workers must have.
    """

    config: BenchmarkConfig
    policy: Callable[[], Policy]
    data: str
    wording: Wording | None = None
    medenv: str = __version__


class Worker:
    """Plays what it is sent.

    Args:
        setup: What to play with.

    Raises:
        ValueError: This is another version of medenv, or the charts are others than the sender's.
    """

    def __init__(self, setup: Setup) -> None:
        if setup.medenv != __version__:
            raise InputError(
                f"the run is of medenv {setup.medenv}, and this worker has {__version__}; install the same on all nodes"
            )
        config = setup.config if setup.wording is None else setup.config.replaced(prompt=None, system=None)
        self._benchmark = Benchmark(config, wording=setup.wording)
        found = self._benchmark.backend.fingerprint
        if found != setup.data:
            self._benchmark.close()
            raise InputError(f"this worker's charts have the fingerprint {found}, and those of the run {setup.data}")
        self._policy = setup.policy()

    async def play(self, attempt: Attempt) -> Answer:
        """Play an attempt to its end."""
        try:
            row = await play_attempt(self._benchmark, self._policy, attempt)
        except FatalProviderError as error:
            return "fatal", str(error).encode()
        return "row", row.to_json()


def read_answer(answer: Answer) -> Trajectory:
    """Decode a worker's answer to the trajectory in it.

    Raises:
        FatalProviderError: No later episode can succeed either.
    """
    kind, content = answer
    if kind == "fatal":
        raise FatalProviderError(content.decode())
    return Trajectory.from_json(content)
