"""Episodes of odd replies through each way of playing, every one checked: no exception, a verdict, and the same from its stored row.

Blocks are independent: a block's number, the seed and its size say all that happens in it.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import gymnasium
from gymnasium.vector import SyncVectorEnv

from medenv.agents import Player, Policy
from medenv.envs import MedAgentBenchEnv, PotentialShaping
from medenv.envs.verdicts import verdict_info
from medenv.episode import Benchmark
from medenv.grading import OfficialGrader, StrictGrader
from medenv.protocol import Reply
from medenv.protocol.tools import as_call
from medenv.rollouts import run
from medenv.tasks import Task, task_type
from medenv.trajectories import Status, Trajectory
from scripts.fuzzing.replies import odd_call, odd_reply, said_as_text

__all__ = ["SETTINGS", "WAYS", "Block", "FuzzError", "Tally", "play_block"]

BASE = "http://localhost:8080/fhir"

SETTINGS: tuple[dict[str, Any], ...] = (
    {"split": "test"},
    {"split": "test", "protocol": "tools"},
    {"split": "test", "protocol": "official", "grader": "official"},
    {"split": "train", "observation": "compact", "tolerances": ("thinking", "fences", "prose")},
    {"split": "train", "protocol": "tools", "observation": "compact", "grader": "official"},
    {"split": "builtin", "grader": "official", "max_turns": 3},
)
"""What blocks are played with, in turn."""


class FuzzError(AssertionError):
    """An episode that raised, or that has no verdict or two; the message says how to see it again."""


@dataclass(frozen=True)
class Block:
    """Some episodes of one kind.

    Attributes:
        seed: Of the whole run.
        number: Which block of it, from 0.
        episodes: How many.
        checkout: A checkout of MedAgentBench, for the official protocol.
    """

    seed: int
    number: int
    episodes: int
    checkout: Path

    @property
    def settings(self) -> dict[str, Any]:
        """What the benchmark or environment is made with."""
        found = SETTINGS[self.number % len(SETTINGS)]
        return {**found, "official": self.checkout} if found.get("protocol") == "official" else dict(found)

    @property
    def protocol(self) -> str:
        """The protocol's name."""
        return str(self.settings.get("protocol", "text"))

    @property
    def way(self) -> str:
        """How the episodes are played."""
        return tuple(WAYS)[self.number // len(SETTINGS) % len(WAYS)]

    def random(self, what: object) -> Random:
        """Make a random generator for a part of the block, seeded by the block's seed and number."""
        return Random(f"{self.seed}/{self.number}/{what}")


@dataclass
class Tally:
    """What came of episodes.

    Attributes:
        episodes: How many, by protocol and way.
        turns: Replies in all, by protocol and way.
        statuses: How episodes ended, by protocol.
        scores: Verdicts, by grader: score, or the category of the failed.
    """

    episodes: Counter[tuple[str, str]] = field(default_factory=Counter)
    turns: Counter[tuple[str, str]] = field(default_factory=Counter)
    statuses: dict[str, Counter[str]] = field(default_factory=dict)
    scores: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, block: Block, trajectory: Trajectory, verdicts: Sequence[dict[str, Any]]) -> None:
        """Count an episode in."""
        self.episodes[block.protocol, block.way] += 1
        self.turns[block.protocol, block.way] += len(trajectory.turns)
        self.statuses.setdefault(block.protocol, Counter())[trajectory.status.value] += 1
        for verdict in verdicts:
            told = "1" if verdict["score"] == 1.0 else str(verdict["category"] or "0")
            self.scores.setdefault(verdict["grader"], Counter())[told] += 1

    def join(self, other: Tally) -> None:
        """Count what another has counted."""
        self.episodes += other.episodes
        self.turns += other.turns
        for mine, theirs in ((self.statuses, other.statuses), (self.scores, other.scores)):
            for name, counts in theirs.items():
                mine.setdefault(name, Counter()).update(counts)


