"""Plays texts that somebody wrote by hand: a script for each task, or one for all.

Three forms of file: plain text with ``---`` between actions, and JSON or TOML with lists of actions by task id.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from medenv.agents import toml_compat as toml
from medenv.agents.baselines import acting
from medenv.agents.policy import FatalProviderError, Player, Policy, ProviderError, Reply
from medenv.errors import InputError
from medenv.protocol.conversation import Conversation
from medenv.tasks import Task

__all__ = ["ALL", "ScriptError", "ScriptedPolicy", "read_script"]

ALL = "*"
"""The task id of a script for all tasks that have none of their own."""

_HEAD = re.compile(r"^\[(\*|[A-Za-z][\w.-]*)\][ \t]*$", re.MULTILINE)
_RULE = re.compile(r"^-{3,}[ \t]*$", re.MULTILINE)


class ScriptError(InputError):
    """The file holds no script; the message quotes file and what is wrong in it."""


class ScriptedPolicy(Policy):
    """Fixed texts, in order.

    In a text ``$mrn``, ``$now`` and ``$id`` stand for the task's patient, present and id; ``$$`` is a dollar sign.

    Args:
        script: A file, see `read_script`; or the texts themselves: a list for all tasks, or lists by task id.

    Raises:
        ScriptError: The file can't be read, or holds something else.
    """

    name = "scripted"

    def __init__(self, script: str | Path | Sequence[str] | Mapping[str, Sequence[str]]) -> None:
        if isinstance(script, (str, Path)):
            self._from, self._texts = str(script), read_script(script)
        else:
            self._from, self._texts = "the script", _checked(script, "the script")

    def describe(self) -> dict[str, Any]:
        """Describe the script by the texts themselves, so that the score can be had again."""
        return {"name": self.name, "texts": self._texts}

    def start(self, task: Task, seed: int) -> Player:
        """Begin an episode; nothing in it is random."""
        return _Script(self._texts.get(task.id, self._texts.get(ALL)), task, self._from)


class _Script(Player):
    def __init__(self, texts: Sequence[str] | None, task: Task, source: str) -> None:
        self._texts, self._task, self._source = texts, task, source

    def act(self, messages: Conversation) -> Reply:
        if self._texts is None:
            raise FatalProviderError(
                f"{self._source} has no texts for task {self._task.id!r}, and none for all tasks ({ALL!r})"
            )
        number = messages.replies
        if number >= len(self._texts):
            raise ProviderError(
                f"{self._source} has {number} texts for task {self._task.id!r}, and the episode goes on; end with FINISH(...)"
            )
        words = {"mrn": self._task.mrn, "now": self._task.now, "id": self._task.id}
        filled = Template(self._texts[number]).safe_substitute({k: v for k, v in words.items() if v is not None})
        return acting(filled, messages)


def read_script(file: str | Path) -> dict[str, list[str]]:
    """Read a script.

    A file that ends in ``.json`` or ``.toml`` holds lists of texts by task id (``"*"`` for all other tasks); a JSON file may be one
    list, for all tasks. Any other file is plain text: actions with a line ``---`` between them, for all tasks or, below a line
    ``[task1_1]``, for that task::

        GET Patient?identifier=$mrn
        ---
        FINISH(["$mrn"])

    Args:
        file: Its path.

    Returns:
        The texts by task id.

    Raises:
        ScriptError: The file can't be read, or holds something else.
    """
    path = Path(file).expanduser()
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".json":
            return _checked(json.loads(text), repr(str(path)))
        if path.suffix == ".toml":
            return _checked(toml.loads(text), repr(str(path)))
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, ScriptError):
            raise
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ScriptError(f"the script {str(path)!r} can't be read: {reason}") from None
    return _checked(_blocks(text), repr(str(path)))


def _blocks(text: str) -> dict[str, list[str]]:
    """Split a plain file into the texts of each task. Before the first heading they are for all tasks."""
    first, *rest = _HEAD.split(text.replace("\r\n", "\n"))
    scripts = {ALL: first, **dict(zip(rest[::2], rest[1::2], strict=True))}
    found = {name: [part.strip() for part in _RULE.split(block) if part.strip()] for name, block in scripts.items()}
    return {name: texts for name, texts in found.items() if texts or name != ALL}


def _checked(script: Any, source: str) -> dict[str, list[str]]:
    texts = script if isinstance(script, Mapping) else {ALL: script}
    for name, actions in texts.items():
        if not isinstance(actions, Sequence) or isinstance(actions, str) or not actions:
            raise ScriptError(
                f"{source}: for {name!r} there must be a list of one text or more, not {str(actions)[:100]!r}"
            )
        if wrong := [one for one in actions if not isinstance(one, str)]:
            raise ScriptError(f"{source}: for {name!r} there must be texts alone, not {str(wrong[0])[:100]!r}")
    if not texts:
        raise ScriptError(f"{source} holds no texts; write actions with a line --- between them")
    return {str(name): list(actions) for name, actions in texts.items()}
