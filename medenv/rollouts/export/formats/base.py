"""What every format says of itself: its columns, which rows there will be, and how one is written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from medenv.protocol.trajectory import Trajectory
from medenv.rollouts.export.columns import FLOAT, INT, MESSAGES, TEXT, Kind
from medenv.rollouts.export.convert import in_protocol
from medenv.rollouts.export.entries import Entry
from medenv.rollouts.export.items import Item
from medenv.rollouts.export.options import Options
from medenv.rollouts.export.provenance import COLUMNS, episode_name, origin
from medenv.rollouts.export.source import Source
from medenv.rollouts.export.talk import tools_text

__all__ = ["PAIR_COLUMNS", "Format", "LeftOutError", "of_pair"]


class LeftOutError(ValueError):
    """A row can't be made; the message is a short reason, the same for all of its kind."""


class Format(ABC):
    """One format.

    Args:
        options: What it is made with.
        tools: Whether conversations are in the tools protocol.

    Attributes:
        name: What it is called.
        title: A line about it.
        use: How it is used, as a Markdown text for the card.
        keeps: Which episodes become rows unless the options say.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    use: ClassVar[str]
    keeps: ClassVar[str] = "passed"

    def __init__(self, options: Options, tools: bool) -> None:
        self.options, self.tools = options, tools

    @property
    @abstractmethod
    def body(self) -> Mapping[str, Kind]:
        """The format's own columns."""

    @property
    def columns(self) -> dict[str, Kind]:
        """All columns."""
        return {**self.body, **({"tools": TEXT} if self.tools else {}), **COLUMNS}

    @property
    def messages(self) -> Kind:
        """The kind of a list of messages."""
        return MESSAGES(self.tools, self.options.reasoning)

    @abstractmethod
    def plan(self, entries: list[Entry], left_out: Counter[str]) -> Iterator[Item]:
        """The rows there could be.

        Args:
            entries: The episodes, in the order of the runs.
            left_out: Counts by reason the episodes that give none.
        """

    @abstractmethod
    def row(self, item: Item, source: Source) -> dict[str, Any]:
        """One row.

        Raises:
            LeftOutError: It can't be made after all.
            NotConvertibleError: The episode has no form in the protocol that was asked for.
        """

    def kept(self, entries: list[Entry], left_out: Counter[str]) -> list[Entry]:
        """The episodes that were asked for."""
        keep = self.options.keep or self.keeps
        if keep == "all":
            return entries
        wanted = [entry for entry in entries if entry.passed is (keep == "passed")]
        if len(wanted) < len(entries):
            left_out["not solved" if keep == "passed" else "solved"] += len(entries) - len(wanted)
        return wanted

    def episode(self, item: Item, source: Source, which: int = 0) -> Trajectory:
        """One of the item's episodes, in the protocol that was asked for."""
        return in_protocol(source.read(item.entries[which]), self.options.protocol)

    def with_origin(self, row: Mapping[str, Any], trajectory: Trajectory, item: Item, source: Source) -> dict[str, Any]:
        """A row with the columns that say where it comes from."""
        tools = {"tools": tools_text(trajectory)} if self.tools else {}
        return {
            **row,
            **tools,
            **origin(trajectory, source.names[item.entries[0].run], self.options.license, item.turn),
        }


PAIR_COLUMNS: Mapping[str, Kind] = {
    "rejected_run": TEXT,
    "rejected_episode": TEXT,
    "chosen_score": FLOAT,
    "rejected_score": FLOAT,
    "chosen_count": INT,
    "rejected_count": INT,
}
"""What a pair's row says besides: which episode was rejected, and what share of how many continuations passed."""


def of_pair(item: Item, rejected: Trajectory, source: Source) -> dict[str, Any]:
    """The values of `PAIR_COLUMNS`."""
    return {
        "rejected_run": source.names[item.entries[1].run],
        "rejected_episode": episode_name(rejected),
        "chosen_score": item.values["chosen_score"],
        "rejected_score": item.values["rejected_score"],
        "chosen_count": item.values.get("chosen_count", 1),
        "rejected_count": item.values.get("rejected_count", 1),
    }
