"""What came of an export: how many rows of which kind, and why other episodes gave none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from medenv.rollouts.export.entries import length
from medenv.rollouts.export.items import Item
from medenv.rollouts.export.lengths import TokenLengths

__all__ = ["Report"]


@dataclass
class Report:
    """The counts of one export.

    Attributes:
        format: The dataset's format.
        episodes: How many episodes were read.
        rows: By part (train, validation), task type and branch.
        labels: How many rows are good and bad, for labelled ones.
        left_out: How many episodes, pairs or replies gave no row, by reason.
        shortened: How many rows lack a part of their episode, by what is missing.
        tokens: How many tokens rows have, where a tokenizer was given.
        lengths: For pairs: characters that the agent wrote on all preferred and on all rejected sides.
    """

    format: str
    episodes: int = 0
    rows: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    labels: Counter[bool] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    shortened: Counter[str] = field(default_factory=Counter)
    tokens: TokenLengths | None = None
    lengths: list[int] = field(default_factory=lambda: [0, 0])

    @property
    def total(self) -> int:
        """How many rows there are."""
        return sum(self.rows.values())

    def count(self, part: str, item: Item, row: Mapping[str, Any] | None = None) -> None:
        """Count a row that was written.

        Args:
            part: The file it went to.
            item: What it was made from.
            row: The row, if it is one.
        """
        number, branch = item.entries[0].stratum
        self.rows[part, number, branch] += 1
        if "label" in item.values:
            self.labels[item.values["label"]] += 1
        if row is not None and self.tokens is not None:
            self.tokens.add(row)
        if row is not None and "chosen" in row:
            for side, name in enumerate(("chosen", "rejected")):
                self.lengths[side] += sum(length(said) for said in row[name] if said["role"] == "assistant")

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        pairs = self.total if any(self.lengths) else 0
        return {
            "format": self.format,
            "episodes_read": self.episodes,
            "rows": self.total,
            "by_type_and_branch": [
                {"part": part, "task_type": number, "branch": branch, "rows": count}
                for (part, number, branch), count in sorted(self.rows.items())
            ],
            **({"labels": {"good": self.labels[True], "bad": self.labels[False]}} if self.labels else {}),
            **(
                {"mean_characters_written": {"chosen": self.lengths[0] / pairs, "rejected": self.lengths[1] / pairs}}
                if pairs
                else {}
            ),
            **({"tokens": self.tokens.to_dict()} if self.tokens is not None and self.tokens.counts else {}),
            "left_out": dict(sorted(self.left_out.items())),
            **({"shortened": dict(sorted(self.shortened.items()))} if self.shortened else {}),
        }
