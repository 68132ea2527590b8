"""The observation of a structured policy: numbers read from the responses seen so far.

Nothing in it is taken from the chart that a GET has not shown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from gymnasium.spaces import Box

from medenv.envs.structured.view import KINDS, Query, View
from medenv.tasks.chart import mean
from medenv.tasks.types.renew_hba1c import year_before

__all__ = ["BINS", "FEATURES", "features", "named", "space"]

BINS = 20
"""Bins of the piecewise linear encoding of the newest value (Gorishniy et al., NeurIPS 2022): each is 0 below it, 1 above it."""
SCALES = {"MG": (0.55, 2.55), "K": (2.55, 4.55), "GLU": (40.0, 440.0), "A1C": (4.0, 14.0)}
"""By code, the first and last edge of the bins, in the chart's unit: where results of hospital patients usually lie."""
_BOUND = 5.0
_TURNS = 8.0
"""Turns of an episode by the official protocol; the turn is told in shares of these."""

CODES = ("MG", "K", "GLU", "A1C")
"""Codes that are told apart among those searched for."""
PEOPLE = ("identifier", "given", "family")
"""Parameters of a search of Patients that are told of."""

FEATURES: tuple[str, ...] = (
    *(f"task {number}" for number in range(1, 11)),
    *("turn", "first turn", "named"),
    *(f"http {status}" for status in ("none", "2xx", "4xx", "other")),
    *("searched", *(f"code {code}" for code in CODES), "newest first", "oldest first", "window", "windowed"),
    *(f"people by {name}" for name in PEOPLE),
    *("results", "pages", "next"),
    *("value", *(f"value bin {number}" for number in range(BINS)), "value there"),
    *("log age", "within 24 h", "over a year", "in the day", "older seen", "mean"),
    *("people", "person found", "born"),
    *(f"placed {kind}" for kind in KINDS),
)
"""The name of each number, in order."""


def space() -> Box:
    """Make the observation space: a float32 `Box` with one number for each of `FEATURES`."""
    return Box(-_BOUND, _BOUND, (len(FEATURES),), np.float32)


def named(observation: Sequence[float] | np.ndarray) -> dict[str, float]:
    """Map the names in `FEATURES` to an observation's numbers."""
    return dict(zip(FEATURES, (float(number) for number in observation), strict=True))


def _one_hot(place: int, size: int) -> list[float]:
    found = [0.0] * size
    if 0 <= place < size:
        found[place] = 1.0
    return found


def _searches(view: View) -> list[float]:
    """Encode what the latest searches asked for: code, order and window of results, parameters of people."""
    asked = view.results.query if view.results is not None else Query()
    by = view.people.query.by if view.people is not None else ()
    return [
        float(view.results is not None),
        *_one_hot(CODES.index(asked.code) if asked.code in CODES else -1, len(CODES)),
        float(asked.sort == "-date"),
        float(asked.sort == "date"),
        math.log1p(asked.window / 24),
        float(asked.window > 0),
        *(float(name in by) for name in PEOPLE),
    ]


def _values(view: View) -> list[float]:
    """Encode the newest value on screen, its age, and how the others compare."""
    newest, code = view.newest, view.results.query.code if view.results is not None else ""
    if newest is None:
        return [0.0] * (1 + BINS + 1 + 6)
    low, high = SCALES.get(code, (0.0, 1.0))
    width = (high - low) / BINS
    bins = [min(max((newest.value - low) / width - at, 0.0), 1.0) for at in range(BINS)]
    centre, half = (low + high) / 2, (high - low) / 2
    age = (view.now - newest.at).total_seconds() / 3600
    day = sum(one.at >= view.day_ago for one in view.readings)
    return [
        (newest.value - centre) / half,
        *bins,
        1.0,
        math.copysign(math.log1p(abs(age)), age) / 4,
        float(newest.at >= view.day_ago),
        float(newest.at < year_before(view.now_text)),
        day / 20,
        float(view.readings[-1].at < newest.at),
        (mean(view.readings) - centre) / half,
    ]


def features(view: View) -> np.ndarray:
    """Encode a view as numbers: float32, one for each of `FEATURES`, from -5 to 5."""
    status = view.status // 100
    results, people = view.results, view.people
    numbers = [
        *_one_hot(view.type - 1, 10),
        view.turns / _TURNS,
        float(view.turns == 0),
        float("birthdate" in view.told),
        *_one_hot({0: 0, 2: 1, 4: 2}.get(status, 3), 4),
        *_searches(view),
        len(results.found) / 20 if results else 0.0,
        results.pages / 4 if results else 0.0,
        float(view.following is not None),
        *_values(view),
        len(people.found) / 5 if people else 0.0,
        float(view.mrn is not None),
        float(view.born is not None),
        *(float(view.placed[kind]) for kind in KINDS),
    ]
    return np.clip(np.array(numbers, np.float32), -_BOUND, _BOUND)
