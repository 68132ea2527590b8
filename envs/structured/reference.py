"""A policy over the menu that solves every task: it decides by the observation's numbers alone, as a learned one does."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from medenv.envs.structured.features import SCALES, named
from medenv.envs.structured.menu import MENU
from medenv.tasks.types.replace_magnesium import NORMAL_ABOVE, TIERS
from medenv.tasks.types.replace_potassium import GOAL

__all__ = ["reference_action"]

Numbers = Mapping[str, float]
_NUMBER = {item.name: number for number, item in enumerate(MENU)}


def reference_action(observation: np.ndarray) -> int:
    """Choose the number of the act that solves the task from an observation alone.

    Args:
        observation: Of `StructuredEnv`.
    """
    seen = named(observation)
    number = next(number for number in range(1, 11) if seen[f"task {number}"])
    return _NUMBER[_BY_TYPE[number](seen)]


def _value(seen: Numbers, code: str) -> float:
    """Compute the newest value in the chart's unit, to the tenth, from its scaled number."""
    low, high = SCALES[code]
    return round((low + high) / 2 + seen["value"] * (high - low) / 2, 1)


def _find(seen: Numbers) -> str:
    if not seen["people by given"]:
        return "GET patient by name and birth date"
    if seen["person found"]:
        return "FINISH MRN"
    return "GET next page" if seen["next"] else "FINISH not found"


def _age(seen: Numbers) -> str:
    return "FINISH age" if seen["born"] else "GET patient by MRN"


def _pressure(seen: Numbers) -> str:
    if not seen["person found"]:
        return "GET next page" if seen["next"] else "GET patient by name and birth date"
    return "FINISH nothing" if seen["placed observation"] else "POST blood pressure"


def _referral(seen: Numbers) -> str:
    if not seen["person found"]:
        return "GET next page" if seen["next"] else "GET patient by name and birth date"
    return "FINISH nothing" if seen["placed service"] else "POST referral"


def _newest(seen: Numbers) -> str | None:
    """Name the act that goes on looking for the newest value; None if there is nothing to look for.

    That is so if it is on screen, with all that share its time, or if there is none.
    """
    if not seen["newest first"]:
        return "GET newest"
    return "GET next page" if seen["next"] and seen["value there"] and not seen["older seen"] else None


def _magnesium(seen: Numbers) -> str:
    return _newest(seen) or ("FINISH newest value" if seen["within 24 h"] else "FINISH -1")


def _replace_magnesium(seen: Numbers) -> str:
    if (looking := _newest(seen)) is not None:
        return looking
    if not seen["within 24 h"]:
        return "FINISH nothing"
    value = _value(seen, "MG")
    if value > NORMAL_ABOVE or seen["placed medication"]:
        return "FINISH newest value"
    grams = next(grams for _, below, grams in TIERS if value < below)
    return f"POST magnesium {grams} g"


def _mean(seen: Numbers) -> str:
    if not seen["windowed"]:
        return "GET the day"
    if seen["next"]:
        return "GET next page"
    return "FINISH mean" if seen["value there"] else "FINISH -1"


def _glucose(seen: Numbers) -> str:
    return _newest(seen) or ("FINISH newest value" if seen["value there"] else "FINISH -1")


def _potassium(seen: Numbers) -> str:
    if (looking := _newest(seen)) is not None:
        return looking
    if not seen["value there"]:
        return "FINISH -1"
    if _value(seen, "K") >= GOAL:
        return "FINISH newest value"
    if not seen["placed medication"]:
        return "POST potassium by rule"
    return "FINISH newest value" if seen["placed service"] else "POST test tomorrow at 8"


def _hba1c(seen: Numbers) -> str:
    if (looking := _newest(seen)) is not None:
        return looking
    if (not seen["value there"] or seen["over a year"]) and not seen["placed service"]:
        return "POST test now"
    return "FINISH newest value and time" if seen["value there"] else "FINISH -1"


_BY_TYPE: dict[int, Callable[[Numbers], str]] = {
    1: _find,
    2: _age,
    3: _pressure,
    4: _magnesium,
    5: _replace_magnesium,
    6: _mean,
    7: _glucose,
    8: _referral,
    9: _potassium,
    10: _hba1c,
}
