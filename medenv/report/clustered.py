"""Standard errors of a mean whose observations come in groups: several tasks about one patient are not independent.

After E. Miller, "Adding Error Bars to Evals", 2024 (arXiv 2411.00640), with the correction for few groups that regression packages use.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import pi, sqrt, tan

import numpy as np

from medenv.errors import InputError
from medenv.report.statistics import Z95

__all__ = ["Clustered", "clustered", "group_sums", "t_quantile"]


@dataclass(frozen=True, slots=True)
class Clustered:
    """A mean and how sure it is.

    Attributes:
        mean: Of all observations.
        error: Its standard error, 0 or more; None if there are fewer than two groups, which tell nothing of it.
        naive: What the error would be if all observations were independent.
        groups: How many groups there are.
        size: How many observations.
    """

    mean: float
    error: float | None
    naive: float
    groups: int
    size: int

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval by Student's t with as many degrees of freedom as there are groups less one; None without an error."""
        if self.error is None:
            return None
        half = t_quantile(self.groups - 1) * self.error
        return self.mean - half, self.mean + half

    @property
    def design_effect(self) -> float:
        """How many times as large as for independent observations the variance is; 1 where that can't be told."""
        return 1.0 if not self.error or not self.naive else (self.error / self.naive) ** 2


def group_sums(values: Sequence[float], groups: Sequence[Hashable]) -> tuple[np.ndarray, np.ndarray]:
    """Sum and size of each group, in the order in which the groups first come up.

    Args:
        values: The observations.
        groups: Which group each belongs to.
    """
    places: dict[Hashable, int] = {}
    at = np.array([places.setdefault(group, len(places)) for group in groups], dtype=int)
    return np.bincount(at, np.asarray(values, dtype=float), len(places)), np.bincount(at, minlength=len(places))


def clustered(values: Sequence[float], groups: Sequence[Hashable]) -> Clustered:
    """Estimate a mean with its standard error clustered by group.

    Args:
        values: The observations, one at least.
        groups: Which group each belongs to, a patient for one.

    Raises:
        ValueError: There is no observation, or not a group for each.
    """
    if not values or len(values) != len(groups):
        raise InputError(f"{len(values)} values and {len(groups)} groups; give one or more, and a group for each")
    size, mean = len(values), float(np.mean(values))
    left = np.asarray(values, dtype=float) - mean
    sums, _ = group_sums(list(left), groups)
    naive = float(np.std(values, ddof=1)) / sqrt(size) if size > 1 else 0.0
    count = len(sums)
    if count < 2:
        return Clustered(mean, None, naive, count, size)
    error = sqrt(count / (count - 1) * float((sums**2).sum())) / size
    return Clustered(mean, error, naive, count, size)


def t_quantile(freedom: int) -> float:
    """Compute the 97.5 % quantile of Student's t: exact for 1 and 2 degrees of freedom, to three digits from 3 on.

    Args:
        freedom: Degrees of freedom, 1 or more.

    Raises:
        ValueError: There are none.
    """
    if freedom < 1:
        raise InputError(f"Student's t with {freedom} degrees of freedom; there must be 1 at least")
    if freedom == 1:
        return tan(pi * 0.475)
    if freedom == 2:
        return 0.95 * sqrt(2 / (1 - 0.95**2))
    z = Z95
    # Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5.
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom ** (power + 1) for power, term in enumerate(terms))
