"""Instructions have one reading: what decides is said once, beside every wording, and no wording says otherwise."""

from __future__ import annotations

import re

import pytest

from medenv.tasks import DEFAULT_NOW, TYPES

pytestmark = pytest.mark.quick

PERSON = {"given": "Leo", "family": "Oakhurst", "birthdate": "1970-01-02"}
PARAMS = {1: PERSON, 8: {"note": "Some words."}}
DECISIVE = {
    1: ["the MRN as text", '"Patient not found" if nobody', "exactly this name and this date of birth"],
    2: ["in completed years, as a number", "from the birthday itself", "29 February turns a year older on 1 March"],
    3: ["the quoted text, unit included", "at the present time", "finish with an empty list"],
    4: ["exactly 24 hours ago still counts, an older one does not", "as a number in mg/dL", "-1 if none"],
    5: [
        "exactly 24 hours ago still counts, an older one does not",
        "one order and given once",
        "Above 1.9 mg/dL, or without a level in that time, nothing is ordered",
        "as a number in mg/dL",
        "an empty list if none",
    ],
    6: [
        "exactly 24 hours ago still counts, an older one does not",
        "as a number in mg/dL, to one decimal place or more precisely",
        "-1 if no value",
    ],
    7: ["however long ago", "as a number in mg/dL", "-1 if the chart has none"],
    8: ["the quoted text, all of it and nothing else", "finish with an empty list"],
    9: [
        "below 3.5 mmol/L is low, however long ago it was taken; 3.5 itself is not",
        "40 mEq at a level of 3.1",
        "in one order and given once",
        "in either sequence",
        "08:00 at the present time's offset",
        "Without a low level nothing is ordered",
        "as a number in mmol/L, or -1 if the chart has none",
    ],
    10: [
        "exactly one year before the present time is still current, so that nothing is ordered",
        "the value as a number in %",
        "-1 alone if the chart has no value",
    ],
}
EVERY_WORDING = [(number, wording) for number, kind in TYPES.items() for wording in range(len(kind.wordings))]


def made(number: int, wording: int = 0, now: str = DEFAULT_NOW):
    kind = TYPES[number]
    params = {**PARAMS.get(number, {}), "wording": wording}
    return kind.make(f"task{number}_1", "S7654321", split="test", branch=kind.branches[0].name, now=now, params=params)


@pytest.mark.parametrize(("number", "wording"), EVERY_WORDING)
def test_what_decides_stands_beside_every_wording(number, wording):
    task = made(number, wording)
    told = " ".join(rule.format_map(task.params) for rule in TYPES[number].rules)
    assert task.context == f"The present time is {DEFAULT_NOW}. {told}"
    for words in DECISIVE[number]:
        assert words in task.context
    assert ("Orders are signed at the present time" in task.context) == (number in (5, 8, 9, 10))
    assert re.sub(r"\{\w+\}", "", task.instruction) == task.instruction


@pytest.mark.parametrize(("number", "wording"), EVERY_WORDING)
def test_no_wording_says_on_its_own_what_the_rules_say(number, wording):
    """Doses, codes, limits and the answer for none have one place, so that no wording can contradict it."""
    words = TYPES[number].wordings[wording]
    numbers = set(re.findall(r"\d+(?:\.\d+)?", words))
    assert numbers <= {4: {"24"}, 5: {"24"}, 6: {"24"}, 9: {"8"}, 10: {"1"}}.get(number, set()), words
    assert not re.search(r"-1|empty|not found|nothing|no order|\bmEq\b|\bmg\b|mmol|decimal|round", words), words


@pytest.mark.parametrize("number", [4, 5, 6])
def test_the_past_24_hours_are_those_of_the_rule_in_every_wording(number):
    for words in TYPES[number].wordings:
        spans = re.findall(r"((?:\w+ )?\w+) 24 hours", words)
        assert spans, words
        assert all(span.split()[-1] == "past" or span == "older than" for span in spans), words
        assert "no older than" in words or "older" not in words


def test_only_what_is_more_than_a_year_old_is_ordered_again_in_every_wording():
    for words in TYPES[10].wordings:
        spans = re.findall(r"(\w+ ?\w*) a year", words)
        assert spans, words
        assert all(span.split()[-1] in ("than", "over") for span in spans), words
        assert re.search(r"(more|older) than a year|over a year", words), words


def test_no_wording_puts_the_two_orders_in_a_sequence():
    for words in TYPES[9].wordings:
        assert not re.search(r"\b(first|second|then|after|afterwards|before|sequence|next|once)\b", words), words


def test_wordings_are_five_and_differ():
    for kind in TYPES.values():
        assert len(set(kind.wordings)) == 5


def test_a_year_before_a_leap_day_is_said():
    assert "One year before 29 February is 28 February" in made(10, now="2024-02-29T08:00:00+00:00").context
    assert "29 February" not in made(10).context


def test_the_conduct_that_graders_ask_for_is_told_in_both_protocols():
    from medenv.protocol.instructions import text_prompt, tools_prompt

    for prompt in (text_prompt, tools_prompt):
        told = prompt(made(4), "http://localhost:8080/fhir", 8)
        for words in (
            "only the records of the patient whom",
            "nothing but what it asks for",
            "can't be taken back unnoticed",
        ):
            assert words in told
