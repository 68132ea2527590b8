"""The models that a stored row is checked by: the dataclasses' own types, and what is read from the mappings in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from medenv.tasks.task import Task
from medenv.trajectories.validation import model_of

__all__ = ["row_model"]


class _Open(BaseModel):
    """Of a mapping that others write into, the members that medenv reads."""

    model_config = ConfigDict(strict=True, extra="allow")


class _Function(_Open):
    name: str
    arguments: str


class _Call(_Open):
    id: str
    function: _Function


class _Message(_Open):
    role: str
    content: str | None = None
    tool_calls: Sequence[_Call] | None = None


class _Usage(_Open):
    prompt_tokens: float | None = None
    completion_tokens: float | None = None
    cost: float | None = None


class _Tokens(_Open):
    prompt_ids: Sequence[int] | None = None
    ids: Sequence[int] | None = None
    logprobs: Sequence[float | None] | None = None  # null for what JSON has no number for
    texts: Sequence[str] | None = None


class _Check(_Open):
    name: str
    passed: bool
    expected: str
    found: str


class _Verdict(_Open):
    score: float
    checks: Sequence[_Check] = ()
    grader: str | None = None
    grader_version: int | None = None
    branch: str | None = None
    category: str | None = None
    partial: dict[str, float] | None = None


class _Provenance(_Open):
    seed: int = 0
    sample: int = 0


def row_model(trajectory: type, turn: type) -> type[BaseModel]:
    """Return the model of a stored row.

    Args:
        trajectory: The dataclass of a row.
        turn: The dataclass of one of its turns.
    """
    message: Any = _Message | None
    turns = model_of(turn, message=message, usage=_Usage | None, tokens=_Tokens | None)
    return model_of(
        trajectory,
        task=model_of(Task),
        status=str,
        turns=Sequence[turns],  # type: ignore[valid-type]
        provenance=_Provenance,
        verdict=_Verdict | None,
    )
