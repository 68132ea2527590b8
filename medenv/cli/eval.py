"""``medenv eval``: run an agent over a split, grade it, and show a table with the blind floor beside it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from medenv.agents import Policy, load
from medenv.cli.agent_options import AgentOptions
from medenv.cli.console import stderr
from medenv.cli.scores import show_scores
from medenv.episode import MAX_TURNS, Benchmark
from medenv.protocol.trajectory import Status, Trajectory
from medenv.report import Summary, summarise
from medenv.rollouts import RunFolder, RunFolderError, run
from medenv.tasks import SPLITS, Task
from medenv.tasks.taskset import fingerprint_of

__all__ = ["evaluate"]

_ENDLESS_LIMIT = 300


def evaluate(
    who: AgentOptions,
    split: Annotated[
        str, typer.Option(help=f"Which tasks: {', '.join(SPLITS)} (official needs --official and --charts).")
    ] = "test",
    grader: Annotated[str | None, typer.Option(help="strict or official; the split's own if left out.")] = None,
    official: Annotated[
        Path | None, typer.Option(help="Folder of the official test_data_v2.json, or a MedAgentBench checkout.")
    ] = None,
    charts: Annotated[Path | None, typer.Option(help="NDJSON file with the charts, one FHIR resource a line.")] = None,
    type_: Annotated[
        list[int] | None, typer.Option("--type", min=1, max=10, help="Only this task type; repeatable.")
    ] = None,
    task: Annotated[list[str] | None, typer.Option(help="Only this task id; repeatable.")] = None,
    branch: Annotated[str | None, typer.Option(help="Only tasks of this branch, e.g. low.")] = None,
    difficulty: Annotated[str | None, typer.Option(help="Only easy or hard tasks.")] = None,
    paraphrase: Annotated[int | None, typer.Option(min=0, help="The instruction's wording, from 0.")] = None,
    now: Annotated[
        str | None, typer.Option(help="train, validation: the present, like 2024-05-06T07:08:00+00:00.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first so many tasks; 300 of train and validation if left out.")
    ] = None,
    task_seed: Annotated[int, typer.Option(help="train, validation, builtin: which sequence of tasks.")] = 0,
    size: Annotated[str, typer.Option(help="train, validation: the cohort's size, default or full.")] = "default",
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
    observation: Annotated[str, typer.Option(help="full, or compact for JSON without white space and meta.")] = "full",
    max_turns: Annotated[int, typer.Option(min=1, help="Agent turns an episode has.")] = MAX_TURNS,
    protocol: Annotated[
        str,
        typer.Option(
            help="text; tools for native function calls; official: prompt and replies of the MedAgentBench checkout in --official."
        ),
    ] = "text",
    backend: Annotated[
        str, typer.Option(help="embedded; container (see --image) or remote (see --server) for another FHIR server.")
    ] = "embedded",
    image: Annotated[str | None, typer.Option(help="container: the image; the official one if left out.")] = None,
    pool: Annotated[int, typer.Option(min=1, help="container: how many, each for one episode at a time.")] = 1,
    reset: Annotated[str, typer.Option(help="container: undo what an episode wrote, or recreate.")] = "undo",
    server: Annotated[str | None, typer.Option(help="remote: the server's base URL.")] = None,
) -> None:
    """Run an agent over the benchmark and print its scores.

    Examples:
        medenv eval --agent reference

        medenv eval --agent llm --model gpt-4o --out runs/gpt-4o

        medenv eval --agent llm --model my-model --base-url http://127.0.0.1:8000/v1 --protocol tools

        medenv eval --agent llm --provider anthropic --model claude-x --reasoning-effort low --cache replies

        medenv eval --agent blind --split official --official MedAgentBench --charts charts.ndjson
    """
    if resume and out is None:
        raise typer.BadParameter("say which run to go on with", param_hint="--out")
    name, given = who.arguments()
    policy, wording = load(name, **given), who.wording()
    style: Any = observation  # Benchmark checks it
    with Benchmark(
        split,
        grader,
        official=official,
        charts=charts,
        observation=style,
        max_turns=max_turns,
        seed=task_seed,
        size=size,
        protocol=protocol,
        wording=wording,
        tolerances=who.tolerate,
        backend=backend,
        server=_server(backend, image, pool, reset, server),
    ) as benchmark:
        chosen = _chosen(benchmark, type_ or [], task or [], branch, difficulty, limit)
        tasks = [benchmark.tasks.present(one, paraphrase, now) for one in chosen]
        settings = {
            "agent": policy.describe(),
            "split": split,
            "grader": benchmark.grader.name,
            "observation": observation,
            "max_turns": max_turns,
            **({"protocol": protocol} if protocol != "text" else {}),
            **({"prompt": wording.hash(protocol)} if wording is not None else {}),
            **({"tolerances": list(benchmark.tolerances)} if benchmark.tolerances else {}),
            **({"backend": backend} if backend != "embedded" else {}),
            "seed": seed,
            "samples": samples,
            "data": benchmark.backend.fingerprint,
            "tasks": benchmark.tasks.fingerprint if len(tasks) == len(benchmark.tasks) else fingerprint_of(tasks),
        }
        with RunFolder(out or _unused(f"{policy.name.replace('/', '_')}-{split}"), settings, resume=resume) as folder:
            _evaluate(_Run(benchmark, policy, tasks, seed, samples, concurrency), folder)


def _server(backend: str, image: str | None, pool: int, reset: str, url: str | None) -> dict[str, Any]:
    """The backend's options."""
    if backend == "container":
        return {"image": image, "size": pool, "reset": reset, "progress": stderr().print}
    if (image, url) != (None, None) and backend == "embedded":
        raise ValueError("--image is for --backend container, --server for --backend remote")
    return {"url": url} if backend == "remote" else {}


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


def _chosen(
    benchmark: Benchmark,
    types: list[int],
    ids: list[str],
    branch: str | None,
    difficulty: str | None,
    limit: int | None,
) -> list[Task]:
    """The tasks to play: those named, or those that fit, in the split's order."""
    split = benchmark.tasks
    if split.endless and limit is None:
        limit = _ENDLESS_LIMIT
    if ids:
        found = [split.task(one) for one in ids]
        found = [task for task in found if not types or task.type in types]
    elif split.endless and types:
        parts = [split.choose(number, branch, difficulty) for number in dict.fromkeys(types)]
        found = [part[i] for i in range(-(-(limit or 0) // len(parts))) for part in parts]
    else:
        fitting = split.choose(None, branch, difficulty) if branch or difficulty else split
        found = [task for task in (fitting[:limit] if split.endless else fitting) if not types or task.type in types]
    if not found:
        raise ValueError(f"no task of split {split.name!r} is of the types {types}")
    return list({task.id: task for task in found[:limit]}.values())


def _unused(name: str) -> Path:
    """A folder below ``runs`` that holds no run yet."""
    for number in count(1):
        path = Path("runs") / (name if number == 1 else f"{name}-{number}")
        if not (path / RunFolder.TRAJECTORIES).exists():
            return path
    raise RunFolderError("unreachable")
