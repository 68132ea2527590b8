"""Plays stored episodes again: the recorded replies, checked against what is observed now.

It shows whether the same replies still see the same chart and get the same verdict: after an update, or on another server.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from medenv.agents.baselines import acting
from medenv.agents.policy import ContextLimitError, FatalProviderError, Player, Policy, ProviderError, Reply
from medenv.agents.seeds import agent_seed
from medenv.protocol.conversation import Conversation
from medenv.tasks import Task
from medenv.trajectories import Status, Trajectory, Turn, numbered

__all__ = ["ReplayPolicy"]


class ReplayPolicy(Policy):
    """The replies of a stored run, episode by episode.

    An episode is found by its task and by the seed that its agent was given (see `medenv.agents.seeds.agent_seed`); where only one of
    a task is stored, the seed doesn't matter.

    Args:
        run: The run's folder, or its ``trajectories.jsonl``.
        check: Whether a prompt or an observation other than the recorded one ends the episode as an infrastructure error that tells
            the difference. Off, the replies are played whatever they meet, e.g. on a server whose ids differ.

    Raises:
        TrajectoryError: There is no such run, or a row of it is no trajectory.
    """

    name = "replay"

    def __init__(self, run: str | Path, check: bool = True) -> None:
        self._run, self._check = str(run), check
        self._episodes: dict[str, dict[int, Trajectory]] = defaultdict(dict)
        for _, one in numbered(run):
            # A later row of the same attempt is the one that was played again after a fault.
            self._episodes[one.task.id][agent_seed(*_attempt(one))] = one
        agents = [dict(one.provenance.get("agent") or {}) for rows in self._episodes.values() for one in rows.values()]
        self._recorded = agents[0] if agents and all(agent == agents[0] for agent in agents) else None

    def describe(self) -> dict[str, Any]:
        """Describe the replay: of which agent it is, and whether it is checked."""
        return {"name": self.name, "of": self._recorded, "check": self._check}

    def start(self, task: Task, seed: int) -> Player:
        """Begin an episode; one that isn't stored is told at its first turn."""
        try:
            return _Replay(self._find(task, seed), self._check)
        except FatalProviderError as missing:
            return _Missing(missing)

    def _find(self, task: Task, seed: int) -> Trajectory:
        stored = self._episodes.get(task.id)
        if stored is None:
            raise FatalProviderError(
                f"the run {self._run!r} has no episode of task {task.id!r}; it has {len(self._episodes)} tasks: "
                f"{', '.join(list(self._episodes)[:5])}, ..."
            )
        found = stored.get(seed) or (next(iter(stored.values())) if len(stored) == 1 else None)
        if found is None:
            there = ", ".join(f"{one} of seed {run}" for run, one in sorted(map(_attempt, stored.values())))
            raise FatalProviderError(
                f"the run {self._run!r} has no episode of task {task.id!r} for the seed {seed}; there are the samples {there}: "
                "give the same --seed and --samples"
            )
        if (found.task.instruction, found.task.context) != (task.instruction, task.context):
            raise FatalProviderError(
                f"task {task.id!r} in the run {self._run!r} is another one: it asks {found.task.instruction[:120]!r}, "
                f"not {task.instruction[:120]!r}; give the same split, --task-seed, --paraphrase and --now"
            )
        return found


def _attempt(one: Trajectory) -> tuple[int, int]:
    """Read the run's seed and the sample's number that an episode was played with; 0 for one that isn't recorded."""
    return int(one.provenance.get("seed") or 0), int(one.provenance.get("sample") or 0)


class _Missing(Player):
    def __init__(self, error: FatalProviderError) -> None:
        self._error = error

    def act(self, messages: Conversation) -> Reply:
        raise self._error


class _Replay(Player):
    def __init__(self, stored: Trajectory, check: bool) -> None:
        self._stored, self._check = stored, check

    def act(self, messages: Conversation) -> Reply:
        turns, number = self._stored.turns, messages.replies
        if self._check:
            self._compare(messages, number)
        if number < len(turns):
            return self._again(turns[number], messages)
        told = f"the recorded episode of task {self._stored.task.id!r} ends after {number} turns"
        if self._stored.status is Status.CONTEXT_LIMIT:
            raise ContextLimitError(f"{told}: {self._stored.error}")
        raise ProviderError(f"{told}, as {self._stored.status.value!r}")

    def _compare(self, messages: Conversation, number: int) -> None:
        pairs: list[tuple[str, str | None, str | None]]
        if number:
            pairs = [
                (f"observation after turn {number}", self._stored.turns[number - 1].observation, _observed(messages))
            ]
        else:
            system = messages[0]["content"] if messages[0]["role"] == "system" else None
            pairs = [("prompt", self._stored.prompt, messages.prompt), ("system message", self._stored.system, system)]
        for what, recorded, now in pairs:
            if recorded != now:
                told = _difference(recorded or "", now or "")
                raise ProviderError(f"the replay of task {self._stored.task.id!r} differs: the {what} {told}")

    def _again(self, turn: Turn, messages: Conversation) -> Reply:
        """Make a recorded reply anew as this episode's protocol wants it. It costs nothing now, so it has no usage."""
        relative = bool(messages.base) and self._stored.protocol != "official"
        if relative or bool(turn.said.get("tool_calls")) != bool(messages.tools):
            return acting(turn.text, messages)
        return replace(turn.reply, usage=None)


def _observed(messages: Conversation) -> str:
    """Return the text of the message right after the last reply.

    A reply's first call alone is carried out, and is answered first.
    """
    after = next(n for n in range(len(messages), 0, -1) if messages[n - 1]["role"] == "assistant")
    return str(messages[after]["content"])


def _difference(recorded: str, now: str) -> str:
    """Where two texts part, by the first line that differs."""
    for number, (old, new) in enumerate(zip_longest(recorded.split("\n"), now.split("\n")), 1):
        if old != new:
            return f"has in line {number} {_short(new)}, where {_short(old)} was recorded"
    return "is the same"


def _short(line: str | None) -> str:
    return "no more" if line is None else repr(line if len(line) <= 120 else line[:120] + "...")
