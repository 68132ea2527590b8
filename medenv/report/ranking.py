"""Places on a board, and how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from medenv.report.clustered import group_sums
from medenv.report.statistics import RESAMPLES

__all__ = ["ordinal", "rank", "rank_intervals"]

_TIE = 1e-9
"""What shares of one score may differ by because they were summed in another order."""


def rank(scores: Sequence[float | None]) -> list[int | None]:
    """Rank scores from 1 for the highest; equal scores share the best place that is theirs.

    Args:
        scores: None has no place.
    """
    known = [one for one in scores if one is not None]
    return [None if one is None else 1 + sum(other > one for other in known) for one in scores]


def rank_intervals(entries: Sequence[Any], seed: int = 0) -> list[tuple[int, int] | None]:
    """95 % intervals of the places on a board.

    For runs, patients are drawn with all their tasks, the same ones for every run. Of a published score only the counts are known, and of
    a run that scored alike everywhere they say all; such a share is drawn from a beta distribution (Jeffreys' prior, as in Bowyer et al.
    2025, arXiv 2503.01747).

    Args:
        entries: `medenv.report.board.Entry`, in any order.
        seed: Of the drawing.

    Returns:
        Best and worst place; None for an entry whose counts aren't known, and for all if there are fewer than two that are.
    """
    rng = np.random.default_rng(seed)
    runs = [one.record for one in entries if one.record is not None and one.record.summary.attempts]
    patients = sorted({run.patients[task] for run in runs for task in run.summary.attempts})
    drawn = rng.integers(len(patients), size=(RESAMPLES, len(patients))) if patients else None
    shares: list[np.ndarray | None] = []
    for one in entries:
        if one.record is not None and one.record.summary.attempts:
            assert drawn is not None, "a run with scores has patients"
            found_shares = _drawn_shares(one.record, patients, drawn)
            # All tasks scored alike, which resampling takes for certainty.
            alike = found_shares.max() - found_shares.min() < _TIE
            count = len(one.record.summary.attempts)
            shares.append(_beta(rng, one.total.share * count, count) if alike else found_shares)
        elif one.total.passed is not None and one.total.scored:
            shares.append(_beta(rng, one.total.passed, one.total.scored))
        else:
            shares.append(None)
    known = [share for share in shares if share is not None]
    if len(known) < 2:
        return [None] * len(entries)
    found: list[tuple[int, int] | None] = []
    for share in shares:
        if share is None:
            found.append(None)
            continue
        places = 1 + sum((other > share + _TIE).astype(int) for other in known)
        low, high = np.quantile(places, [0.025, 0.975], method="closest_observation")
        found.append((int(low), int(high)))
    return found


def _beta(rng: np.random.Generator, passed: float, scored: int) -> np.ndarray:
    return rng.beta(passed + 0.5, scored - passed + 0.5, RESAMPLES)


def _drawn_shares(run: Any, patients: Sequence[str], drawn: np.ndarray) -> np.ndarray:
    """Compute the run's accuracy on each drawing of patients, or its own accuracy where no task of it was drawn."""
    attempts = run.summary.attempts
    scores = [one for values in attempts.values() for one in values]
    owners = [run.patients[task] for task, values in attempts.items() for _ in values]
    found, counts = group_sums(scores, owners)
    at = {patient: place for place, patient in enumerate(dict.fromkeys(owners))}
    sums, sizes = np.zeros(len(patients)), np.zeros(len(patients))
    for place, patient in enumerate(patients):
        if patient in at:
            sums[place], sizes[place] = found[at[patient]], counts[at[patient]]
    top, bottom = sums[drawn].sum(axis=1), sizes[drawn].sum(axis=1)
    return np.where(bottom > 0, top / np.maximum(bottom, 1), sum(scores) / len(scores))


def ordinal(place: int) -> str:
    """``1st``, ``2nd``, ``3rd``, ``11th``."""
    ending = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"
