"""The infos of many environments as Gymnasium's vectors have them: an array for each name, and one that says whose it is.

It gives what `VectorEnv._add_info` gives, and makes each array once instead of looking it up for every environment and name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["Infos"]


class Infos:
    """Gathers infos and makes columns of them.

    Args:
        num_envs: How many environments there are.
    """

    def __init__(self, num_envs: int) -> None:
        self._size = num_envs
        self._rows: list[tuple[int, Mapping[str, Any]]] = []
        self._final: list[tuple[int, Any, Mapping[str, Any]]] = []

    def add(self, place: int, info: Mapping[str, Any]) -> None:
        """Take an environment's info in."""
        self._rows.append((place, info))

    def add_final(self, place: int, observation: Any, info: Mapping[str, Any]) -> None:
        """Take in how an episode ended whose environment has begun another in the same step."""
        self._final.append((place, observation, info))

    def columns(self) -> dict[str, Any]:
        """Make the columns: an array ``name`` and a mask ``_name`` for each name.

        Mappings are columns of their own; ``final_obs`` and ``final_info`` are there if an episode ended.
        """
        columns: dict[str, Any] = {}
        if self._final:
            seen = np.full(self._size, None, dtype=object)
            for place, observation, _ in self._final:
                seen[place] = observation
            whose = self._mask([place for place, _, _ in self._final])
            final = _columns([(place, info) for place, _, info in self._final], self._size)
            columns = {"final_obs": seen, "_final_obs": whose, "final_info": final, "_final_info": whose.copy()}
        return {**columns, **_columns(self._rows, self._size)}

    def _mask(self, places: list[int]) -> np.ndarray:
        mask = np.zeros(self._size, np.bool_)
        mask[places] = True
        return mask


def _columns(rows: list[tuple[int, Mapping[str, Any]]], size: int) -> dict[str, Any]:
    """Make the columns of rows with the same names, each row given with the number of its environment."""
    if not rows:
        return {}
    names = list(rows[0][1])
    places = np.fromiter((place for place, _ in rows), np.intp, len(rows))
    mask = np.zeros(size, np.bool_)
    mask[places] = True
    columns: dict[str, Any] = {}
    for name in names:
        values = [info[name] for _, info in rows]
        columns[name] = _column(places, values, size)
        columns[f"_{name}"] = mask.copy()
    return columns


def _column(places: np.ndarray, values: list[Any], size: int) -> Any:
    """One name's values: an array of their type, objects for what has no fixed size, columns for mappings."""
    first = values[0]
    if isinstance(first, dict):
        return _columns(list(zip(places.tolist(), values, strict=True)), size)
    if type(first) in (int, float, bool) or isinstance(first, np.number):
        column = np.zeros(size, dtype=type(first))
        column[places] = values
        return column
    column = np.full(size, None, dtype=object)
    for place, value in zip(places.tolist(), values, strict=True):
        column[place] = value
    return column
