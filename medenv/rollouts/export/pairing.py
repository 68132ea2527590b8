"""Pairs of a preferred and a rejected episode, or reply, on the same task.

Replies are compared where episodes that shared everything up to a turn went apart; what a reply is worth is the share of its
continuations that passed (a Monte Carlo estimate: the more samples, or forks of `medenv rollout --branch-at`, the better).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from medenv.rollouts.export.entries import Entry, rank
from medenv.rollouts.export.items import Item
from medenv.rollouts.export.options import Options

__all__ = ["Child", "distinct", "forks", "groups", "trajectory_pairs", "turn_pairs"]


@dataclass(slots=True)
class Child:
    """What followed one reply.

    Attributes:
        passed: Episodes that were solved.
        others: Episodes that were not.
    """

    passed: list[Entry] = field(default_factory=list)
    others: list[Entry] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many episodes there are."""
        return len(self.passed) + len(self.others)

    @property
    def value(self) -> float:
        """The share that was solved."""
        return len(self.passed) / self.count


def distinct(entries: Iterable[Entry], left_out: Counter[str]) -> list[Entry]:
    """Drop the episodes whose conversation is that of one before, and count them in `left_out`."""
    seen: set[bytes] = set()
    kept = []
    for entry in entries:
        if entry.conversation in seen:
            left_out["the same conversation again"] += 1
        else:
            seen.add(entry.conversation)
            kept.append(entry)
    return kept


def groups(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Episodes that began alike: the same task on the same charts, told in the same words."""
    found: dict[bytes, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.root, []).append(entry)
    return list(found.values())


def forks(group: list[Entry]) -> dict[tuple[int, bytes], dict[bytes, Child]]:
    """For each history that a group's episodes had, by turn and hash, what they replied."""
    nodes: dict[tuple[int, bytes], dict[bytes, Child]] = {}
    for entry in group:
        for turn, (history, reply) in enumerate(entry.steps()):
            child = nodes.setdefault((turn, history), {}).setdefault(reply, Child())
            (child.passed if entry.passed else child.others).append(entry)
    return nodes


def trajectory_pairs(entries: list[Entry], options: Options, left_out: Counter[str]) -> Iterator[Item]:
    """Whole episodes: one that passed and one that didn't, each used once, those of like length first."""
    for group in groups(distinct(entries, left_out)):
        good = [entry for entry in group if entry.passed]
        bad = [entry for entry in group if not entry.passed and (options.against == "failed" or entry.loose)]
        if options.against == "loophole":
            _count(left_out, "failed by both graders", len(group) - len(good) - len(bad))
        if not good or not bad:
            _count(
                left_out,
                "no passed attempt at the task" if bad else "no rejected attempt at the task",
                len(good or bad),
            )
            continue
        couples = [(a, b) for a in good for b in bad]
        couples.sort(key=lambda pair: (_imbalance(*pair), rank(options.seed, pair[0].position, pair[1].position)))
        used: set[tuple[int, int]] = set()
        for chosen, rejected in couples:
            names = {(chosen.run, chosen.position), (rejected.run, rejected.position)}
            if used & names:
                continue
            if options.length_ratio is not None and _imbalance(chosen, rejected) > options.length_ratio:
                break
            used |= names
            yield Item((chosen, rejected), None, {"chosen_score": 1.0, "rejected_score": 0.0})
        unused = [one for one in (*good, *bad) if (one.run, one.position) not in used]
        _count(left_out, "no partner left at the task, or none of like length", len(unused))


def _imbalance(one: Entry, other: Entry) -> float:
    """How many times as long the longer is."""
    shorter, longer = sorted((max(1, one.said), max(1, other.said)))
    return longer / shorter


def turn_pairs(entries: list[Entry], options: Options, left_out: Counter[str]) -> Iterator[Item]:
    """Single replies to one and the same history: the better with the worse, the best with the worst first."""
    for group in groups(entries):
        found = False
        for (turn, _), replies in forks(group).items():
            ranked = sorted(replies.items(), key=lambda one: (-one[1].value, -one[1].count, rank(options.seed, one[0])))
            while len(ranked) > 1:
                best, worst = ranked[0][1], ranked.pop()[1]
                rejected = _rejected(worst, options)
                if best.value - worst.value < options.margin:
                    break
                if rejected is None:
                    continue
                ranked.pop(0)
                found = True
                yield Item(
                    (_first(best.passed, options), rejected),
                    turn,
                    {
                        "chosen_score": best.value,
                        "chosen_count": best.count,
                        "rejected_score": worst.value,
                        "rejected_count": worst.count,
                    },
                )
        if not found:
            _count(left_out, "no turn at which attempts at the task went apart by the margin", len(group))


def _rejected(child: Child, options: Options) -> Entry | None:
    """Choose an episode that shows why a reply is rejected; return None if none does."""
    shown = child.others if options.against == "failed" else [entry for entry in child.others if entry.loose]
    return _first(shown, options) if shown else None


def _first(entries: list[Entry], options: Options) -> Entry:
    return min(entries, key=lambda entry: rank(options.seed, entry.run, entry.position))


def _count(left_out: Counter[str], reason: str, number: int) -> None:
    if number:
        left_out[reason] += number
