"""``benchmark.py agents``: whether many episodes at once keep a slow model's server busy."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import httpx
from benchmarks.measure import machine, serving
from rich.console import Console
from rich.table import Table

from medenv.agents import load
from medenv.episode import Benchmark
from medenv.rollouts import play, run
from medenv.tasks import Task
from medenv.trajectories import Status

SERVER = Path(__file__).with_name("slow_model.py")
PROXY = Path(__file__).with_name("slow_proxy.py")


@dataclass(frozen=True)
class Settings:
    """What is measured.

    Attributes:
        concurrency: Episodes under way at a time.
        episodes: How many in all.
        replies: Replies of each.
        latency: Seconds that the server takes for one.
        fhir_latency: Seconds that each request takes on the way to a FHIR server outside the process.
    """

    concurrency: int
    episodes: int
    replies: int
    latency: float
    fhir_latency: float


def run_agents(wanted: Settings) -> None:
    """Measure and print."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(machine(), soft_wrap=True, highlight=False)
    command = [sys.executable, str(SERVER), str(wanted.latency), str(wanted.replies)]
    with serving(command) as base:
        began = time.perf_counter()
        completed = asyncio.run(_play(wanted, base))
        took = time.perf_counter() - began
        held = httpx.get(f"{base}/held").json()
    table = Table("a slow server", "", "goal", title_justify="left")
    table.title = (
        f"{completed} of {wanted.episodes} episodes of {wanted.replies} replies, {wanted.concurrency} at a time, "
        f"{wanted.latency:g} s a reply"
    )
    table.add_row("mean concurrency at the server, first request to last answer", f"{held['mean']:.1f}", ">= 60 of 64")
    table.add_row("most at a time", f"{held['most']}", f"{wanted.concurrency}")
    table.add_row("requests", f"{held['requests']:,}", f"{wanted.episodes * wanted.replies:,}")
    ideal = wanted.episodes * wanted.replies * wanted.latency / wanted.concurrency
    table.add_row(
        "seconds, charts and grading included", f"{took:.1f}", f"{ideal:.1f} if nothing but the server took time"
    )
    console.print(table)
    alone, together = _on_slow_charts(wanted.fhir_latency, 8)
    table = Table("a slow FHIR server", "", "goal", title_justify="left", min_width=60)
    table.title = f"episodes of the reference, {1000 * wanted.fhir_latency:g} ms a FHIR request"
    table.add_row("one, seconds", f"{alone:.2f}", "")
    table.add_row("8 at a time, seconds", f"{together:.2f}", "")
    table.add_row("of which the others take", f"{together / alone - 1:.0%}", "<= 50 %")
    console.print(table)


def _on_slow_charts(latency: float, count: int) -> tuple[float, float]:
    """Return the seconds of one episode, and of several at a time, on a FHIR server that is slow to reach."""
    serve = [sys.executable, "-c", "from medenv.cli import main; main()"]
    with serving([*serve, "serve", "--split", "builtin", "--port", "0", "--isolate"]) as fhir:
        port = fhir.rpartition(":")[2].partition("/")[0]
        with (
            serving([sys.executable, str(PROXY), port, str(latency)]) as slow,
            Benchmark("builtin", backend="remote", url=f"{slow}/s/{{session}}/fhir") as benchmark,
        ):
            task = benchmark.tasks.of_type(9)[0]
            asyncio.run(_repeat(benchmark, task, 1))  # what is read once is read before the clock runs
            took = []
            for episodes in (1, count):
                began = time.perf_counter()
                asyncio.run(_repeat(benchmark, task, episodes))
                took.append(time.perf_counter() - began)
    return took[0], took[1]


async def _repeat(benchmark: Benchmark, task: Task, episodes: int) -> None:
    async for one in run(benchmark, load("reference"), [task], samples=episodes, concurrency=episodes):
        if one.status is not Status.COMPLETED:
            raise OSError(f"an episode ended as {one.status}: {one.error}")


async def _play(wanted: Settings, base: str) -> int:
    policy = load("llm", model="slow", base_url=f"{base}/v1")
    done = 0
    try:
        with Benchmark("builtin") as benchmark:
            await play(benchmark, load("empty"), benchmark.tasks[0])  # what is read once is read before the clock runs
            tasks = list(islice(cycle(list(benchmark.tasks)), wanted.episodes))
            async for episode in run(benchmark, policy, tasks, concurrency=wanted.concurrency):
                done += episode.status is Status.COMPLETED
    finally:
        await policy.close()
    return done
