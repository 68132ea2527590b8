"""A task: one row of the benchmark, as plain data that can be stored, graded and replayed.

What a task type *is* (wording, branches, reference solution) lives in one module a type beside this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["DEFAULT_NOW", "Task"]

DEFAULT_NOW = "2023-11-13T10:15:00+00:00"
"""The benchmark's present (stated in the context of every official row)."""


@dataclass(frozen=True, slots=True)
class Task:
    """One row of the benchmark.

    Attributes:
        id: Unique within its split, e.g. ``task9_12``.
        type: The task type, 1 to 10.
        instruction: What the agent is asked, as text.
        context: What the agent is told besides: the time, codes, dosing instructions.
        mrn: The patient's medical record number, which is also the Patient's id; None if there is no such patient.
        split: Where the task comes from: ``builtin``, ``official``, ...
        branch: What the chart demands (``absent``, ``low``, ...), one of the type's branches; None if not declared.
        now: The present, ISO 8601 with an offset, as the context states it.
        params: What the type's grader and reference solution need besides (all JSON values); see each type's module:
            1 ``{family, given, birthdate, sol}``; 2 ``{}``; 3 ``{reading}``; 4, 6, 7 ``{code}``;
            5 ``{code, ndc}``; 8 ``{snomed, note}``; 9 ``{code, ndc, loinc, recheck_day}``; 10 ``{code, loinc}``.
    """

    id: str
    type: int
    instruction: str
    context: str
    mrn: str | None
    split: str
    branch: str | None = None
    now: str = DEFAULT_NOW
    params: Mapping[str, Any] = field(default_factory=dict)
