"""Preferences: pairs of episodes or replies for DPO, and single ones with a label for KTO."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from medenv.rollouts.export.columns import BOOL, FLOAT, Kind
from medenv.rollouts.export.entries import Entry, length
from medenv.rollouts.export.formats.base import PAIR_COLUMNS, Format, LeftOutError, of_pair
from medenv.rollouts.export.items import Item
from medenv.rollouts.export.messages import completion, history
from medenv.rollouts.export.pairing import distinct, forks, groups, trajectory_pairs, turn_pairs
from medenv.rollouts.export.source import Source

__all__ = ["DirectPreference", "Labelled"]


class DirectPreference(Format):
    """``prompt``, ``chosen`` and ``rejected``."""

    name = "dpo"
    title = "preference pairs of one task: whole episodes, or single replies to a shared history (--level turn)"
    use = (
        "For TRL's `DPOTrainer`. At the level of turns `prompt` is a history that both episodes share word for word, and `chosen` and "
        "`rejected` are one reply each. At the level of trajectories they hold all that followed the opening, the environment's answers "
        "included, and `DPOTrainer` masks none of it: prefer turns unless you mask those yourself. `chosen_score` and `rejected_score` "
        "are the shares of the episodes going on from there that passed, `chosen_count` and `rejected_count` how many there were."
    )

    @property
    def body(self) -> Mapping[str, Kind]:
        """See `Format.body`."""
        return {"prompt": self.messages, "chosen": self.messages, "rejected": self.messages, **PAIR_COLUMNS}

    def plan(self, entries: list[Entry], left_out: Counter[str]) -> Iterator[Item]:
        """See `medenv.rollouts.export.pairing`."""
        find = turn_pairs if self.options.level == "turn" else trajectory_pairs
        return find(entries, self.options, left_out)

    def row(self, item: Item, source: Source) -> dict[str, Any]:
        """See `Format.row`."""
        chosen, rejected = (self.episode(item, source, which) for which in (0, 1))
        form = self.options.form
        sides = {
            "chosen": completion(chosen, item.turn, form),
            "rejected": completion(rejected, item.turn, form),
        }
        if item.turn is not None and self.options.length_ratio is not None:
            shorter, longer = sorted(max(1, length(said[0])) for said in sides.values())
            if longer > self.options.length_ratio * shorter:
                raise LeftOutError("replies of too different length")
        row = {"prompt": history(chosen, item.turn or 0, form), **sides, **of_pair(item, rejected, source)}
        return self.with_origin(row, chosen, item, source)


class Labelled(Format):
    """``prompt``, ``completion`` and ``label``."""

    name = "kto"
    title = "single episodes or replies (--level turn) with a label, good or bad"
    use = (
        "For TRL's `KTOTrainer`. `label` says whether the episode passed. At the level of turns a reply is good if as large a share of "
        "its continuations passed as of all that had the same history, and bad if none passed though others did; the rest, which nobody "
        "can tell, is left out. `value` is that share. At the level of episodes `completion` holds the server's answers too, "
        "and KTOTrainer, which masks nothing within it, learns them as if the agent had written them: prefer --level turn."
    )
    keeps = "all"

    @property
    def body(self) -> Mapping[str, Kind]:
        """See `Format.body`."""
        return {"prompt": self.messages, "completion": self.messages, "label": BOOL, "value": FLOAT}

    def plan(self, entries: list[Entry], left_out: Counter[str]) -> Iterator[Item]:
        """Every distinct episode, or every reply of which something can be told."""
        if self.options.level == "turn":
            yield from self._turns(entries, left_out)
            return
        for entry in distinct(self.kept(entries, left_out), left_out):
            if self.options.against == "loophole" and not entry.passed and not entry.loose:
                left_out["failed by both graders"] += 1
                continue
            yield Item((entry,), None, {"label": entry.passed, "value": float(entry.passed)})

    def _turns(self, entries: list[Entry], left_out: Counter[str]) -> Iterator[Item]:
        for group in groups(entries):
            for (turn, _), replies in forks(group).items():
                passed = sum(len(child.passed) for child in replies.values())
                share = passed / sum(child.count for child in replies.values())
                for child in replies.values():
                    if child.passed and child.value >= share:
                        yield Item((child.passed[0],), turn, {"label": True, "value": child.value})
                    elif not child.passed and passed:
                        yield Item((child.others[0],), turn, {"label": False, "value": 0.0})
                    else:
                        left_out["a reply of which nothing can be told"] += 1

    def row(self, item: Item, source: Source) -> dict[str, Any]:
        """See `Format.row`."""
        one, form = self.episode(item, source), self.options.form
        row = {
            "prompt": history(one, item.turn or 0, form),
            "completion": completion(one, item.turn, form),
            "label": item.values["label"],
            "value": item.values["value"],
        }
        return self.with_origin(row, one, item, source)
