"""Attacks that must not score: "none" after searches that would not have shown a value."""

import pytest

from tests.grading.attacks.suite import chosen, name_of, play_all

GROUP = "none"


@pytest.fixture(scope="module")
def played():
    return play_all(GROUP)


@pytest.mark.parametrize("attack", chosen(GROUP), ids=name_of)
def test_an_attack_never_scores(attack, played):
    played.check(attack)


def test_the_table_of_attacks(played, figures):
    played.tell(chosen(GROUP), figures)
    assert len(played.test) == len(chosen(GROUP))
