"""Named tolerances: what may be wrong with the form of a text reply without its action being refused.

None is the default and the official harness's way; which ones were on is recorded with every score.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from medenv.errors import InputError

__all__ = ["TOLERANCES", "check_tolerances", "tolerated"]

TOLERANCES = {
    "thinking": "thoughts in <think>, <thinking> or <reasoning> before the action are dropped",
    "fences": "the action may stand in a code fence of any language, with prose around the fence",
    "prose": "lines before the first that begins with GET, POST or FINISH( are dropped",
}
"""Name and meaning of each, in the order in which they are applied."""

_TAG = "think|thinking|reasoning"
_THOUGHT = re.compile(rf"\s*<({_TAG})>.*?</\1>", re.DOTALL)
_CLOSED_ONLY = re.compile(rf"\A(?:(?!<(?:{_TAG})>).)*?</(?:{_TAG})>", re.DOTALL)
_FENCE = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
_ACTION = re.compile(r"^[ \t]*(?:GET|POST)[ \t]+\S|^[ \t]*FINISH\(", re.MULTILINE)


def check_tolerances(names: Iterable[str]) -> tuple[str, ...]:
    """Check names of tolerances and return them in the order of `TOLERANCES`, each once.

    Raises:
        ValueError: One is unknown.
    """
    given = set(names)
    if not given:
        return ()
    if unknown := sorted(given - set(TOLERANCES)):
        raise InputError(f"unknown tolerance {unknown[0]!r}; there are: {', '.join(TOLERANCES)}")
    return tuple(name for name in TOLERANCES if name in given)


def tolerated(text: str, names: Iterable[str]) -> str:
    """Extract the part of a reply that is to be read as its action.

    Args:
        text: The agent's raw text.
        names: Tolerances that are on.

    Returns:
        The text less what is tolerated; a text that needs no tolerance comes back as it is.
    """
    for name in check_tolerances(names):
        text = _APPLY[name](text)
    return text


def _without_thoughts(text: str) -> str:
    rest = text
    while match := _THOUGHT.match(rest):
        rest = rest[match.end() :]
    # Some chat templates write the opening tag into the prompt, so that the reply only closes it.
    if rest is text and (match := _CLOSED_ONLY.match(text)):
        rest = text[match.end() :]
    return text if rest is text else rest.lstrip()


def _from_fence(text: str) -> str:
    """Extract the content of the first fence that begins with an action, unless the text itself does."""
    if _ACTION.match(text.lstrip()):
        return text
    return next((match[1] for match in _FENCE.finditer(text) if _ACTION.match(match[1].lstrip())), text)


def _from_action(text: str) -> str:
    match = _ACTION.search(text)
    return text[match.start() :].lstrip() if match and text[: match.start()].strip() else text


_APPLY = {"thinking": _without_thoughts, "fences": _from_fence, "prose": _from_action}
