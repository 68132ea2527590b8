"""Instructions decide: a solver that knows only them and the chart agrees with the gold. The full figure: ``tests/tasks/independent``."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

import pytest

from medenv.fhir import EmbeddedBackend
from medenv.grading import collect_reference_data
from medenv.tasks import TYPES, load_split
from tests.tasks.independent.agreement import compare, differences

ROOT = Path(__file__).resolve().parents[2]
WORDINGS = range(5)

# What is changed in a text, by type, so that the texts ask for something that the gold isn't.
CHANGES = {
    1: ("instruction", "born on ", "born on 1850-01-01, not "),
    2: ("context", "present time is 20", "present time is 21"),
    3: ("instruction", " mmHg", " kPa"),
    4: ("context", '"MG"', '"XX"'),
    5: ("context", "0338-1715-40", "0338-1715-41"),
    6: ("context", '"GLU"', '"XX"'),
    7: ("context", "-1 if", '"none" if'),
    8: ("context", "306181000000106", "306181000000107"),
    9: ("context", "10 mEq by mouth", "11 mEq by mouth"),
    10: ("context", "4548-4", "4548-5"),
}


def opened(name: str):
    split = load_split(name)
    with EmbeddedBackend(split.charts.open()) as backend:
        yield split, backend


@pytest.fixture(scope="module")
def fixed():
    yield from opened("test")


@pytest.fixture(scope="module")
def train():
    yield from opened("train")


@pytest.fixture(scope="module")
def validation():
    yield from opened("validation")


def test_the_solver_knows_nothing_of_medenv():
    program = (
        "import sys, tests.tasks.independent.solver; sys.exit(any(m.split('.')[0] == 'medenv' for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("number", TYPES)
def test_solver_and_gold_agree_on_test_in_every_wording(fixed, number):
    split, backend = fixed
    found = compare(split, backend, split.of_type(number))
    assert not found.differing
    assert found.agreed[number] == len(split.of_type(number)) * len(WORDINGS) > 0


@pytest.mark.parametrize(("name", "count"), [("train", 200), ("validation", 100)])
def test_solver_and_gold_agree_on_generated_tasks(request, name, count, figures):
    split, backend = request.getfixturevalue(name)
    found = compare(split, backend, islice(split, count), cycle(WORDINGS))
    assert not found.differing
    assert set(found.tasks) == set(TYPES)
    assert sum(found.agreed.values()) == count
    figures(f"independent solver and gold agree on {count} tasks of {name}")


@pytest.mark.parametrize("now", ["2024-02-29T00:00:00+00:00", "2025-02-28T23:59:00+00:00", "2023-03-01T00:00:00+00:00"])
@pytest.mark.parametrize("number", [2, 10])
def test_solver_and_gold_agree_around_the_leap_day(train, number, now):
    split, backend = train
    found = compare(split, backend, islice(split.of_type(number), 30), cycle(WORDINGS), now)
    assert not found.differing
    assert found.agreed[number] == 30


@pytest.mark.parametrize("number", TYPES)
def test_a_text_that_asks_for_something_else_is_noticed(fixed, number):
    split, backend = fixed
    where, old, new = CHANGES[number]
    known = {}

    def noticed(task) -> bool:
        put = split.present(task, 0)
        other = replace(put, **{where: getattr(put, where).replace(old, new)})
        assert other != put
        with backend.open() as session:
            facts = collect_reference_data(task, session, known).facts or []
            # Both are put on one chart and against one gold, that of the task as it is.
            assert not differences(put, facts, session, {})
            return bool(differences(other, facts, session, {}))

    # Not every chart has a use for what was changed: a product's code matters only where something is low.
    assert any(map(noticed, split.of_type(number)))
