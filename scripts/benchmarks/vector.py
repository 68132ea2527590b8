"""``benchmark.py vector``: a vector of environments in one process beside a single one: steps a second of CPU time, and memory."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from itertools import islice

import gymnasium
from benchmarks.env import _record, _spread
from benchmarks.measure import machine
from rich.console import Console
from rich.table import Table

from medenv.envs import MedAgentBenchEnv
from medenv.tasks import load_split

Episodes = dict[str, list[str]]
"""The reference's texts by task id."""


def run_vector(split: str, sizes: Sequence[int], tasks: int, steps: int) -> None:
    """Measure and print.

    Args:
        split: Whose tasks.
        sizes: Numbers of environments.
        tasks: Different tasks that are played, over all types.
        steps: Steps of each row, about.
    """
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(machine(), soft_wrap=True, highlight=False)
    recorder = MedAgentBenchEnv(split=split)
    chosen = _spread(list(islice(load_split(split), tasks * 4)), tasks)
    recorded = {task.id: _record(recorder, task) for task in chosen}
    table = Table(
        *("environments", "steps", "steps/s of CPU time", "beside a single one", "memory added, MB", "KB each"),
        title=f"the reference's actions on {len(chosen)} tasks of {split}, resets and verdicts included",
        title_justify="left",
    )
    single = 0.0
    for size in (1, *sizes):
        before = _memory()
        step, close = _single(split, recorded) if size == 1 else _vector(split, size, recorded)
        calls = -(-steps // size)
        for _ in range(max(1, calls // 4)):  # so that every row is warm
            step()
        began = time.process_time()
        for _ in range(calls):
            step()
        rate = calls * size / (time.process_time() - began)
        single = single or rate
        added = max(0.0, _memory() - before)
        each = "" if size == 1 else f"{1000 * added / size:.0f}"
        table.add_row(f"{size:,}", f"{calls * size:,}", f"{rate:,.0f}", f"{rate / single:.2f}", f"{added:.0f}", each)
        close()
    recorder.close()
    console.print(table)


def _memory() -> float:
    """Return the most memory that this process has held so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _single(split: str, recorded: Episodes) -> tuple[Callable[[], None], Callable[[], None]]:
    """One environment as `gymnasium.make` gives it: a step, with the reset before it where one is due; and its end."""
    env = gymnasium.make("MedAgentBench-v0", split=split)
    ids, place, turn = list(recorded), 0, 0

    def step() -> None:
        nonlocal place, turn
        if turn == 0:
            env.reset(options={"task_id": ids[place]})
        env.step(recorded[ids[place]][turn])
        turn += 1
        if turn == len(recorded[ids[place]]):
            place, turn = (place + 1) % len(ids), 0

    return step, env.close


def _vector(split: str, size: int, recorded: Episodes) -> tuple[Callable[[], None], Callable[[], None]]:
    """Make a vector whose environments replay a task each, over and over; return its step and its close."""
    ids = [list(recorded)[place % len(recorded)] for place in range(size)]
    envs = gymnasium.make_vec(
        "MedAgentBench-v0",
        num_envs=size,
        split=split,
        autoreset_mode="SameStep",
        env_options=[{"task_id": one} for one in ids],
    )
    envs.reset()
    turns = [0] * size

    def step() -> None:
        envs.step(tuple(recorded[one][turn] for one, turn in zip(ids, turns, strict=True)))
        for place, one in enumerate(ids):
            turns[place] = (turns[place] + 1) % len(recorded[one])

    return step, envs.close