class OddPlayer(Player):
    """Plays an episode: some of the reference's steps first in every other one, odd replies, and an end sooner or later.

    Attributes:
        said: Its replies so far.
    """

    def __init__(self, random: Random, task: Task, protocol: str) -> None:
        self._random, self._task, self._protocol = random, task, protocol
        self._steps = task_type(task.type).solve(task) if random.random() < 0.5 else None
        self._honest = random.randint(1, 6)
        self.said: list[str | Reply] = []

    def act(self, messages: Sequence[dict[str, Any]]) -> str | Reply:
        """Give the next reply, in the tools protocol half of the time as native calls."""
        text = self.text([str(message["content"] or "") for message in messages])
        reply: str | Reply = text
        if self._protocol == "tools" and self._random.random() < 0.5:
            reply = self.said[-1] = odd_call(self._random, text)
        return reply

    def text(self, seen: Sequence[str]) -> str:
        """Give the next reply as text.

        Args:
            seen: Prompt and observations.
        """
        text = self._next(seen)
        self.said.append(text)
        return text

    def _next(self, seen: Sequence[str]) -> str:
        if self._steps is not None and len(self.said) < self._honest:
            try:
                text = next(self._steps) if not self.said else self._steps.send(seen[-1])
            except Exception:  # the reference can't read what came of its step
                self._steps = None
            else:
                if not text.startswith("FINISH") or self._random.random() < 0.2:
                    call = as_call(text) if self._protocol == "tools" else None
                    return text if call is None else said_as_text(Reply(calls=(call,)))
                self._steps = None
        return odd_reply(self._random, self._task, seen, self._protocol, BASE)


class OddPolicy(Policy):
    """Odd players, one a task; what they said stays with them."""

    name = "odd"

    def __init__(self, block: Block) -> None:
        self._block = block
        self.players: dict[str, OddPlayer] = {}

    def start(self, task: Task, seed: int) -> Player:
        """Begin an episode."""
        made = self.players[task.id] = OddPlayer(self._block.random(task.id), task, self._block.protocol)
        return made


_GRADERS = (StrictGrader(), OfficialGrader())


def check(trajectory: Trajectory, verdict: Any) -> list[dict[str, Any]]:
    """Check a finished episode.

    Args:
        trajectory: The episode.
        verdict: What it was given.

    Returns:
        The verdicts of all graders that can judge it.

    Raises:
        AssertionError: It has no verdict or another one than its stored row.
    """
    assert trajectory.status not in (Status.RUNNING, Status.INFRASTRUCTURE_ERROR), trajectory.error
    row = trajectory.to_json()
    stored = Trajectory.from_json(row)
    assert stored.to_json() == row, "the stored row changes when it is read and written"
    found = [
        _plain(grader.judge(stored).verdict)
        for grader in _GRADERS
        if grader.name != "strict" or trajectory.protocol != "official"
    ]
    for one in found:
        assert one["score"] in (0.0, 1.0)
        assert (one["score"] == 1.0) == all(check["passed"] for check in one["checks"])
    assert _plain(verdict) in found, f"the verdict was {verdict}, and of the stored row it is {found}"
    return found


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


def play_block(block: Block) -> Tally:
    """Play a block.

    Raises:
        FuzzError: Something went wrong in it.
    """
    tally = Tally()
    WAYS[block.way](block, tally)
    return tally


@contextmanager
def _told(block: Block, *players: OddPlayer) -> Iterator[None]:
    """Tell what was said where something goes wrong."""
    try:
        yield
    except Exception as error:
        said = {one._task.id: one.said for one in players}
        raise FuzzError(
            f"{type(error).__name__} in block {block.number} of seed {block.seed} with {block.episodes} episodes a block "
            f"({block.way}, {block.settings}): {str(error)[:2000]}\n{said!a}"
        ) from error


def _env(block: Block, shaped: bool = False) -> gymnasium.Env[Any, Any]:
    env: gymnasium.Env[Any, Any] = MedAgentBenchEnv(**block.settings)
    return PotentialShaping(env) if shaped else env


