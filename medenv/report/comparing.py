"""Two runs set side by side, task by task: the difference, how sure it is, and how small a difference could have been seen."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import comb, sqrt

import numpy as np

from medenv.errors import InputError
from medenv.report.clustered import clustered, group_sums
from medenv.report.statistics import RESAMPLES, Z95

__all__ = ["Comparison", "compare", "detectable", "holm"]

Z80 = 0.8416212335729143
"""The normal distribution's 80 % quantile."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs on the same tasks.

    Attributes:
        tasks: Tasks that both scored.
        groups: Groups that these belong to, patients for one.
        first: The first run's mean score on them.
        second: The second's.
        interval: 95 % bootstrap interval of second minus first, groups being drawn.
        error: The difference's standard error, clustered by group; None for a single group.
        gained: Tasks on which the second did better.
        lost: Tasks on which it did worse.
        discordance: Mean square of the tasks' differences: for single attempts the share of tasks that the two decide differently.
        detectable: The smallest true difference that as many tasks, decided differently as often, show in 80 of 100 cases.
        p_value: Of the exact sign test on `gained` and `lost` (McNemar's, for single attempts), two-sided.
    """

    tasks: int
    groups: int
    first: float
    second: float
    interval: tuple[float, float]
    error: float | None
    gained: int
    lost: int
    discordance: float
    detectable: float
    p_value: float

    @property
    def difference(self) -> float:
        """Second minus first."""
        return self.second - self.first


def compare(
    first: Mapping[str, Sequence[float]],
    second: Mapping[str, Sequence[float]],
    groups: Mapping[str, Hashable] | None = None,
    seed: int = 0,
) -> Comparison:
    """Compare two runs task by task.

    Args:
        first: Scores of all attempts by task id.
        second: The same of the other run.
        groups: By task id what its result may hang together with, its patient for one; each task by itself if left out.
        seed: Of the bootstrap.

    Raises:
        ValueError: They have no task in common.
    """
    shared = sorted(set(first) & set(second))
    if not shared:
        raise InputError("the two runs have no scored task in common")
    means = np.array([(np.mean(first[task]), np.mean(second[task])) for task in shared])
    differences = means[:, 1] - means[:, 0]
    of = [(groups or {}).get(task, task) for task in shared]
    sure = clustered([float(one) for one in differences], of)
    sums, sizes = group_sums([float(one) for one in differences], of)
    drawn = np.random.default_rng(seed).integers(len(sums), size=(RESAMPLES, len(sums)))
    low, high = np.quantile(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), [0.025, 0.975])
    gained, lost = int((differences > 0).sum()), int((differences < 0).sum())
    discordance = float((differences**2).mean())
    return Comparison(
        tasks=len(shared),
        groups=len(sums),
        first=float(means[:, 0].mean()),
        second=float(means[:, 1].mean()),
        interval=(float(low), float(high)),
        error=sure.error,
        gained=gained,
        lost=lost,
        discordance=discordance,
        detectable=detectable(discordance, len(shared), max(1.0, sure.design_effect)),
        p_value=_sign_test(gained, lost),
    )


def detectable(discordance: float, tasks: int, design_effect: float = 1.0) -> float:
    """Compute the smallest true difference that a paired test at the 5 % level finds with 80 % power.

    The formula is that of Miller 2024, section 5.

    Args:
        discordance: The share of tasks that the two decide differently.
        tasks: How many are compared, 1 or more.
        design_effect: How many times as large tasks that hang together make the variance.

    Returns:
        Between 0 and 1.
    """
    return min(1.0, (Z95 + Z80) * sqrt(discordance * design_effect / tasks))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values of several tests made at once (S. Holm, Scandinavian Journal of Statistics 1979).

    Args:
        p_values: As the single tests gave them.

    Returns:
        In the same order; one of them below 0.05 is then significant among all.
    """
    adjusted, reached = [1.0] * len(p_values), 0.0
    for rank, at in enumerate(sorted(range(len(p_values)), key=lambda at: p_values[at])):
        reached = max(reached, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = reached
    return adjusted


def _sign_test(gained: int, lost: int) -> float:
    """Two-sided exact binomial test of equal chances."""
    total = gained + lost
    tail = sum(comb(total, n) for n in range(min(gained, lost) + 1)) / 2**total
    return min(1.0, 2 * tail)
