"""Counts, accuracies and the Wilson interval."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medenv.protocol import Status, Trajectory, Turn
from medenv.report import summarise, wilson
from medenv.tasks import Task


def episode(number, score, status=Status.COMPLETED, usage=None):
    task = Task(f"task{number}_1", number, "", "", None, "builtin")
    verdict = None if score is None else {"score": score}
    return Trajectory(task, "http://x", "p", status, (Turn("x", "finish", usage=usage),), verdict=verdict)


@pytest.mark.parametrize(
    ("passed", "scored", "low", "high"),
    # from the closed form, worked out by hand with z = 1.96 to four digits
    [
        (0, 0, 0.0, 1.0),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (5, 10, 0.2366, 0.7634),
        (157, 300, 0.4669, 0.5792),
    ],
)
def test_wilson(passed, scored, low, high):
    assert wilson(passed, scored) == pytest.approx((low, high), abs=2e-4)


@given(st.integers(1, 500), st.data())
def test_the_interval_holds_the_share(scored, data):
    passed = data.draw(st.integers(0, scored))
    low, high = wilson(passed, scored)
    assert 0 <= low <= passed / scored + 1e-12
    assert passed / scored - 1e-12 <= high <= 1
    mirrored = wilson(scored - passed, scored)
    assert mirrored == pytest.approx((1 - high, 1 - low))


def test_infrastructure_errors_are_in_no_accuracy():
    summary = summarise(
        [
            episode(1, 1.0, usage={"prompt_tokens": 5, "finish_reason": "stop"}),
            episode(1, 0.0, Status.TURN_LIMIT, {"prompt_tokens": 6}),
            episode(1, None, Status.INFRASTRUCTURE_ERROR),
            episode(2, 0.0, Status.INVALID_ACTION),
        ]
    )
    assert (summary.total.episodes, summary.total.scored, summary.total.passed) == (4, 3, 1)
    assert summary.types[1].accuracy == 0.5
    assert summary.total.ended(Status.TURN_LIMIT) == summary.total.ended(Status.INVALID_ACTION) == 1
    assert summary.usage == {"prompt_tokens": 11}
    assert summarise([]).total.accuracy is None