def _ended(env: gymnasium.Env[Any, Any]) -> Trajectory:
    """Return the trajectory of an environment's episode, which has just ended."""
    made = env.unwrapped
    assert isinstance(made, MedAgentBenchEnv)
    return made.benchmark.snapshot(made.episode)


def _steps(block: Block, tally: Tally, shaped: bool = False) -> None:
    """Through `env.step`."""
    env = _env(block, shaped)
    try:
        for number in range(block.episodes):
            with _told(block):
                prompt, _ = env.reset(seed=block.random(number).getrandbits(31))
            player = OddPlayer(block.random((number, "replies")), env.unwrapped.episode.task, block.protocol)
            seen, over, reward, info = [prompt], False, 0.0, {}
            with _told(block, player):
                while not over:
                    observation, reward, terminated, truncated, info = env.step(player.text(seen))
                    seen.append(observation)
                    over = terminated or truncated
                ended = _ended(env)
                assert info["verdict"]["score"] == (info["unshaped_reward"] if shaped else reward)
                verdict = env.unwrapped.benchmark.grader.judge(ended).verdict
                assert info["verdict"] == verdict_info(verdict), "info tells another verdict than the episode's"
                tally.add(block, ended, check(ended, verdict))
    finally:
        env.close()


def _shaped(block: Block, tally: Tally) -> None:
    """Through `env.step` with shaping, where there is a potential."""
    _steps(block, tally, shaped=block.protocol != "official")


def _vector(block: Block, tally: Tally) -> None:
    """Through `SyncVectorEnv`, which begins the next episode by itself."""
    envs = SyncVectorEnv([lambda: _env(block)] * min(4, block.episodes))
    try:
        observations, _ = envs.reset(seed=block.random("reset").getrandbits(31))
        seen = [[text] for text in observations]
        players = [_player_of(block, env, n) for n, env in enumerate(envs.envs)]
        begun, left = len(players), block.episodes
        over = [False] * len(players)
        while left > 0:
            with _told(block, *players):
                actions = [
                    one.text(texts) if not done else "" for one, texts, done in zip(players, seen, over, strict=True)
                ]
                observations, rewards, terminated, truncated, _ = envs.step(actions)
                for n, env in enumerate(envs.envs):
                    if over[n]:  # this step was the reset
                        players[n], seen[n], begun = _player_of(block, env, begun), [], begun + 1
                    seen[n].append(observations[n])
                    over[n] = bool(terminated[n] or truncated[n])
                    if over[n]:
                        left -= 1
                        ended = _ended(env)
                        verdict = env.unwrapped.benchmark.grader.judge(ended).verdict
                        assert verdict["score"] == rewards[n]
                        tally.add(block, ended, check(ended, verdict))
    finally:
        envs.close()


def _player_of(block: Block, env: Any, number: int) -> OddPlayer:
    return OddPlayer(block.random((number, "replies")), env.unwrapped.episode.task, block.protocol)


def _engine(block: Block, tally: Tally) -> None:
    """Through the rollout engine, some at a time."""
    policy = OddPolicy(block)

    async def gather() -> None:
        with Benchmark(**block.settings) as benchmark:
            first = block.random("tasks").randrange(len(benchmark.tasks))
            count = min(block.episodes, len(benchmark.tasks))
            tasks = [benchmark.tasks[(first + n) % len(benchmark.tasks)] for n in range(count)]
            async for one in run(benchmark, policy, tasks, concurrency=8):
                with _told(block, policy.players.pop(one.task.id)):
                    tally.add(block, one, check(one, one.verdict))

    asyncio.run(gather())


WAYS: dict[str, Callable[[Block, Tally], None]] = {
    "env.step": _steps,
    "SyncVectorEnv": _vector,
    "engine": _engine,
    "shaped": _shaped,
}
"""The ways of playing."""
