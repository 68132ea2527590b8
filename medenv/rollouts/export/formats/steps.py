"""Rewards on the way: what each turn of an episode was worth, for offline RL and process reward models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from medenv.episode import Benchmark
from medenv.grading.strict.progress import progress
from medenv.rollouts.export.columns import BOOL, FLOAT, INT, Kind, ListOf
from medenv.rollouts.export.entries import Entry
from medenv.rollouts.export.formats.base import Format, LeftOutError
from medenv.rollouts.export.items import Item
from medenv.rollouts.export.messages import completion, history, messages
from medenv.rollouts.export.source import Source
from medenv.rollouts.replaying import ReplayError, retrace
from medenv.trajectories import Trajectory

__all__ = ["StepRewards"]


class StepRewards(Format):
    """Rewards, potentials and returns a turn."""

    name = "steps"
    title = "all episodes with a reward for each turn: the grader's, its potential-based shaping, and the return"
    use = (
        "For offline RL and process reward models. `rewards` is the grader's score at the last turn and 0 before. `potentials` says how "
        "far the episode had come before each turn: evidence shown and right orders made, less what else was written, from -1 to 1, "
        "times the weight. `shaped_rewards` adds gamma times the next potential less this one, which changes no policy's rank. `returns` "
        "is the discounted sum of the grader's rewards from there on. One value for each of the agent's messages, or one row a turn."
    )
    keeps = "all"
    _last: tuple[Entry, dict[str, list[float]]] | None = None
    """The values of the episode of the row before, of which the next row may be another turn."""

    @property
    def body(self) -> Mapping[str, Kind]:
        """See `Format.body`."""
        if self.options.level == "turn":
            return {
                "prompt": self.messages,
                "completion": self.messages,
                **dict.fromkeys(_SINGLE.values(), FLOAT),
                "turns": INT,
            }
        return {"messages": self.messages, "trained": ListOf(BOOL), **dict.fromkeys(_SINGLE, ListOf(FLOAT))}

    def plan(self, entries: list[Entry], left_out: Counter[str]) -> Iterator[Item]:
        """Every episode that was asked for, as often as it was played."""
        for entry in self.kept(entries, left_out):
            if self.options.level == "turn":
                yield from (Item((entry,), turn) for turn in range(entry.turns))
            else:
                yield Item((entry,))

    def row(self, item: Item, source: Source) -> dict[str, Any]:
        """See `Format.row`."""
        played, form = source.read(item.entries[0]), self.options.form
        if self._last is None or self._last[0] != item.entries[0]:
            self._last = (item.entries[0], self._values(played, source.benchmark(played, item.entries[0].run)))
        values = self._last[1]
        one = self.episode(item, source)
        row: dict[str, Any]
        if item.turn is None:
            said = messages(one, form)
            row = {"messages": said, "trained": [message["role"] == "assistant" for message in said], **values}
        else:
            row = {
                "prompt": history(one, item.turn, form),
                "completion": completion(one, item.turn, form),
                **{_SINGLE[name]: each[item.turn] for name, each in values.items()},
                "turns": len(one.turns),
            }
        return self.with_origin(row, one, item, source)

    def _values(self, played: Trajectory, benchmark: Benchmark) -> dict[str, list[float]]:
        """Compute each turn's values; plays the episode again, since its record keeps only the chart's last state."""
        turns, gamma = len(played.turns), self.options.gamma
        score = float((played.verdict or {}).get("score", 0.0))
        rewards = [0.0] * (turns - 1) + [score] * min(1, turns)
        potentials = [self.options.weight * one for one in _progress(played, benchmark)][:turns]
        # The end has no potential: only so does the sum of what is added depend on the beginning alone.
        after = [*potentials[1:], 0.0]
        return {
            "rewards": rewards,
            "potentials": potentials,
            "shaped_rewards": [rewards[i] + gamma * after[i] - potentials[i] for i in range(turns)],
            "returns": [score * gamma ** (turns - 1 - i) for i in range(turns)],
        }


_SINGLE = {"rewards": "reward", "potentials": "potential", "shaped_rewards": "shaped_reward", "returns": "return"}


def _progress(played: Trajectory, benchmark: Benchmark) -> list[float]:
    """How far the episode had come before each turn, and at its end."""
    if played.protocol == "official":
        raise LeftOutError("played in the official protocol, which executes no POST")
    found, episode = [], None
    try:
        for episode in retrace(benchmark, played):
            found.append(progress(benchmark.snapshot(episode)))
    except ReplayError as error:
        raise LeftOutError(f"doesn't replay: another {error.difference.what} than recorded") from error
    finally:
        if episode is not None:
            episode.session.close()
    return found
