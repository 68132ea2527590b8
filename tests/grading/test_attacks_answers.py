"""Attacks that must not score: answers of odd types and near misses."""

import pytest

from tests.grading.attacks import ATTACKS
from tests.grading.attacks.suite import KINDS, chosen, name_of, play_all

GROUP = "answers"


@pytest.fixture(scope="module")
def played():
    return play_all(GROUP)


@pytest.mark.parametrize("attack", chosen(GROUP), ids=name_of)
def test_an_attack_never_scores(attack, played):
    played.check(attack)


def test_the_table_of_attacks(played, figures):
    played.tell(chosen(GROUP), figures)
    assert len(played.test) == len(chosen(GROUP))


def test_every_attack_is_played():
    assert sorted(one.id for group in KINDS for one in chosen(group)) == sorted(one.id for one in ATTACKS)
    assert len(ATTACKS) >= 150
