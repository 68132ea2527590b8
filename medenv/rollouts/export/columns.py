"""The types of a dataset's columns, told once: for parquet, and for the card from which Hugging Face's loader takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson

__all__ = [
    "BOOL",
    "FLOAT",
    "INT",
    "JSON",
    "MESSAGES",
    "TEXT",
    "TEXTS",
    "Kind",
    "ListOf",
    "arrow",
    "arrow_row",
    "features",
    "whole",
]


@dataclass(frozen=True)
class ListOf:
    """A list of values of one kind."""

    of: Kind


Kind: TypeAlias = "str | ListOf | Mapping[str, Kind]"
"""A scalar by the name that Arrow and Hugging Face share, a list, or named members."""

TEXT, INT, FLOAT, BOOL = "string", "int64", "float64", "bool"
TEXTS = ListOf(TEXT)
JSON = "json"
"""Any JSON value: `datasets.Json`; JSON text in parquet, which the card's features make a value again."""


def MESSAGES(tools: bool, reasoning: bool, arguments: Kind = JSON) -> ListOf:  # noqa: N802 - a kind with parameters
    """Messages in OpenAI's form.

    Args:
        tools: Whether there are function calls.
        reasoning: Whether there are thoughts.
        arguments: The kind of a call's arguments, `JSON` or `TEXT`.
    """
    members: dict[str, Kind] = {"role": TEXT, "content": TEXT}
    if tools:
        call: dict[str, Kind] = {"id": TEXT, "type": TEXT, "function": {"name": TEXT, "arguments": arguments}}
        members |= {"tool_calls": ListOf(call), "tool_call_id": TEXT}
    if reasoning:
        members["reasoning_content"] = TEXT
    return ListOf(members)


def features(columns: Mapping[str, Kind]) -> list[dict[str, Any]]:
    """Describe the columns as the ``features`` of a dataset card."""
    return [{"name": name, **_feature(kind)} for name, kind in columns.items()]


def _feature(kind: Kind) -> dict[str, Any]:
    if isinstance(kind, str):
        return {"dtype": kind}
    if isinstance(kind, ListOf):
        return {"list": kind.of if isinstance(kind.of, str) else next(iter(_feature(kind.of).values()))}
    return {"struct": features(kind)}


def arrow(columns: Mapping[str, Kind]) -> Any:
    """Convert the columns to an Arrow schema; needs pyarrow."""
    import pyarrow

    def of(kind: Kind) -> Any:
        if isinstance(kind, str):
            return {
                TEXT: pyarrow.string,
                INT: pyarrow.int64,
                FLOAT: pyarrow.float64,
                BOOL: pyarrow.bool_,
                JSON: pyarrow.string,
            }[kind]()
        if isinstance(kind, ListOf):
            return pyarrow.list_(of(kind.of))
        return pyarrow.struct([(name, of(member)) for name, member in kind.items()])

    return pyarrow.schema([(name, of(kind)) for name, kind in columns.items()])


def arrow_row(kind: Kind, value: Any) -> Any:
    """Return a value as Arrow takes it: what is of the kind `JSON` as text.

    Args:
        kind: The value's.
        value: A row, or a part of one.
    """
    if value is None or (isinstance(kind, str) and kind != JSON):
        return value
    if isinstance(kind, str):
        return orjson.dumps(value).decode()
    if isinstance(kind, ListOf):
        return [arrow_row(kind.of, one) for one in value]
    return {name: arrow_row(kind[name], one) for name, one in value.items()}


def whole(columns: Mapping[str, Kind], row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its columns in the dataset's order.

    Raises:
        KeyError: The row has a column that was not announced, or lacks one.
    """
    if unknown := set(row) - set(columns):
        raise KeyError(f"a row has the column {sorted(unknown)[0]!r}, which the dataset doesn't")
    return {name: row[name] for name in columns}
