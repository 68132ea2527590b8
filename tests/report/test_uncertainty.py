"""Clustered errors, nested bootstrap, Holm and ranks: against other implementations, and against simulations with a known truth."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medenv.report import bootstrap, clustered, compare, holm, interval_of, wilson
from medenv.report.clustered import t_quantile
from medenv.report.comparing import detectable
from medenv.report.ranking import ordinal, rank
from tests.report.made_up import episodes_of, record


def _coverage(hits, rounds):
    return f"{100 * hits / rounds:.1f} % of {rounds}"


def _within(rng, count):
    return np.full(count, 0.6)


def _between(rng, count):
    return (rng.random(count) < 0.6).astype(float)


def _both(rng, count):
    return rng.beta(1.2, 0.8, count)


@pytest.mark.parametrize("draw", [_within, _between, _both])
def test_the_nested_bootstrap_covers_the_truth_as_often_as_it_says(draw, figures):
    rng, hits, rounds = np.random.default_rng(20), 0, 1000  # so many that chance moves the share by 0.7 points
    for at in range(rounds):
        scores = (rng.random((40, 3)) < draw(rng, 40)[:, None]).astype(float)
        low, high = bootstrap(scores.tolist(), seed=at)
        hits += low <= 0.6 <= high
    figures(f"nested bootstrap, chance{draw.__name__.replace('_', ' ')}: 95 % covers in {_coverage(hits, rounds)}")
    assert 0.93 <= hits / rounds <= 0.97


def test_clustered_intervals_cover_the_truth_where_naive_ones_do_not(figures):
    rng = np.random.default_rng(21)
    hits, naive, rounds = 0, 0, 2000
    for _ in range(rounds):
        sizes, shares = rng.integers(1, 7, 60), rng.beta(0.6, 0.6, 60)
        scores = [float(x) for n, p in zip(sizes, shares, strict=True) for x in rng.random(n) < p]
        found = clustered(scores, [at for at, n in enumerate(sizes) for _ in range(n)])
        low, high = found.interval
        hits += low <= 0.5 <= high
        naive += abs(found.mean - 0.5) <= 1.96 * found.naive
    figures(f"errors clustered by patient: {_coverage(hits, rounds)} covered, {_coverage(naive, rounds)} without")
    assert 0.93 <= hits / rounds <= 0.97
    assert naive / rounds < 0.9


def test_wilson_covers_the_truth(figures):
    rng = np.random.default_rng(22)
    passed = rng.binomial(300, 0.77, 4000)
    hits = sum(low <= 0.77 <= high for low, high in (wilson(int(k), 300) for k in passed))
    figures(f"Wilson at 300 tasks: {_coverage(hits, 4000)}")
    assert 0.93 <= hits / 4000 <= 0.97


def test_single_attempts_are_resampled_as_they_are():
    scores = [[float(n % 3 == 0)] for n in range(90)]
    low, high = bootstrap(scores)
    spread = 1.96 * sqrt(1 / 3 * 2 / 3 / 90)
    assert (high - low) / 2 == pytest.approx(spread, rel=0.1)
    assert interval_of(scores) == wilson(30, 90)


def test_unequal_attempts_and_certain_ones():
    low, high = interval_of([[1.0, 0.0], [1.0], [0.0, 0.0, 1.0], [1.0]] * 10)
    assert 0 <= low < 40 / 70 < high <= 1
    assert interval_of([[1.0, 1.0]] * 5) == wilson(5, 5)
    assert interval_of([]) == (0.0, 1.0)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=2, max_size=40))
def test_clustered_errors_by_the_definition(pairs):
    values, groups = [float(v) for v, _ in pairs], [g for _, g in pairs]
    found = clustered(values, groups)
    count = len(set(groups))
    assert found.groups == count
    if count < 2:
        assert found.error is found.interval is None
        return
    cross = sum(
        (a - found.mean) * (b - found.mean)
        for a, g in zip(values, groups, strict=True)
        for b, h in zip(values, groups, strict=True)
        if g == h
    )
    assert found.error == pytest.approx(sqrt(count / (count - 1) * max(cross, 0)) / len(values), abs=1e-7)


def test_tasks_of_their_own_have_the_plain_standard_error():
    values = [1.0, 0.0, 0.0, 1.0, 1.0]
    found = clustered(values, range(5))
    assert found.error == pytest.approx(found.naive) == pytest.approx(np.std(values, ddof=1) / sqrt(5))
    assert found.design_effect == pytest.approx(1.0)
    with pytest.raises(ValueError, match="0 values"):
        clustered([], [])


def test_clustered_errors_are_those_of_a_regression_package():
    statsmodels = pytest.importorskip("statsmodels.api", reason="needs the extra 'test-report'")
    rng = np.random.default_rng(3)
    groups = rng.integers(0, 40, 200)
    values = (rng.random(200) < 0.3 + 0.4 * (groups % 2)).astype(float)
    fit = statsmodels.OLS(values, np.ones(200)).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "use_correction": True, "df_correction": True}, use_t=True
    )
    found = clustered(values.tolist(), groups.tolist())
    # Theirs has one more factor, (n - 1) / (n - k), which is 1 for a mean.
    assert found.error == pytest.approx(float(fit.bse[0]), rel=1e-9)
    assert found.interval == pytest.approx(tuple(map(float, fit.conf_int()[0])), rel=1e-3)


def test_quantiles_of_students_t():
    stats = pytest.importorskip("scipy.stats", reason="needs the extra 'test-report'")
    for freedom in (1, 2, 3, 5, 10, 29, 99, 1000):
        assert t_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=2e-3)
    with pytest.raises(ValueError, match="0 degrees"):
        t_quantile(0)


def test_holm_is_statsmodels_and_worked_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
    multitest = pytest.importorskip("statsmodels.stats.multitest", reason="needs the extra 'test-report'")
    rng = np.random.default_rng(4)
    for count in (1, 2, 10):
        p_values = rng.random(count) ** 3
        assert holm(p_values.tolist()) == pytest.approx(multitest.multipletests(p_values, method="holm")[1].tolist())


def test_mcnemar_is_scipys_binomial_test():
    stats = pytest.importorskip("scipy.stats", reason="needs the extra 'test-report'")
    first = {f"t{n}": [float(n < 20)] for n in range(50)}
    second = {f"t{n}": [float(5 <= n < 35)] for n in range(50)}
    found = compare(first, second)
    assert (found.gained, found.lost) == (15, 5)
    assert found.p_value == pytest.approx(stats.binomtest(5, 20, 0.5).pvalue)


def test_what_could_have_been_detected():
    assert detectable(0.2, 300) == pytest.approx(0.072, abs=5e-4)  # Miller's example as the field quotes it: 7.2 points
    assert detectable(0.2, 30) == pytest.approx(0.229, abs=5e-4)
    first = {f"t{n}": [float(n % 2)] for n in range(40)}
    second = {f"t{n}": [float(n % 2 or n % 4 == 0)] for n in range(40)}
    alone = compare(first, second)
    assert alone.discordance == 0.25
    assert alone.detectable == pytest.approx(detectable(0.25, 40))
    together = compare(first, second, {f"t{n}": n % 4 for n in range(40)})
    assert together.groups == 4
    assert together.error > alone.error
    assert together.detectable > alone.detectable


def test_a_detectable_difference_is_detected_in_eight_of_ten(figures):
    rng = np.random.default_rng(5)
    found, rounds, size = 0, 150, 300
    gain = detectable(0.2, size)
    for _ in range(rounds):
        decided = rng.random(size) < 0.2
        better = rng.random(size) < 0.5 + gain / 2 / 0.2
        gained, lost = int((decided & better).sum()), int((decided & ~better).sum())
        first = {f"t{n}": [float(n < lost)] for n in range(size)}
        second = {f"t{n}": [float(lost <= n < lost + gained)] for n in range(size)}
        found += compare(first, second, seed=1).p_value < 0.05
    figures(f"a true difference of the detectable size is found in {_coverage(found, rounds)} comparisons")
    assert (
        0.7 <= found / rounds <= 0.88
    )  # the exact test is a little stricter than the 80 % of the normal approximation


def test_ranks_and_their_intervals():
    from medenv.report.board import board_of

    assert rank([0.5, None, 0.7, 0.5]) == [2, None, 1, 2]
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 22, 101, 111)] == [
        *("1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "101st", "111th")
    ]
    near = record("near", episodes_of(lambda t, n: n % 2))
    nearer = record("nearer", episodes_of(lambda t, n: n % 2 or (t == 1 and n == 0)))
    far = record("far", episodes_of(lambda t, n: t == 1 and n == 1))
    board = board_of([near, nearer, far])
    assert [(one.name, one.rank) for one in board.entries] == [("nearer", 1), ("near", 2), ("far", 3)]
    assert board.entry("far").ranks == (3, 3)
    assert board.entry("nearer").ranks[0] == 1
    assert board.entry("near").ranks[1] == 2
    assert board_of([near]).entries[0].ranks is None
    assert board_of([near, nearer, far]).to_dict() == board.to_dict()
