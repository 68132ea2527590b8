"""``benchmark.py page``: how soon a page of many episodes shows them, and how soon a filter or a search has done its work."""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.measure import machine
from rich.console import Console
from rich.table import Table

from medenv.agents import load
from medenv.episode import Benchmark
from medenv.extras import import_optional
from medenv.report.page import write_page
from medenv.rollouts import run
from medenv.rollouts.store import write_run
from medenv.trajectories import Trajectory

AGENTS = ("reference", "glance", "random")
ROUNDS = 5

CHANGE = """async ([id, value, event]) => {
  const control = document.getElementById(id);
  const began = performance.now();
  control.value = value;
  control.dispatchEvent(new Event(event, {bubbles: true}));
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - began;
}"""
"""Changes a control and waits until what follows was painted; gives milliseconds."""

CHANGES = (
    ("filter by verdict", "f-verdict", "1", "change"),
    ("filter by task type", "f-type", "9", "change"),
    ("search a word", "q", "potassium", "input"),
    ("search what isn't there", "q", "no such words", "input"),
    ("all again", "q", "", "input"),
)


def run_page(episodes: int) -> None:
    """Print the figures.

    Raises:
        ValueError: Playwright or Chromium is missing.
    """
    browser = os.environ.get("MEDENV_TEST_CHROMIUM") or shutil.which("chromium")
    sync_playwright = import_optional("playwright.sync_api", "test-view").sync_playwright
    if browser is None:
        raise ValueError("this needs Debian's chromium, or MEDENV_TEST_CHROMIUM with the path of one")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        runs = _runs(Path(folder), episodes)
        began = time.perf_counter()
        held = write_page(runs, file)
        wrote = time.perf_counter() - began
        with sync_playwright() as driver:
            chromium = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
            rounds = [_round(chromium, file) for _ in range(ROUNDS)]
            chromium.close()
        size = file.stat().st_size / 1e6
    table = Table("what", "median", "worst", title=f"{held:,} episodes, {size:.1f} MB, written in {wrote:.1f} s")
    for name in rounds[0]:
        values = [one[name] for one in rounds]
        table.add_row(name, f"{statistics.median(values):.0f} ms", f"{max(values):.0f} ms")
    Console(width=100).print(machine(), table, sep="\n", highlight=False)


def _runs(folder: Path, episodes: int) -> list[Path]:
    """Write a run an agent, of so many episodes in all: the test split's, over and over as further samples."""
    with Benchmark() as benchmark:
        return [asyncio.run(_play(benchmark, agent, folder, episodes // len(AGENTS))) for agent in AGENTS]


async def _play(benchmark: Benchmark, agent: str, folder: Path, episodes: int) -> Path:
    played = [one async for one in run(benchmark, load(agent), benchmark.tasks)]

    def rows() -> Iterator[Trajectory]:
        for number in range(episodes):
            sample, at = divmod(number, len(played))
            yield replace(played[at], provenance={**played[at].provenance, "sample": sample})

    write_run(folder / agent, rows(), {"agent": {"name": agent}})
    return folder / agent


def _round(chromium: Any, file: Path) -> dict[str, float]:
    page = chromium.new_page(viewport={"width": 1400, "height": 900})
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-ready] .row")
    found = {"the list is shown": page.evaluate("performance.getEntriesByName('shown')[0].startTime")}
    page.evaluate("new Promise((done) => requestIdleCallback(done))")
    for name, control, value, event in CHANGES:
        found[name] = page.evaluate(CHANGE, [control, value, event])
    page.close()
    return found
