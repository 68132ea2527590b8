"""``benchmark.py rollouts``: what storing, counting and resuming runs costs beside the episodes, and how much memory it takes."""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import machine
from rich.console import Console
from rich.table import Table

from medenv.agents import Player, Policy, Reply, load
from medenv.cli.progress import EpisodeBar
from medenv.episode import Benchmark
from medenv.report import Summary
from medenv.rollouts import LocalEngine, Plan, RunFolder, collect, play, read_stored
from medenv.trajectories import Trajectory

SPLIT = "test"


@dataclass(frozen=True)
class Settings:
    """What to measure.

    Attributes:
        agent: Who plays.
        episodes: Of the large run.
        latency: Seconds that a model takes for a reply.
        concurrency: Episodes under way at a time.
    """

    agent: str
    episodes: int
    latency: float
    concurrency: int


class Slow(Policy):
    """An agent whose replies take as long as a model's.

    Attributes:
        waited: Seconds that its replies took in all.
    """

    def __init__(self, agent: Policy, latency: float) -> None:
        self.name, self._agent, self.latency, self.waited = agent.name, agent, latency, 0.0

    def start(self, task, seed):
        return _SlowPlayer(self, self._agent.start(task, seed))


class _SlowPlayer(Player):
    def __init__(self, policy: Slow, player: Player) -> None:
        self._policy, self._player = policy, player

    async def act(self, messages) -> Reply | str:
        await asyncio.sleep(self._policy.latency)
        self._policy.waited += self._policy.latency
        said = self._player.act(messages)
        return said if isinstance(said, Reply | str) else await said


def run(settings: Settings) -> None:
    """Measure and print."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(machine(), soft_wrap=True, highlight=False)
    with tempfile.TemporaryDirectory(prefix="medenv-rollouts-") as folder:
        _bookkeeping(console, settings, Path(folder))
        _memory(console, settings, Path(folder))


def _bookkeeping(console: Console, settings: Settings, folder: Path) -> None:
    """Measure what a run's own work takes a reply, an episode, and beside a model's time; print a table of it."""
    with Benchmark(SPLIT) as benchmark:
        tasks, policy = list(benchmark.tasks), load(settings.agent)
        for _ in range(2):  # the second round has everything in memory
            began = time.perf_counter()
            rows = asyncio.run(_bare(benchmark, policy, tasks))
            bare = (time.perf_counter() - began) / len(rows)
        began, cpu = time.perf_counter(), time.process_time()
        _collected(benchmark, policy, Plan(tasks), folder / "whole", settings.concurrency)
        whole = (time.perf_counter() - began) / len(rows)
        slow = Slow(policy, settings.latency)
        began, cpu = time.perf_counter(), time.process_time()
        _collected(benchmark, slow, Plan(tasks), folder / "slow", settings.concurrency)
        took, used = time.perf_counter() - began, time.process_time() - cpu
    replies = sum(len(one.turns) for one in rows)
    model = replies * settings.latency / len(rows)
    table = Table(
        "what", "a run of 300 episodes, each", "share of the model's time", title="bookkeeping", title_justify="left"
    )
    table.add_row(f"model: {replies / len(rows):.1f} replies of {settings.latency} s", f"{model:.2f} s", "")
    table.add_row("episode and grading alone", f"{1e3 * bare:.2f} ms", f"{bare / model:.3%}")
    table.add_row("the same, stored, counted, shown", f"{1e3 * whole:.2f} ms", f"{whole / model:.3%}")
    table.add_row(
        "bookkeeping, the difference (goal: <= 1 %)", f"{1e3 * (whole - bare):.2f} ms", f"{(whole - bare) / model:.3%}"
    )
    console.print(table)
    console.print(
        f"{settings.concurrency} at once: {len(rows) / took:,.0f} episodes/s, mean concurrency at the model "
        f"{slow.waited / took:.1f}, processor used {used / took:.0%}; without a model {1 / whole:,.0f} episodes/s",
        highlight=False,
    )


async def _bare(benchmark: Benchmark, policy: Policy, tasks: list) -> list[Trajectory]:
    return [await play(benchmark, policy, task) for task in tasks]


def _collected(benchmark: Benchmark, policy: Policy, plan: Plan, path: Path, concurrency: int) -> Summary:
    """Play and store a run as ``medenv rollout`` does, with its progress bar; return its summary."""
    summary, bar = Summary(), EpisodeBar(policy.name, plan.episodes)

    def count(one: Trajectory) -> None:
        summary.add(one)
        bar.count(one)

    with RunFolder(path, {}, resume=True) as folder, bar:
        done = read_stored(plan, folder, count)
        asyncio.run(collect(plan, LocalEngine(benchmark, policy, concurrency), folder, done, count))
        folder.write_summary(summary.to_dict())
    return summary


def _memory(console: Console, settings: Settings, folder: Path) -> None:
    table = Table(
        "episodes", "peak memory", "took", "episodes/s", title="memory of a run's process", title_justify="left"
    )
    small, large = settings.episodes // 100, settings.episodes
    for name, episodes, path in (
        ("played and stored", small, folder / "small"),
        ("played and stored", large, folder / "large"),
        ("read, counted, and found complete", large, folder / "large"),
    ):
        peak, took, count = _elsewhere(_fill, settings.agent, episodes, path, settings.concurrency)
        table.add_row(f"{count:,} {name}", f"{peak:.0f} MB", f"{took:.1f} s", f"{count / took:,.0f}")
    console.print(table)
    size = (folder / "large" / RunFolder.TRAJECTORIES).stat().st_size
    console.print(f"the large run takes {size / 1e9:.2f} GB on disk", highlight=False)


def _fill(agent: str, episodes: int, path: Path, concurrency: int) -> tuple[float, float, int]:
    """Fill a run; gives this process's peak memory in MB, seconds, and how many episodes the run holds."""
    with Benchmark(SPLIT) as benchmark:
        tasks = list(benchmark.tasks)
        plan = Plan(tasks, samples=-(-episodes // len(tasks)))
        began = time.perf_counter()
        summary = _collected(benchmark, load(agent), plan, path, concurrency)
        took = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3), took, summary.total.episodes


def _elsewhere(function: Callable[..., tuple[float, float, int]], *arguments: object) -> tuple[float, float, int]:
    """Call a function in a process of its own, whose peak memory is then its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)
