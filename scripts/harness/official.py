"""The official MedAgentBench harness, unchanged, played by an agent of medenv's.

A checkout's own task class plays and its own ``eval`` judges; only its session, whose other end is a model behind HTTP, is replaced.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medenv.agents.policy import Player, ask
from medenv.protocol import Conversation

__all__ = ["Harness", "HarnessError", "Played"]

_TASK = "src.server.tasks.medagentbench"


class HarnessError(Exception):
    """The checkout is none, or lacks something that it needs."""


@dataclass(frozen=True)
class Played:
    """What became of a row.

    Attributes:
        status: How the episode ended, in the harness's words.
        result: What was answered.
        passed: The verdict.
        replies: The agent's replies.
    """

    status: str
    result: Any
    passed: bool
    replies: tuple[str, ...]


@dataclass
class _Session:
    """What the task class talks to, as far as it asks."""

    reply: Callable[[list[dict[str, str]]], Awaitable[str]]
    output: type
    item: type
    history: list[Any] = field(default_factory=list)

    def inject(self, item: Any) -> None:
        """Take what the agent is told."""
        self.history.append(self.item(**item) if isinstance(item, dict) else item)

    async def action(self, *more: Any) -> Any:
        """Ask the agent."""
        for one in more:
            self.inject(one)
        told = [
            {"role": "assistant" if one.role == "agent" else one.role, "content": one.content} for one in self.history
        ]
        text = await self.reply(told)
        self.inject({"role": "agent", "content": text})
        return self.output(content=text)


class Harness:
    """A checkout's task, on a FHIR server.

    Args:
        checkout: The checkout's folder, with its graders (``refsol.py``) in place.
        base: The server's base URL without a trailing slash.
        rounds: Replies an episode may have.

    Raises:
        HarnessError: Something in it can't be imported.
    """

    def __init__(self, checkout: Path, base: str, rounds: int) -> None:
        self._base = base
        sys.path.insert(0, str(checkout.resolve()))
        try:
            typings = importlib.import_module("src.typings")
            task = importlib.import_module(_TASK)
            self._eval = importlib.import_module(f"{_TASK}.eval").eval
            importlib.import_module(f"{_TASK}.refsol")
            self._types = typings.AgentOutput, typings.ChatHistoryItem, typings.TaskOutput
            data = checkout / "data" / "medagentbench"
            self._task = task.MedAgentBench(
                name="medagentbench-std",
                concurrency=1,
                data_file=str(data / "test_data_v2.json"),
                func_file=str(data / "funcs_v1.json"),
                max_round=rounds,
                fhir_api_base=f"{base}/",
            )
        except (ImportError, AttributeError, TypeError, OSError) as error:
            raise HarnessError(
                f"{checkout}: {error!r}: give a whole checkout of MedAgentBench with its refsol.py, and install its requirements"
            ) from error

    @property
    def ids(self) -> list[str]:
        """Task ids by index."""
        return [row["id"] for row in self._task.data]

    async def play(self, index: int, player: Player) -> Played:
        """Play a row and judge it.

        Args:
            index: The row's.
            player: Plays it.
        """
        output, item, judged = self._types
        replies: list[str] = []

        async def reply(told: list[dict[str, str]]) -> str:
            said = await ask(player, Conversation(told, base=self._base))
            replies.append(said if isinstance(said, str) else said.text)
            return replies[-1]

        session = _Session(reply, output, item)
        with contextlib.redirect_stdout(io.StringIO()):  # it prints every step
            ended = await self._task.start_sample(index, session)
            row = judged(index=index, status=ended.status, result=ended.result, history=session.history)
            passed = ended.result is not None and self._eval(self._task.data[index], row, f"{self._base}/") is True
        return Played(str(getattr(ended.status, "value", ended.status)), ended.result, passed, tuple(replies))
