"""A person as the agent: a line editor for actions, and doubts about what is likely to be a slip.

A mistyped line isn't an answer, so it is sent only after the person has said yes.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Any

from medenv.agents.policy import FatalProviderError, Player, Policy, Reply
from medenv.protocol.actions import Finish, Get, Invalid, Post, parse
from medenv.protocol.conversation import Conversation
from medenv.protocol.urls import absolute
from medenv.tasks import Task

__all__ = ["HumanPolicy", "LeftError", "LineEditor", "doubt", "unfinished"]

Ask = Callable[[Conversation], Awaitable[str]]
"""Shows the conversation's last message and gives what the person answers."""


class LeftError(FatalProviderError):
    """The person left before the episode's end."""


def unfinished(text: str) -> bool:
    """Whether more lines belong to a text: a POST whose body is no whole JSON yet, and no empty line after it.

    Args:
        text: What was typed so far.
    """
    action = parse(text)
    return isinstance(action, Post) and action.problem is not None and not text.endswith("\n")


def doubt(text: str, base: str = "") -> str | None:
    """Why a text is likely to be a slip: no action, a POST without JSON, an answer that is no JSON list. None if nothing speaks for it.

    Args:
        text: What the person is about to send.
        base: What URLs must begin with, see `Conversation`; with it a relative one is a slip too.
    """
    action = parse(text)
    if isinstance(action, Invalid):
        return f"{action.message} An invalid action ends the episode."
    if isinstance(action, Post) and action.problem is not None:
        return f"The POST's body is not JSON: {action.problem}. It would not be sent, but would cost a turn."
    if isinstance(action, Get | Post) and base and (full := absolute(action.url, base)) != action.url:
        return f"{action.url[:120]!r} is no absolute URL, and the protocol takes no other: write {full[:200]}."
    if isinstance(action, Finish):
        try:
            if isinstance(json.loads(action.result), list):
                return None
        except (ValueError, RecursionError):
            pass
        return f'FINISH takes a JSON list, such as FINISH(["S1234567", 5]); {action.result[:120]!r} is none.'
    return None


class LineEditor:
    """Reads actions from the terminal, with history by the arrow keys; a POST's body may take as many lines as it needs.

    Enter sends, or begins a new line while a POST's JSON isn't complete; an empty line sends that too, and so does Alt-Enter.
    """

    @cached_property
    def _session(self) -> Any:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

        keys = KeyBindings()

        @keys.add("enter")
        def _(event: KeyPressEvent) -> None:
            buffer = event.current_buffer
            if unfinished(buffer.text):
                buffer.insert_text("\n")
            else:
                buffer.validate_and_handle()

        return PromptSession(multiline=True, key_bindings=keys, prompt_continuation="... ", enable_suspend=True)

    async def read(self, question: str) -> str:
        """Read one text.

        Args:
            question: What stands before it.

        Raises:
            LeftError: The input ended (Ctrl-D).
            KeyboardInterrupt: Ctrl-C.
        """
        try:
            return await self._session.prompt_async(question)
        except EOFError:
            raise LeftError("the input ended") from None

    async def confirm(self, question: str) -> bool:
        """Ask a question that only a ``y`` answers with yes.

        Raises:
            LeftError: The input ended (Ctrl-D).
            KeyboardInterrupt: Ctrl-C.
        """
        from prompt_toolkit import PromptSession

        try:
            answer: str = await PromptSession().prompt_async(f"{question} [y/N] ")
        except EOFError:
            raise LeftError("the input ended") from None
        return answer.strip().lower() in ("y", "yes")


class HumanPolicy(Policy):
    """A person at the terminal.

    Args:
        ask: Shows the conversation's last message and reads the answer; None prints it and reads a line.
        confirm: Asks whether a doubtful text is to be sent all the same; None asks on the terminal.
    """

    name = "human"

    def __init__(self, ask: Ask | None = None, confirm: Callable[[str], Awaitable[bool]] | None = None) -> None:
        editor = LineEditor()

        async def on_terminal(messages: Conversation) -> str:
            print(messages[-1]["content"])
            return await editor.read("> ")

        self._ask, self._confirm = ask or on_terminal, confirm or editor.confirm

    def start(self, task: Task, seed: int) -> Player:
        """Begin an episode; nothing in it is random but the person."""
        return _Person(self._ask, self._confirm)


class _Person(Player):
    def __init__(self, ask: Ask, confirm: Callable[[str], Awaitable[bool]]) -> None:
        self._ask, self._confirm = ask, confirm

    async def act(self, messages: Conversation) -> Reply:
        while True:
            text = await self._ask(messages)
            reason = doubt(text, messages.base)
            if reason is None or await self._confirm(f"{reason}\nSend it all the same?"):
                return Reply(text)
