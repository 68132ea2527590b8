"""JSON as HAPI writes it: its pretty layout, its compact layout, and numbers kept digit for digit.

FHIR decimals carry their precision (``4.0`` is not ``4``), so numbers are parsed into `Number`, a string that remembers its spelling.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import Any

__all__ = ["Number", "compact", "loads", "pretty"]


class Number(str):
    """A JSON number by its spelling; `float(n)` or `decimal.Decimal(n)` give its value."""

    __slots__ = ()


_DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=Number)
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


def scalar(value: Any) -> str:
    """The JSON text of a string, number, boolean or null."""
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
