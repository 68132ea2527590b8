"""Plays the attacks of some kinds over `test` and 30 tasks a type of `train`, and tells their scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from medenv.episode import Benchmark
from tests.grading.attacks import (
    ATTACKS,
    Attack,
    access,
    answers,
    anyorder,
    asked_again,
    besides,
    between,
    choices,
    forms,
    hidden,
    latest,
    medication,
    nobody,
    pressure,
    run,
    screen,
    service,
    undone,
    unread,
)
from tests.grading.attacks.base import Score

__all__ = ["KINDS", "Played", "chosen", "name_of", "play_all"]

TRAIN = 30
"""Tasks of a type of `train`."""

SAMPLE = 2
"""On how many tasks of a type and a split the tests play each attack; ``python -m tests.grading.attacks`` plays all."""

KINDS = {
    "reading": (unread.KIND, unread.LATE, screen.KIND),
    "none": (hidden.KIND, hidden.PAGES, nobody.KIND, forms.URL),
    "latest": (latest.KIND, latest.MEAN),
    "again": (asked_again.NONE, asked_again.NOBODY, asked_again.LATEST_KIND, asked_again.MEAN, asked_again.WHO),
    "drugs": (choices.KIND, medication.KIND, medication.WRONG),
    "services": (service.KIND, service.WRONG, service.NOTE, service.TIME, anyorder.KIND, anyorder.WHO),
    "records": (pressure.KIND, pressure.WRONG, besides.KIND, besides.LEFT, besides.BATCH),
    "acts": (access.KIND, undone.KIND, undone.TRACE, forms.KIND, forms.FORGED),
    "words": (between.KIND, between.WORDS, between.ACCESS, between.PAIRED),
    "answers": (answers.TYPE, answers.NEAR),
}
"""The kinds of attacks that a test file plays."""


def chosen(group: str) -> list[Attack]:
    """The attacks of a group of kinds."""
    return [one for kind in KINDS[group] for one in ATTACKS if one.kind == kind]


def name_of(attack: Attack) -> str:
    """A test's name."""
    return attack.id


@dataclass(slots=True)
class Played:
    """The scores of some attacks on both splits."""

    test: dict[str, Score]
    train: dict[str, Score]

    def check(self, attack: Attack) -> None:
        """Assert that an attack was played to its end, that its requests were taken, and that it never scored."""
        both = self.test[attack.id], self.train[attack.id]
        assert [text for one in both for text in one.crashed] == []
        assert sum(one.played for one in both) > 0, "it applies to no task"
        assert [name for one in both for name in one.unfinished] == []
        if not attack.refused:
            assert [name for one in both for name in one.refused] == [], "the server refuses what it sends"
        assert [name for one in both for name in one.strict] == [], attack.exploits

    def tell(self, attacks: Iterable[Attack], figures: Callable[[str], None]) -> None:
        """Tell each attack's official and strict score."""
        figures(f"{'kind':31s} {'attack':44s} {'n':>5s} {'official':>9s} {'strict':>7s}")
        for one in attacks:
            both = self.test[one.id], self.train[one.id]
            played = max(1, sum(score.played for score in both))
            official, strict = sum(s.official for s in both), sum(len(s.strict) for s in both)
            figures(
                f"{one.kind:31s} {one.name:44s} {played:5d} {100 * official / played:7.1f} % {100 * strict / played:5.1f} %"
            )


def play_all(group: str, most: int | None = SAMPLE) -> Played:
    """Play a group of attacks on both splits.

    Args:
        group: One of `KINDS`.
        most: On how many tasks of a type and a split each is played; None for all that it applies to.
    """
    attacks = chosen(group)
    with Benchmark("test") as test, Benchmark("train") as train:
        count = TRAIN if most is None else min(TRAIN, 5 * most)
        some = [task for number in range(1, 11) for task in train.tasks.of_type(number)[:count]]
        return Played(run(test, test.tasks, attacks, most), run(train, some, attacks, most))
