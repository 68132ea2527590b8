"""The one parser of agent text: ``GET url``, ``POST url`` + JSON body, ``FINISH(answer)``.

The rules are the official harness's (medenv's spec of MedAgentBench, "Episode protocol"); what they leave as no action becomes `Invalid`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

__all__ = ["Action", "Finish", "Get", "Invalid", "InvalidKind", "Post", "clean", "parse"]

InvalidKind = Literal[
    "empty",
    "action after other text",
    "lower case",
    "FINISH without parentheses",
    "no action",
    "no call",
    "unknown function",
]

_LATER_ACTION = re.compile(r"^[^\S\n]*(?:(?:GET|POST)\s+\S|FINISH\()", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Get:
    """A read or search. ``url`` is the whole rest of the text, stripped, and not yet resolved or quoted."""

    url: str


@dataclass(frozen=True, slots=True)
class Post:
    """A create.

    Attributes:
        url: The rest of the first line, stripped.
        body: The following lines, as written.
        payload: The body's JSON value as Python reads it (``NaN`` allowed, the last of equal keys wins); None if `problem` is set.
        problem: Why the body is no JSON, or None.
    """

    url: str
    body: str
    payload: Any = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of the episode. ``result`` is the raw text between the parentheses, which the grader parses."""

    result: str


@dataclass(frozen=True, slots=True)
class Invalid:
    """Text that is no action.

    Attributes:
        kind: What is wrong, as a fixed word.
        message: The same for a person or a model, quoting the text.
    """

    kind: InvalidKind
    message: str


Action: TypeAlias = Get | Post | Finish | Invalid


def clean(text: str) -> str:
    """Strip the text, drop code fences, strip again: what the official harness does before it looks at a turn."""
    return text.strip().replace("```tool_code", "").replace("```", "").strip()


def parse(text: str) -> Action:
    """Read one agent turn as an action.

    Args:
        text: The agent's raw text, of any length and with any characters.

    Returns:
        The action; text that is none gives `Invalid`, never an exception.
    """
    cleaned = clean(text)
    if cleaned.startswith("GET"):
        return Get(cleaned[3:].strip())
    if cleaned.startswith("POST"):
        return _post(cleaned)
    if cleaned.startswith("FINISH("):
        # The harness drops the last character whatever it is, so trailing text becomes part of the result.
        return Finish(cleaned[len("FINISH(") : -1])
    return _invalid(cleaned)


def _post(cleaned: str) -> Post:
    first, _, body = cleaned.partition("\n")
    url = first[4:].strip()
    try:
        return Post(url, body, json.loads(body))
    except RecursionError:
        return Post(url, body, problem="it is nested too deeply")
    except ValueError as error:
        return Post(url, body, problem="it is empty" if not body.strip() else str(error))


def _invalid(cleaned: str) -> Invalid:
    if not cleaned:
        return Invalid("empty", "The reply is empty. Write GET, POST or FINISH(...) as the first thing.")
    head = cleaned if len(cleaned) <= 120 else cleaned[:120] + "..."
    # Only the beginning is looked at, so that a reply of many megabytes costs no more than a short one.
    beginning = cleaned[:20_000]
    if re.match(r"(get|post)\s|finish\(", beginning, re.IGNORECASE):
        return Invalid("lower case", f"The reply begins with {head!r}. GET, POST and FINISH are written in capitals.")
    if beginning.startswith("FINISH"):
        return Invalid(
            "FINISH without parentheses",
            f"The reply begins with {head!r}. FINISH is written with parentheses: FINISH([answer]).",
        )
    if _LATER_ACTION.search(beginning):
        return Invalid(
            "action after other text",
            f"The reply begins with {head!r}. The action must come first, with nothing before it.",
        )
    return Invalid("no action", f"The reply begins with {head!r}, which is none of GET, POST and FINISH(...).")
