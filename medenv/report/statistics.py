"""Intervals and comparisons: Wilson, bootstrap over tasks, pass@k and pass^k, and two runs compared task by task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb, sqrt

import numpy as np

__all__ = ["Comparison", "bootstrap", "compare", "pass_at_k", "pass_hat_k", "wilson"]

Z95 = 1.959963984540054
"""The normal distribution's 97.5 % quantile."""

RESAMPLES = 2_000
"""Bootstrap resamples: the 2.5 % quantile then rests on 50 of them."""


def wilson(passed: int, scored: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share (E. B. Wilson, JASA 1927).

    Args:
        passed: Successes.
        scored: Trials.

    Returns:
        Lower and upper bound, between 0 and 1; the whole range if there was no trial.
    """
    if not scored:
        return 0.0, 1.0
    share, square = passed / scored, Z95 * Z95
    middle = share + square / (2 * scored)
    spread = Z95 * sqrt(share * (1 - share) / scored + square / (4 * scored * scored))
    scale = 1 + square / scored
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def bootstrap(scores: Sequence[Sequence[float]], seed: int = 0) -> tuple[float, float]:
    """The 95 % percentile interval of a mean, resampling tasks with all their attempts.

    Attempts at one task are not independent, so tasks are what is drawn.

    Args:
        scores: For each task the scores of its attempts.
        seed: Of the resampling.

    Returns:
        Lower and upper bound; the whole range if there is no task.
    """
    if not scores:
        return 0.0, 1.0
    sums = np.array([sum(attempts) for attempts in scores], dtype=float)
    sizes = np.array([len(attempts) for attempts in scores], dtype=float)
    drawn = np.random.default_rng(seed).integers(len(scores), size=(RESAMPLES, len(scores)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def pass_at_k(attempts: int, passed: int, k: int) -> float:
    """The chance that at least one of k attempts passes, unbiased (Chen et al. 2021, arXiv 2107.03374).

    Args:
        attempts: Attempts at one task, at least k.
        passed: How many of them passed.
        k: How many are drawn, without replacement.

    Raises:
        ValueError: There are fewer than k attempts, or k is less than 1.
    """
    _at_least(attempts, k)
    return 1.0 - comb(attempts - passed, k) / comb(attempts, k)


def pass_hat_k(attempts: int, passed: int, k: int) -> float:
    """The chance that all of k attempts pass, unbiased (pass^k of Yao et al. 2024, arXiv 2406.12045).

    Args and errors as of `pass_at_k`.
    """
    _at_least(attempts, k)
    return comb(passed, k) / comb(attempts, k)


def _at_least(attempts: int, k: int) -> None:
    if not 1 <= k <= attempts:
        raise ValueError(f"k is {k}; it must be between 1 and the {attempts} attempts there are")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs on the same tasks.

    Attributes:
        tasks: Tasks that both scored.
        first: The first run's mean score on them.
        second: The second's.
        interval: 95 % bootstrap interval of second minus first.
        gained: Tasks on which the second did better.
        lost: Tasks on which it did worse.
        p_value: Of the exact sign test on those (McNemar's, for single attempts), two-sided.
    """

    tasks: int
    first: float
    second: float
    interval: tuple[float, float]
    gained: int
    lost: int
    p_value: float


def compare(first: Mapping[str, Sequence[float]], second: Mapping[str, Sequence[float]], seed: int = 0) -> Comparison:
    """Compare two runs task by task.

    Args:
        first: Scores of all attempts by task id.
        second: The same of the other run.
        seed: Of the bootstrap.

    Raises:
        ValueError: They have no task in common.
    """
    shared = sorted(set(first) & set(second))
    if not shared:
        raise ValueError("the two runs have no scored task in common")
    means = np.array([(np.mean(first[task]), np.mean(second[task])) for task in shared])
    differences = means[:, 1] - means[:, 0]
    drawn = np.random.default_rng(seed).integers(len(shared), size=(RESAMPLES, len(shared)))
    low, high = np.quantile(differences[drawn].mean(axis=1), [0.025, 0.975])
    gained, lost = int((differences > 0).sum()), int((differences < 0).sum())
    return Comparison(
        len(shared),
        float(means[:, 0].mean()),
        float(means[:, 1].mean()),
        (float(low), float(high)),
        gained,
        lost,
        _sign_test(gained, lost),
    )


def _sign_test(gained: int, lost: int) -> float:
    """Two-sided exact binomial test of equal chances."""
    total = gained + lost
    tail = sum(comb(total, n) for n in range(min(gained, lost) + 1)) / 2**total
    return min(1.0, 2 * tail)
