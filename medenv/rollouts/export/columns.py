"""The types of a dataset's columns, told once: for parquet, and for the card from which Hugging Face's loader takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

__all__ = ["BOOL", "FLOAT", "INT", "MESSAGES", "TEXT", "TEXTS", "Kind", "ListOf", "arrow", "features", "whole"]


@dataclass(frozen=True)
class ListOf:
    """A list of values of one kind."""

    of: Kind


Kind: TypeAlias = "str | ListOf | Mapping[str, Kind]"
"""A scalar by the name that Arrow and Hugging Face share, a list, or named members."""

TEXT, INT, FLOAT, BOOL = "string", "int64", "float64", "bool"
TEXTS = ListOf(TEXT)
_CALL: Mapping[str, Kind] = {"id": TEXT, "type": TEXT, "function": {"name": TEXT, "arguments": TEXT}}


def MESSAGES(tools: bool, reasoning: bool) -> ListOf:  # noqa: N802 - a kind with parameters
    """Messages in OpenAI's form.

    Args:
        tools: Whether there are function calls.
        reasoning: Whether there are thoughts.
    """
    members: dict[str, Kind] = {"role": TEXT, "content": TEXT}
    if tools:
        members |= {"tool_calls": ListOf(_CALL), "tool_call_id": TEXT}
    if reasoning:
        members["reasoning_content"] = TEXT
    return ListOf(members)


def features(columns: Mapping[str, Kind]) -> list[dict[str, Any]]:
    """The columns as the ``features`` of a dataset card."""
    return [{"name": name, **_feature(kind)} for name, kind in columns.items()]


def _feature(kind: Kind) -> dict[str, Any]:
    if isinstance(kind, str):
        return {"dtype": kind}
    if isinstance(kind, ListOf):
        return {"list": kind.of if isinstance(kind.of, str) else next(iter(_feature(kind.of).values()))}
    return {"struct": features(kind)}


def arrow(columns: Mapping[str, Kind]) -> Any:
    """The columns as an Arrow schema; needs pyarrow."""
    import pyarrow

    def of(kind: Kind) -> Any:
        if isinstance(kind, str):
            return {TEXT: pyarrow.string, INT: pyarrow.int64, FLOAT: pyarrow.float64, BOOL: pyarrow.bool_}[kind]()
        if isinstance(kind, ListOf):
            return pyarrow.list_(of(kind.of))
        return pyarrow.struct([(name, of(member)) for name, member in kind.items()])

    return pyarrow.schema([(name, of(kind)) for name, kind in columns.items()])


def whole(columns: Mapping[str, Kind], row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its columns in order.

    Raises:
        KeyError: The row has a column that was not announced, or lacks one.
    """
    if unknown := set(row) - set(columns):
        raise KeyError(f"a row has the column {sorted(unknown)[0]!r}, which the dataset doesn't")
    return {name: row[name] for name in columns}
