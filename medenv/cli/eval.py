"""``medenv eval``: run an agent over a split, grade it, and show a table with the blind floor beside it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from medenv.agents import Policy, load
from medenv.cli.agent_options import AgentOptions
from medenv.cli.benchmark_options import BenchmarkOptions
from medenv.cli.console import stderr
from medenv.cli.scores import show_scores
from medenv.episode import Benchmark
from medenv.protocol.trajectory import Status, Trajectory
from medenv.report import Summary, summarise
from medenv.rollouts import RunFolder, RunFolderError, run
from medenv.tasks import Task
from medenv.tasks.taskset import fingerprint_of

__all__ = ["evaluate"]


def evaluate(
    who: AgentOptions,
    where: BenchmarkOptions,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first so many tasks; 300 of train and validation if left out.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for trajectories.jsonl and summary.json; made if need be.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out: play only what is missing.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed for whatever is random in the agent.")] = 0,
    samples: Annotated[
        int, typer.Option(min=1, help="Attempts at each task; pass@k and pass^k are given for several.")
    ] = 1,
    concurrency: Annotated[int, typer.Option(min=1, help="Episodes under way at a time.")] = 16,
) -> None:
    """Run an agent over the benchmark and print its scores.

    Examples:
        medenv eval --agent reference

        medenv eval --agent llm --model gpt-4o --out runs/gpt-4o

        medenv eval --agent llm --model my-model --base-url http://127.0.0.1:8000/v1 --protocol tools

        medenv eval --agent llm --provider anthropic --model claude-x --reasoning-effort low --cache replies

        medenv eval --agent replay -O run=runs/gpt-4o

        medenv eval --agent blind --split official --official MedAgentBench --charts charts.ndjson
    """
    if resume and out is None:
        raise typer.BadParameter("say which run to go on with", param_hint="--out")
    name, given = who.arguments()
    policy, wording = load(name, **given), who.wording()
    with where.open(wording, who.tolerate) as benchmark:
        tasks = where.chosen(benchmark, limit)
        settings = {
            "agent": policy.describe(),
            **where.settings(benchmark),
            **({"prompt": wording.hash(where.protocol)} if wording is not None else {}),
            "seed": seed,
            "samples": samples,
            "tasks": benchmark.tasks.fingerprint if len(tasks) == len(benchmark.tasks) else fingerprint_of(tasks),
        }
        with RunFolder(
            out or _unused(f"{policy.name.replace('/', '_')}-{where.split}"), settings, resume=resume
        ) as folder:
            _evaluate(_Run(benchmark, policy, tasks, seed, samples, concurrency), folder)


@dataclass(frozen=True)
class _Run:
    """What is to be played."""

    benchmark: Benchmark
    policy: Policy
    tasks: list[Task]
    seed: int
    samples: int
    concurrency: int


def _evaluate(wanted: _Run, folder: RunFolder) -> None:
    ids = {task.id for task in wanted.tasks}
    done = [one for one in folder.read() if one.status is not Status.INFRASTRUCTURE_ERROR and one.task.id in ids]
    try:
        asyncio.run(_play(wanted, folder, done))
    except KeyboardInterrupt:
        stderr().print(f"interrupted; finished episodes are in {folder.path}, go on with: --out {folder.path} --resume")
        raise typer.Exit(130) from None
    benchmark = wanted.benchmark
    summary, floor = summarise(done), asyncio.run(_blind_floor(benchmark, wanted.tasks))
    folder.write_summary({**folder.settings, **summary.to_dict(), "blind": floor.to_dict()})
    show_scores(
        f"{wanted.policy.name} on {benchmark.tasks.name}, grader {benchmark.grader.name}", summary, floor, folder.path
    )


async def _play(wanted: _Run, folder: RunFolder, done: list[Trajectory]) -> None:
    """Play what is not done yet, storing each episode and adding it to `done`."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[score]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    played = {(one.task.id, int(one.provenance.get("sample", 0))) for one in done}
    with Progress(*columns, console=stderr()) as progress:
        total = len(wanted.tasks) * wanted.samples
        bar = progress.add_task(wanted.policy.name, total=total, completed=len(done), score="")
        trajectories = run(
            wanted.benchmark,
            wanted.policy,
            wanted.tasks,
            seed=wanted.seed,
            samples=wanted.samples,
            done=played,
            concurrency=wanted.concurrency,
        )
        scored = [one for one in done if one.verdict is not None]
        passed, tried = sum(one.verdict["score"] == 1.0 for one in scored if one.verdict), len(scored)
        try:
            async with aclosing(trajectories):
                async for one in trajectories:
                    folder.append(one)
                    done.append(one)
                    if one.verdict is not None:
                        tried += 1
                        passed += one.verdict["score"] == 1.0
                    progress.update(bar, advance=1, score=f"{passed}/{tried} correct")
        finally:
            await wanted.policy.close()


async def _blind_floor(benchmark: Benchmark, tasks: list[Task]) -> Summary:
    """What the blind policy scores on the same tasks: the floor under every score."""
    return summarise([one async for one in run(benchmark, load("blind"), tasks, concurrency=1)])


def _unused(name: str) -> Path:
    """A folder below ``runs`` that holds no run yet."""
    for number in count(1):
        path = Path("runs") / (name if number == 1 else f"{name}-{number}")
        if not (path / RunFolder.TRAJECTORIES).exists():
            return path
    raise RunFolderError("unreachable")
