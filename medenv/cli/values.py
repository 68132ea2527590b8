"""``KEY=VALUE`` on the command line as options of Python's: a value is JSON where it can be read so, and text otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

__all__ = ["read_options"]


def read_options(pairs: Iterable[str]) -> dict[str, Any]:
    """The options in pairs such as ``samples=3``, ``check=false`` or ``script=mine.txt``.

    Args:
        pairs: As typed. Of equal keys the last one counts.

    Raises:
        ValueError: A pair has no ``=``, or nothing before it.
    """
    options: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise ValueError(f"an option is written KEY=VALUE, not {pair!r}")
        options[key.strip().replace("-", "_")] = _value(value)
    return options


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
