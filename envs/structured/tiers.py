"""The tiers of actions by name."""

from __future__ import annotations

from typing import Any, Protocol

import gymnasium
import numpy as np

from medenv.envs.structured.menu import Menu
from medenv.envs.structured.slots import Slots
from medenv.envs.structured.view import Act, View
from medenv.errors import InputError

__all__ = ["TIERS", "Tier", "tier"]


class Tier(Protocol):
    """How acts are chosen."""

    name: str
    """What scores are told apart by, with a version that is raised with every change of what an action or an observation means."""

    def space(self) -> gymnasium.Space[Any]:
        """Make a new action space."""

    def masks(self, view: View) -> np.ndarray:
        """Which choices there are, boolean."""

    def act(self, action: Any, view: View) -> Act:
        """Return the act that an action stands for."""


TIERS: dict[str, type[Tier]] = {"menu": Menu, "slots": Slots}


def tier(name: str) -> Tier:
    """Make a tier by its name.

    Raises:
        ValueError: There is none of that name.
    """
    if name not in TIERS:
        raise InputError(f"actions is {name!r}; there are: {', '.join(TIERS)}")
    return TIERS[name]()
