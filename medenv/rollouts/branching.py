"""Going on from the middle of stored episodes: the same prefix, several continuations, to learn which reply was the good one.

A continuation depends on its prefix, its seed and its number alone, so it comes out the same on every engine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import overload

from medenv.agents import Policy, as_policy
from medenv.agents.function_policy import Answering
from medenv.episode import Benchmark
from medenv.errors import InputError, file_errors
from medenv.rollouts.attempts import Fork
from medenv.rollouts.engines.local import play_on
from medenv.rollouts.export.entries import entry_of
from medenv.rollouts.prefix import Prefix, kept_turns
from medenv.rollouts.replaying import retrace
from medenv.rollouts.store import key_of
from medenv.trajectories import Status, Trajectory, file_of, read_row, read_rows

__all__ = ["Forks", "branch"]


async def branch(
    benchmark: Benchmark,
    policy: Policy | Answering,
    parent: Trajectory,
    turn: int,
    samples: int,
    *,
    seed: int = 0,
    run: str = "",
) -> AsyncGenerator[Trajectory, None]:
    """Fork an episode at a turn and play each fork to its end.

    Args:
        benchmark: What the episode was played on.
        policy: Who goes on; it is given the whole conversation, as if it had said what was said before.
        parent: The episode.
        turn: How many of its replies stay; from the end if negative, so -1 gives up the last one alone.
        samples: How many continuations.
        seed: Of the continuations.
        run: The name of the run that the parent is in, for the record.

    Yields:
        The graded trajectories, which share the parent's first turns and say so in ``provenance["fork"]``.

    Raises:
        ValueError: The parent has no such turn.
        ReplayError: The parent doesn't come out as recorded, so that there would be nothing to go on from.
    """
    policy, fork = as_policy(policy), Fork(Prefix.of(parent, turn, run))
    *_, branch_point = retrace(benchmark, fork.prefix.parent, {})
    try:
        for number in range(samples):
            yield await play_on(benchmark, policy, fork.attempt(number, seed), branch_point.fork())
    finally:
        branch_point.session.close()


class Forks(Sequence[Fork]):
    """The places in a run's episodes from which others shall go on; episodes are read when they are needed.

    Episodes that had the same prefix are one place, and infrastructure errors are none.

    Args:
        run: The run's folder.
        turns: How many replies stay, for each episode; from the end if negative.
        type: Only episodes of these task types; all if empty.

    Raises:
        RunFolderError: There is no run, or a row is damaged.
        ValueError: No episode has so many turns.
    """

    def __init__(self, run: str | Path, turns: Sequence[int], types: Sequence[int] = ()) -> None:
        self._file = file_of(run)
        self._name = self._file.parent.resolve().name
        places: dict[bytes, tuple[int, int, str]] = {}
        for row in read_rows(self._file):
            at, parent = row.offset, row.trajectory
            if parent.status is Status.INFRASTRUCTURE_ERROR or (types and parent.task.type not in types):
                continue
            histories = [history for history, _ in entry_of(parent, 0, at, key_of(parent), False).steps()]
            for kept in dict.fromkeys(kept_turns(parent, turn) for turn in turns):
                if kept is not None:
                    places.setdefault(histories[kept], (at, kept, parent.task.id))
        if not places:
            raise InputError(
                f"no episode of {str(run)!r} can be forked at turn {', '.join(map(str, turns))}: give a lower number, or one from "
                "the end like -1"
            )
        counts, seen = Counter(task for _, _, task in places.values()), Counter[str]()
        self._places = []
        for at, kept, task in places.values():
            self._places.append((at, kept, seen[task], counts[task]))
            seen[task] += 1
        digest = blake2b(b"".join(places), digest_size=16)
        self.fingerprint = f"blake2b:{digest.hexdigest()}"
        self.tasks = list(counts)

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Fork: ...
    @overload
    def __getitem__(self, index: slice) -> list[Fork]: ...
    def __getitem__(self, index: int | slice) -> Fork | list[Fork]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        at, kept, number, count = self._places[index]
        with file_errors(self._file), self._file.open("rb") as file:
            parent = read_row(file, at)
        return Fork(Prefix.of(parent, kept, self._name), number, count)
