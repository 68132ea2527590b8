"""Counts, accuracies and the Wilson interval."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medenv.report import bootstrap, compare, pass_at_k, pass_hat_k, summarise, wilson
from medenv.tasks import Task
from medenv.trajectories import Status, Trajectory, Turn

pytestmark = pytest.mark.quick


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


def scored(task_id, score, branch, number=5, orders=0.0, posted=False):
    task = Task(task_id, number, "", "", "S1", "builtin", branch)
    turns = (Turn("x", "post", "", "POST", "MedicationRequest", 201),) if posted else ()
    verdict = {"score": score, "branch": branch, "category": None if score else "dose", "partial": {"orders": orders}}
    return Trajectory(task, "http://x", "p", Status.COMPLETED, turns, verdict=verdict)


def test_a_rare_branch_weighs_as_much_as_a_frequent_one():
    summary = summarise(
        [*(scored(f"task5_{n}", 1.0, "absent", orders=1.0) for n in range(9)), scored("task5_9", 0.0, "mild")]
    )
    assert summary.total.accuracy == 0.9
    assert summary.balanced == summary.types[5].balanced == 0.5
    assert summary.total.categories == {"dose": 1}


def test_orders_demanded_and_orders_too_many():
    summary = summarise(
        [
            scored("task5_1", 1.0, "mild", orders=1.0, posted=True),
            scored("task5_2", 0.0, "mild"),
            scored("task5_3", 1.0, "normal", orders=1.0),
            scored("task5_4", 0.0, "normal", posted=True),
        ]
    )
    written = summary.to_dict()["total"]
    assert written["order_recall"] == 0.5
    assert written["over_ordering"] == 0.5


def test_pass_at_k_and_pass_hat_k():
    assert pass_at_k(4, 1, 1) == pass_hat_k(4, 1, 1) == 0.25
    assert pass_at_k(4, 1, 4) == 1.0
    assert pass_hat_k(4, 3, 2) == 0.5
    for rate in (pass_at_k, pass_hat_k):
        for k in (0, 5):
            with pytest.raises(ValueError, match=str(k)):
                rate(4, 1, k)


@given(st.integers(1, 12), st.data())
def test_pass_rates_by_counting(attempts, data):
    from itertools import combinations

    passed, k = data.draw(st.integers(0, attempts)), data.draw(st.integers(1, attempts))
    draws = list(combinations([1] * passed + [0] * (attempts - passed), k))
    assert pass_at_k(attempts, passed, k) == pytest.approx(sum(any(d) for d in draws) / len(draws))
    assert pass_hat_k(attempts, passed, k) == pytest.approx(sum(all(d) for d in draws) / len(draws))


def test_repeated_attempts_all_count():
    summary = summarise([scored("task5_1", s, "mild") for s in (0.0, 1.0)] + [scored("task5_2", 1.0, "mild")] * 2)
    assert summary.samples == 2
    assert summary.total.accuracy == 0.75
    assert summary.pass_rates() == {"pass@1": 0.75, "pass^1": 0.75, "pass@2": 1.0, "pass^2": 0.5}
    assert not summary.only_failures_repeated
    low, high = summary.interval
    assert 0.0 <= low <= 0.75 <= high <= 1.0


def test_a_run_that_repeats_its_failures_is_marked():
    summary = summarise(
        [scored("task5_1", 0.0, "mild"), scored("task5_1", 1.0, "mild"), scored("task5_2", 1.0, "mild")]
    )
    assert summary.only_failures_repeated
    assert summary.to_dict()["only_failures_repeated"] is True
    honest = summarise([scored("task5_1", 1.0, "mild"), scored("task5_1", 0.0, "mild"), scored("task5_2", 1.0, "mild")])
    assert not honest.only_failures_repeated


def test_the_bootstrap_repeats_itself_and_holds_the_mean():
    scores = [[float(n % 3 == 0)] for n in range(60)]
    assert bootstrap(scores) == bootstrap(scores)
    low, high = bootstrap(scores)
    assert low < 1 / 3 < high
    assert bootstrap([[1.0]] * 5) == (1.0, 1.0)
    assert bootstrap([]) == (0.0, 1.0)


def test_two_runs_compared_task_by_task():
    first = {f"t{n}": [0.0] for n in range(10)}
    second = {f"t{n}": [float(n < 6)] for n in range(12)}
    found = compare(first, second)
    assert (found.tasks, found.first, found.second, found.gained, found.lost) == (10, 0.0, 0.6, 6, 0)
    assert found.p_value == pytest.approx(2 / 2**6)
    assert found.interval[0] > 0
    assert compare(first, first).p_value == 1.0
    with pytest.raises(ValueError, match="common"):
        compare(first, {"other": [1.0]})
