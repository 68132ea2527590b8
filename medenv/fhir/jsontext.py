"""JSON as HAPI writes it: its pretty layout, its compact layout, and numbers kept digit for digit.

FHIR decimals carry their precision (``4.0`` is not ``4``), so numbers are parsed into `Number`, a string that remembers its spelling.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from math import isfinite
from typing import Any

__all__ = ["Number", "compact", "loads", "plain", "pretty"]


class Number(str):
    """A JSON number by its spelling; `float(n)` or `decimal.Decimal(n)` give its value."""

    __slots__ = ()


_DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=Number)
_INTEGER_DIGITS = 18
"""Digits that any signed integer of 64 bits has room for (2**63 has 19)."""
_LITERALS = {True: "true", False: "false", None: "null"}


def loads(text: str) -> Any:
    """Parse JSON text, keeping every number's spelling.

    Args:
        text: One JSON value.

    Returns:
        dicts, lists, str, bool, None, and `Number` for numbers.

    Raises:
        ValueError: The text is not JSON (`json.JSONDecodeError`, which says where).
        RecursionError: The text nests too deeply.
    """
    return _DECODER.decode(text)


def plain(value: Any) -> Any:
    """Return the value with Python's numbers in place of `Number`: an int for an integer, else a float.

    A number that 64 bits can't hold (an integer of more than 18 digits, a float that would become infinite or zero) stays as its text: no
    reader of JSON is sure to take it, and Python refuses integers of more than 4,300 digits.

    Args:
        value: What `loads` returns.
    """
    if isinstance(value, Number):
        return _number(value)
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list) else value


def _number(text: Number) -> int | float | str:
    digits = text.removeprefix("-")
    if digits.isdecimal():
        return int(text) if len(digits) <= _INTEGER_DIGITS else str(text)
    try:
        value = float(text)
    except ValueError:  # a spelling that a server let through
        return str(text)
    lost = not isfinite(value) or (value == 0 and any(c in "123456789" for c in digits.lower().partition("e")[0]))
    return str(text) if lost else value


def scalar(value: Any) -> str:
    """Return the JSON text of a string, number, boolean or null."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None or isinstance(value, bool):
        return _LITERALS[value]
    return json.dumps(value)


def pretty(value: Any, indent: str = "\n") -> str:
    """Write a value in HAPI's pretty layout: two blanks a level, arrays as ``[ {`` .. ``}, {`` .. ``} ]`` without a level of their own.

    Args:
        value: What `loads` returns, or plain Python values.
        indent: The newline and blanks that start a line at the value's own level.
    """
    if isinstance(value, dict):
        if not value:
            return "{ }"
        deeper = indent + "  "
        inner = ",".join([f"{deeper}{encode_basestring(k)}: {pretty(v, deeper)}" for k, v in value.items()])
        return f"{{{inner}{indent}}}"
    if isinstance(value, list):
        if not value:
            return "[ ]"
        return "[ " + ", ".join([pretty(v, indent) for v in value]) + " ]"
    return scalar(value)


def compact(value: Any) -> str:
    """Write a value without any white space, as HAPI does for ``_pretty=false``."""
    if isinstance(value, dict):
        return "{" + ",".join([f"{encode_basestring(k)}:{compact(v)}" for k, v in value.items()]) + "}"
    if isinstance(value, list):
        return "[" + ",".join([compact(v) for v in value]) + "]"
    return scalar(value)
