"""What is remembered of each stored episode while a dataset is planned: where it stands, how it ended, and hashes of its conversation.

A hundred thousand entries take some fifty megabytes, so that the episodes themselves are read one at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

import orjson

from medenv.protocol.reply import Message
from medenv.rollouts.store import Key
from medenv.trajectories import Trajectory, Turn

__all__ = ["Entry", "entry_of", "length", "rank"]

_SIZE = 8
"""Bytes of a hash: among a million conversations one in 40 million is taken for another."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One episode.

    Attributes:
        run: Which of the runs it stands in, from 0.
        position: Of its line in the run's file, in bytes.
        key: Task id, sample and seed.
        split: The task's split.
        type: The task's type.
        branch: What the chart demanded, None if nobody said.
        passed: Whether it was solved.
        loose: Whether the official grader passes it; False if it wasn't asked.
        turns: How many replies the agent gave.
        chars: Characters of the whole conversation.
        said: Characters that the agent wrote.
        root: Hash of task, charts and all that stood before the first reply; episodes of one root can be paired.
        path: Hashes of the conversation after each reply and after each answer to it, in turn.
    """

    run: int
    position: int
    key: Key
    split: str
    type: int
    branch: str | None
    passed: bool
    loose: bool
    turns: int
    chars: int
    said: int
    root: bytes
    path: bytes

    @property
    def conversation(self) -> bytes:
        """Hash of the whole conversation."""
        return self.path[-_SIZE:] or self.root

    @property
    def stratum(self) -> tuple[int, str]:
        """Task type and branch."""
        return self.type, self.branch or ""

    def steps(self) -> Iterator[tuple[bytes, bytes]]:
        """For each turn the hash of the history before it, and of history and reply."""
        before = self.root
        for at in range(0, len(self.path), 2 * _SIZE):
            yield before, self.path[at : at + _SIZE]
            before = self.path[at + _SIZE : at + 2 * _SIZE]


def entry_of(trajectory: Trajectory, run: int, position: int, key: Key, loose: bool) -> Entry:
    """Make the entry of a graded episode.

    Args:
        trajectory: The episode, with its verdict.
        run: Which of the runs it stands in.
        position: Of its line.
        key: What it is known by in the run.
        loose: Whether the official grader passes it.
    """
    verdict = trajectory.verdict or {}
    opening = trajectory.conversation(0)
    task = trajectory.task
    made = trajectory.provenance
    begun = [task.id, task.split, made.get("split_version"), made.get("data"), made.get("tasks")]
    root = here = _hash(b"", [begun, opening.messages, bool(opening.tools)])
    path, said = [], 0
    for turn in trajectory.turns:
        here = _hash(here, _words(turn))
        path.append(here)
        here = _hash(here, turn.observation)
        path.append(here)
        said += length(turn.said)
    return Entry(
        run,
        position,
        key,
        task.split,
        task.type,
        verdict.get("branch") or task.branch,
        verdict.get("score") == 1.0,
        loose,
        len(trajectory.turns),
        sum(map(length, trajectory.messages)),
        said,
        root,
        b"".join(path),
    )


def _words(turn: Turn) -> list[object]:
    """Return a reply's text and calls for hashing, without the ids that a provider gives to calls."""
    calls = turn.said.get("tool_calls") or ()
    return [turn.said["content"], [[one["function"]["name"], one["function"]["arguments"]] for one in calls]]


def length(message: Message) -> int:
    """Count the characters of a message, the names and arguments of its calls included."""
    calls = message.get("tool_calls") or ()
    return len(message["content"] or "") + sum(
        len(one["function"]["name"]) + len(one["function"]["arguments"]) for one in calls
    )


def _hash(before: bytes, what: object) -> bytes:
    return blake2b(before + orjson.dumps(what), digest_size=_SIZE).digest()


def rank(seed: int, *what: object) -> bytes:
    """Hash a thing with a seed to 8 bytes; who keeps the lowest draws evenly, and the same again tomorrow."""
    return blake2b(repr((seed, *what)).encode(), digest_size=_SIZE).digest()
