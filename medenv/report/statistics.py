"""Intervals of one score and chances of repeated attempts: Wilson, nested bootstrap, pass@k and pass^k."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, sqrt

import numpy as np

from medenv.errors import InputError

__all__ = ["bootstrap", "interval_of", "pass_at_k", "pass_hat_k", "wilson"]

Z95 = 1.959963984540054
"""The normal distribution's 97.5 % quantile."""

RESAMPLES = 2_000
"""Bootstrap resamples: the 2.5 % quantile then rests on 50 of them."""


def wilson(passed: int, scored: int) -> tuple[float, float]:
    """Compute the 95 % Wilson score interval of a share (E. B. Wilson, JASA 1927).

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


_DRAWS = 2_000_000
"""Attempts drawn at a time, which bounds the memory of the bootstrap (8 bytes each, a few arrays)."""


def bootstrap(scores: Sequence[Sequence[float]], seed: int = 0) -> tuple[float, float]:
    """Compute the 95 % percentile interval of a mean of repeated attempts, drawing tasks, then attempts within each.

    Drawing twice counts the chance within a task twice, so tasks' means are drawn in towards the common mean, and attempts stretched, until
    the variances of both levels are the estimated ones (Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 3.8).
    Single attempts are drawn as they are.

    Args:
        scores: For each task the scores of its attempts, one or more.
        seed: Of the resampling.

    Returns:
        Lower and upper bound, between 0 and 1; the whole range if there is no task.
    """
    if not scores:
        return 0.0, 1.0
    sizes = np.array([len(attempts) for attempts in scores])
    means = np.array([sum(attempts) / len(attempts) for attempts in scores])
    overall = float((means * sizes).sum() / sizes.sum())
    shrinkage, within = _levels(scores, means, sizes)
    shrunk = overall + shrinkage * (means - overall)
    # What attempts differ from their task's mean; a task with a single one varies as the others do on average.
    left, choices = np.zeros((len(scores), max(2, int(sizes.max())))), np.maximum(sizes, 2)
    left[:, :2] = np.array([-1.0, 1.0]) * sqrt(within)
    for at, attempts in enumerate(scores):
        if (count := len(attempts)) > 1:
            left[at, :count] = (np.array(attempts) - means[at]) * sqrt(count / (count - 1))
    rng, drawn_means = np.random.default_rng(seed), []
    at_once = max(1, _DRAWS // len(scores))
    for begun in range(0, RESAMPLES, at_once):
        tasks = rng.integers(len(scores), size=(min(at_once, RESAMPLES - begun), len(scores)))
        sums = sizes[tasks] * shrunk[tasks]
        for attempt in range(int(sizes.max()) if within else 0):
            chosen = (rng.random(tasks.shape) * choices[tasks]).astype(int)
            sums += np.where(attempt < sizes[tasks], left[tasks, chosen], 0.0)
        drawn_means.append(sums.sum(axis=1) / sizes[tasks].sum(axis=1))
    low, high = np.clip(np.quantile(np.concatenate(drawn_means), [0.025, 0.975]), 0.0, 1.0)
    return float(low), float(high)


def _levels(scores: Sequence[Sequence[float]], means: np.ndarray, sizes: np.ndarray) -> tuple[float, float]:
    """How far tasks' means are to be drawn in for the variance between tasks, and the variance of attempts within a task."""
    spare = int((sizes - 1).sum())
    if not spare or len(scores) < 2:
        return 1.0, 0.0
    within = (
        sum(sum((one - mean) ** 2 for one in attempts) for attempts, mean in zip(scores, means, strict=True)) / spare
    )
    found = float(((means - means.mean()) ** 2).sum())
    between = found / (len(scores) - 1) - within * float((1 / sizes).mean())
    return (sqrt(max(0.0, between) * len(scores) / found) if found else 1.0), within


def interval_of(scores: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Compute the 95 % interval of an accuracy: Wilson's for single attempts, else the nested bootstrap's.

    Args:
        scores: For each task the scores of its attempts, 1.0 for passed.

    Returns:
        Lower and upper bound; the whole range if there is no task.
    """
    if all(len(attempts) == 1 for attempts in scores):
        return wilson(sum(attempts[0] == 1.0 for attempts in scores), len(scores))
    low, high = bootstrap(scores)
    if low < high:
        return low, high
    # All tasks scored alike, which resampling takes for certainty; what is certain is only that many tasks.
    return wilson(round(low * len(scores)), len(scores))


def pass_at_k(attempts: int, passed: int, k: int) -> float:
    """Estimate without bias the chance that at least one of k attempts passes (Chen et al. 2021, arXiv 2107.03374).

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
    """Estimate without bias the chance that all of k attempts pass (pass^k of Yao et al. 2024, arXiv 2406.12045).

    Args and errors as of `pass_at_k`.
    """
    _at_least(attempts, k)
    return comb(passed, k) / comb(attempts, k)


def _at_least(attempts: int, k: int) -> None:
    if not 1 <= k <= attempts:
        raise InputError(f"k is {k}; it must be between 1 and the {attempts} attempts there are")
