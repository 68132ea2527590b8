"""Minari: the episodes as Gymnasium's offline reinforcement learning has them, text observations and text actions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import gymnasium
import orjson
from gymnasium.spaces import Text

from medenv import __version__
from medenv.rollouts.export.columns import Kind
from medenv.rollouts.export.entries import Entry
from medenv.rollouts.export.formats.base import Format
from medenv.rollouts.export.items import Item
from medenv.rollouts.export.provenance import player, provenance_columns
from medenv.rollouts.export.source import Source
from medenv.rollouts.rebuilding import PLACES, benchmark_arguments
from medenv.rollouts.store import Manifest
from medenv.trajectories import Status, Trajectory

__all__ = ["Minari"]


class Minari(Format):
    """A Minari dataset, one of its episodes for each of the run's."""

    name = "minari"
    title = "all episodes as a Minari dataset (Gymnasium's offline RL), text observations and actions"
    use = (
        "A Minari dataset: `minari.MinariDataset('THIS FOLDER/data')` opens it, and so does `minari.load_dataset(NAME)` with "
        "`MINARI_DATASETS_PATH` set to the folder that this one is in and NAME its name. The first observation is the prompt, an action is "
        "a reply, the reward is the grader's score at the end. Each episode's metadata says in `options` where it comes from."
    )
    keeps = "all"

    @property
    def body(self) -> Mapping[str, Kind]:
        """There are no rows."""
        return {}

    def plan(self, entries: list[Entry], left_out: Counter[str]) -> Iterator[Item]:
        """Every episode that was asked for and in which anything was done."""
        for entry in self.kept(entries, left_out):
            if entry.turns:
                yield Item((entry,))
            else:
                left_out["no turn was taken"] += 1

    def row(self, item: Item, source: Source) -> dict[str, Any]:
        """There are no rows; see `write`."""
        raise NotImplementedError

    def write(
        self, items: Sequence[Item], source: Source, folder: Path, name: str, count: Callable[[int], Any]
    ) -> None:
        """Write the dataset.

        Args:
            items: What `plan` gave.
            source: The runs.
            folder: Where to, a folder that there is.
            name: What the dataset is called.
            count: Called with how many episodes were written.
        """
        from minari.data_collector import EpisodeBuffer
        from minari.dataset.minari_storage import MinariStorage

        observations, actions = self._spaces(items, source)
        storage = MinariStorage.new(
            folder.absolute() / "data",
            observation_space=observations,
            action_space=actions,
            env_spec=_spec(source.samples[items[0].entries[0].run], source.manifests[items[0].entries[0].run]),
            data_format="hdf5",
        )
        storage.update_metadata(
            {
                "dataset_id": name,
                "minari_version": _minari_version(),
                "algorithm_name": ", ".join(
                    sorted({player(one.provenance) for one in source.samples if one is not None})
                ),
                "description": "MedAgentBench episodes: text observations and actions, the grader's score as terminal reward",
                "requirements": [f"medenv=={__version__}"],
            }
        )

        def buffers() -> Iterator[Any]:
            for number, item in enumerate(items):
                one = self.episode(item, source)
                yield EpisodeBuffer(id=number, **_episode(one, self._options_of(one, item, source)))
                count(number + 1)

        storage.update_episodes(buffers())

    def _spaces(self, items: Sequence[Item], source: Source) -> tuple[Text, Text]:
        """Measure the observation and action spaces of all rows, which Minari stores at the start and never widens."""
        seen, said = _Extent(), _Extent()
        for item in items:
            made = _episode(self.episode(item, source), {})
            seen.take(made["observations"])
            said.take(made["actions"])
        return seen.space(), said.space()

    def _options_of(self, one: Trajectory, item: Item, source: Source) -> dict[str, Any]:
        said = provenance_columns(one, source.names[item.entries[0].run], self.options.license)
        return {name: value for name, value in said.items() if value is not None}  # HDF5 has no null


class _Extent:
    """The longest of some texts, and the characters that they are of."""

    def __init__(self) -> None:
        self._length, self._characters = 1, {" "}

    def take(self, texts: Sequence[str]) -> None:
        for text in texts:
            self._length = max(self._length, len(text))
            self._characters.update(text)

    def space(self) -> Text:
        return Text(self._length, min_length=0, charset="".join(sorted(self._characters)))


def _minari_version() -> str:
    import minari

    return str(minari.__version__)


def _spec(one: Trajectory | None, manifest: Manifest | None) -> Any:
    """Make the Gymnasium spec of the environment that an episode is from, without the places of files."""
    spec = deepcopy(gymnasium.spec("MedAgentBench-v0"))
    if one is not None:
        arguments = {name: value for name, value in benchmark_arguments(one, manifest).items() if name not in PLACES}
        spec.kwargs.update(arguments)
    return spec


def _episode(one: Trajectory, options: dict[str, Any]) -> dict[str, Any]:
    """Lay out an episode as `MedAgentBenchEnv` would have stepped it; calls of the tools protocol are JSON messages."""
    more = [False] * (len(one.turns) - 1)
    cut = one.status in (Status.TURN_LIMIT, Status.CONTEXT_LIMIT)
    shown = [turn.observation or "" for turn in one.turns]
    if one.status is Status.INVALID_ACTION:
        shown[-1] = one.error or ""
    return {
        "options": options,
        "observations": [one.prompt, *shown],
        "actions": [
            orjson.dumps(turn.said).decode() if turn.said.get("tool_calls") else str(turn.said["content"])
            for turn in one.turns
        ],
        "rewards": [*map(float, more), float((one.verdict or {}).get("score", 0.0))],
        "terminations": [*more, not cut],
        "truncations": [*more, cut],
    }
