"""What every format says of itself: its columns, which rows there will be, and how one is written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from medenv.errors import DataError
from medenv.rollouts.export.columns import FLOAT, INT, JSON, MESSAGES, TEXT, Kind
from medenv.rollouts.export.convert import in_protocol
from medenv.rollouts.export.entries import Entry
from medenv.rollouts.export.items import Item
from medenv.rollouts.export.messages import tools_text
from medenv.rollouts.export.options import Options
from medenv.rollouts.export.provenance import COLUMNS, episode_name, provenance_columns
from medenv.rollouts.export.source import Source
from medenv.trajectories import Trajectory

__all__ = ["PAIR_COLUMNS", "Format", "LeftOutError", "of_pair"]


class LeftOutError(DataError):
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
        shortened: How many rows lack a part of their episode, by what is missing.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    use: ClassVar[str]
    keeps: ClassVar[str] = "passed"

    def __init__(self, options: Options, tools: bool) -> None:
        self.options, self.tools = options, tools
        self.shortened: Counter[str] = Counter()

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
        return MESSAGES(self.tools, self.options.reasoning, JSON if self.options.arguments == "object" else TEXT)

    @abstractmethod
    def plan(self, entries: list[Entry], left_out: Counter[str]) -> Iterator[Item]:
        """Plan the rows that the episodes could give.

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
        """Return the episodes that `keep` asks for, passed, failed or all; count the others in `left_out`."""
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
        """Add to a row the columns of its provenance and, where the format has it, that of the functions."""
        tools = {"tools": tools_text(trajectory)} if self.tools else {}
        return {
            **row,
            **tools,
            **provenance_columns(trajectory, source.names[item.entries[0].run], self.options.license, item.turn),
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
    """Return the values of `PAIR_COLUMNS` for a pair's row."""
    return {
        "rejected_run": source.names[item.entries[1].run],
        "rejected_episode": episode_name(rejected),
        "chosen_score": item.values["chosen_score"],
        "rejected_score": item.values["rejected_score"],
        "chosen_count": item.values.get("chosen_count", 1),
        "rejected_count": item.values.get("rejected_count", 1),
    }
