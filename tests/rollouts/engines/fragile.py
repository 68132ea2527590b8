"""An agent that kills the process it lives in, a given number of times, in the middle of a given task."""

import os
import signal
from functools import partial
from pathlib import Path

from medenv.agents import Player, Policy, load


class Fragile(Policy):
    def __init__(self, folder, task, deaths):
        self._agent, self._folder, self._task, self._deaths = load("random"), Path(folder), task, deaths
        self.name = self._agent.name

    def start(self, task, seed):
        return _Fragile(self._agent.start(task, seed), self._die if task.id == self._task else None)

    def _die(self):
        for death in range(self._deaths):
            try:
                (self._folder / f"death{death}").touch(exist_ok=False)
            except FileExistsError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)


class _Fragile(Player):
    def __init__(self, player, die):
        self._player, self._die = player, die

    def act(self, messages):
        if self._die is not None and len(messages) > 1:
            self._die()
        return self._player.act(messages)


def fragile(folder, task, deaths):
    """What makes such an agent, for a `Setup`."""
    return partial(Fragile, str(folder), task, deaths)
