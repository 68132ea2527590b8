"""``benchmark.py env``: how fast environments step, reset and fork, on one core."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from itertools import count, islice

from benchmarks.measure import machine, median_us
from rich.console import Console
from rich.table import Table

from medenv.envs import MedAgentBenchEnv
from medenv.episode import Benchmark
from medenv.tasks import Task, load_split, task_type

SPLIT = "test"

BOUNDS = {"Observation": "date", "Patient": "birthdate"}
"""By type, a date parameter on which a bound in the far past changes no answer."""


def run(tasks: int, rounds: int) -> None:
    """Measure and print."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(machine(), soft_wrap=True, highlight=False)
    env = MedAgentBenchEnv(split=SPLIT)
    chosen = _spread(list(load_split(SPLIT)), tasks)
    recorded = {task.id: _record(env, task) for task in chosen}
    steps = sum(map(len, recorded.values()))
    table = Table(
        "replay",
        "steps/s",
        "goal",
        title=f"{len(chosen)} episodes, {steps} steps, {rounds} rounds",
        title_justify="left",
    )
    numbers = count(1)
    warm = statistics.median(_replay(env, recorded, True) for _ in range(rounds))
    new = statistics.median(_replay(env, _varied(recorded, numbers), False) for _ in range(rounds))
    parsed = statistics.median(_floor(recorded) for _ in range(rounds))
    table.add_row("warm", f"{warm:,.0f}", ">= 20,000")
    table.add_row("never-seen queries", f"{new:,.0f}", ">= 5,000")
    table.add_row("floor: a dict look-up and a copy of the observation", f"{parsed:,.0f}", "")
    console.print(table)
    _latencies(console, env, chosen, recorded)
    env.close()
    _grading(console, chosen, recorded, rounds)


def _spread(tasks: list[Task], n: int) -> list[Task]:
    """Take the first `n` tasks, one of each type in turn."""
    by_type: dict[int, list[Task]] = {}
    for task in tasks:
        by_type.setdefault(task.type, []).append(task)
    turns = (group[i] for i in range(len(tasks)) for group in by_type.values() if i < len(group))
    return list(islice(turns, n))


def _record(env: MedAgentBenchEnv, task: Task) -> list[str]:
    """Play the reference solution on a task and return the texts it sends; raise ValueError unless it passes."""
    env.reset(options={"task_id": task.id})
    solution, texts = task_type(task.type).solve(task), []
    text = next(solution)
    while True:
        texts.append(text)
        observation, reward, terminated, truncated, _ = env.step(text)
        if terminated or truncated:
            if reward != 1.0:
                raise ValueError(f"the reference fails {task.id}: a benchmark of wrong episodes says nothing")
            return texts
        text = solution.send(observation)


def _replay(env: MedAgentBenchEnv, episodes: dict[str, list[str]], verdicts: bool) -> float:
    """ReferenceActions a second, resets and grading included.

    Args:
        env: The environment.
        episodes: The texts to play, by task.
        verdicts: Whether every episode must pass; searches of other wording need not satisfy every grader.
    """
    began, steps, passed = time.perf_counter(), 0, 0.0
    for task_id, texts in episodes.items():
        env.reset(options={"task_id": task_id})
        for text in texts:
            _, reward, _, _, info = env.step(text)
            passed += reward
            if info["response_status"] >= 400:
                raise ValueError(f"{task_id}: the server refuses {text[:200]!r}")
        steps += len(texts)
    took = time.perf_counter() - began
    if verdicts and passed != len(episodes):
        raise ValueError(f"only {passed:g} of {len(episodes)} replayed episodes pass")
    return steps / took


def _varied(recorded: dict[str, list[str]], numbers: Iterator[int]) -> dict[str, list[str]]:
    """Add to each search a date bound, asked for the first time, that changes no result; drop episodes with paging."""

    def vary(text: str) -> str:
        kind = next((kind for kind in BOUNDS if text.startswith("GET") and f"{kind}?" in text), None)
        if kind is None:
            return text
        number = next(numbers)
        day = f"{1000 + number // 336 % 800:04d}-{number // 28 % 12 + 1:02d}-{number % 28 + 1:02d}"
        name = "_lastUpdated" if f"{BOUNDS[kind]}=" in text else BOUNDS[kind]
        return f"{text}&{name}=gt{day}"

    kept = {task_id: texts for task_id, texts in recorded.items() if not any("_getpages=" in text for text in texts)}
    return {task_id: [vary(text) for text in texts] for task_id, texts in kept.items()}


def _floor(recorded: dict[str, list[str]]) -> float:
    held = {text: bytearray(8000) for texts in recorded.values() for text in texts}
    began, steps = time.perf_counter(), 0
    for texts in recorded.values():
        for text in texts:
            bytes(held[text])
            steps += 1
    return steps / (time.perf_counter() - began)


def _latencies(console: Console, env: MedAgentBenchEnv, tasks: list[Task], recorded: dict[str, list[str]]) -> None:
    longest = max(tasks, key=lambda task: sum(text.startswith("POST") for text in recorded[task.id]))
    env.reset(options={"task_id": longest.id})
    for text in recorded[longest.id][:-1]:
        env.step(text)
    table = Table("episode", "median, microseconds", "goal", title="latency", title_justify="left")
    table.add_row("fork in mid-episode, after its orders", f"{median_us(env.episode.fork):.1f}", "<= 100")
    table.add_row(
        "reset of the environment", f"{median_us(lambda: env.reset(options={'task_id': longest.id})):.1f}", "<= 50"
    )
    console.print(table)


def _grading(console: Console, tasks: list[Task], recorded: dict[str, list[str]], rounds: int) -> None:
    """Print what a verdict costs beside the episode that it judges, in this process's CPU time."""
    table = Table(
        "grader",
        "episode, us",
        "facts and record, us",
        "verdict, us",
        "verdict / episode",
        title="grading",
        title_justify="left",
    )
    for name in ("official", "strict"):
        with Benchmark(SPLIT, grader=name) as benchmark:
            played, told, judged = map(
                min, zip(*(_costs(benchmark, tasks, recorded) for _ in range(rounds)), strict=True)
            )
        table.add_row(name, f"{played:.0f}", f"{told:.0f}", f"{judged:.0f}", f"{judged / played:.2f}")
    console.print(table)


def _costs(benchmark: Benchmark, tasks: list[Task], recorded: dict[str, list[str]]) -> tuple[float, float, float]:
    """Return microseconds an episode, of its steps, of what is put together for the grader, and of the grader."""
    played = told = judged = 0.0
    for task in tasks:
        began = time.process_time()
        episode = benchmark.start(task)
        for text in recorded[task.id]:
            episode.step(text)
        ended = time.process_time()
        trajectory = episode.trajectory(**benchmark.reference_data(episode)._asdict())
        known = time.process_time()
        if benchmark.grader.grade(trajectory).score != 1.0:
            raise ValueError(f"the reference fails {task.id}: a benchmark of wrong episodes says nothing")
        judged += time.process_time() - known
        told += known - ended
        played += ended - began
    return tuple(1e6 * total / len(tasks) for total in (played, told, judged))
