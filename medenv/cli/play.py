"""``medenv play``: a person works on a chart at the terminal, as a model would, and is graded as one."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from medenv.agents.human import HumanPolicy, LeftError
from medenv.agents.policy import ask
from medenv.cli.desk import Desk
from medenv.episode import MAX_TURNS, Benchmark
from medenv.fhir import BackendError
from medenv.protocol.trajectory import Trajectory
from medenv.report import summarise
from medenv.rollouts import RunFolder
from medenv.tasks import SPLITS, Task, TaskSet

__all__ = ["play"]


def play(
    split: Annotated[
        str, typer.Option(help=f"Which tasks: {', '.join(SPLITS)} (official needs --official and --charts).")
    ] = "test",
    type_: Annotated[
        list[int] | None, typer.Option("--type", min=1, max=10, help="A task of this type; repeatable.")
    ] = None,
    task: Annotated[str | None, typer.Option(help="This task, by its id.")] = None,
    seed: Annotated[int, typer.Option(help="Which of the fitting tasks, unless --task names one.")] = 0,
    branch: Annotated[str | None, typer.Option(help="Only tasks of this branch, e.g. low.")] = None,
    difficulty: Annotated[str | None, typer.Option(help="Only easy or hard tasks.")] = None,
    grader: Annotated[str | None, typer.Option(help="strict or official; the split's own if left out.")] = None,
    official: Annotated[
        Path | None, typer.Option(help="Folder of the official test_data_v2.json, or a MedAgentBench checkout.")
    ] = None,
    charts: Annotated[Path | None, typer.Option(help="NDJSON file with the charts, one FHIR resource a line.")] = None,
    paraphrase: Annotated[int | None, typer.Option(min=0, help="The instruction's wording, from 0.")] = None,
    now: Annotated[
        str | None, typer.Option(help="train, validation: the present, like 2024-05-06T07:08:00+00:00.")
    ] = None,
    task_seed: Annotated[int, typer.Option(help="train, validation, builtin: which sequence of tasks.")] = 0,
    size: Annotated[str, typer.Option(help="train, validation: the cohort's size, default or full.")] = "default",
    observation: Annotated[str, typer.Option(help="full, or compact for JSON without white space and meta.")] = "full",
    max_turns: Annotated[int, typer.Option(min=1, help="Turns the episode has.")] = MAX_TURNS,
    protocol: Annotated[
        str, typer.Option(help="text, or official: prompt and replies of the MedAgentBench checkout in --official.")
    ] = "text",
    backend: Annotated[
        str, typer.Option(help="embedded; container (see --image) or remote (see --server) for another FHIR server.")
    ] = "embedded",
    image: Annotated[str | None, typer.Option(help="container: the image; the official one if left out.")] = None,
    reset: Annotated[str, typer.Option(help="container: undo what the episode wrote, or recreate.")] = "undo",
    server: Annotated[str | None, typer.Option(help="remote: the server's base URL.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to which the finished episode is added; made if need be.")
    ] = None,
) -> None:
    """Work on a task yourself: read the chart, place orders, answer, and see the grader's verdict.

    You write the same actions as a model and see the same answers. Commands such as help, prompt, history and chart cost no turn.
    What is likely to be a slip (no action, broken JSON) is only sent after you have confirmed it.

    With --out the episode is stored as a trajectory of the agent "human", to be compared with a model's (medenv compare) or
    looked at. Whoever used the chart command is noted there as assisted: what it shows counts as no evidence.

    Examples:
        medenv play

        medenv play --type 9 --branch low --seed 3

        medenv play --task task5_2 --out runs/me
    """
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        raise ValueError(
            "play needs a terminal; texts that are written beforehand are played by: medenv eval --agent scripted"
        )
    if protocol == "tools":
        raise ValueError("a person writes text: give --protocol text or official")
    console = Console()
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
        backend=backend,
        server=_server(backend, image, reset, server, console),
    ) as benchmark:
        chosen = _chosen(benchmark.tasks, type_ or [], task, branch, difficulty, seed)
        one = benchmark.tasks.present(chosen, paraphrase, now)
        if out is None:
            _play(benchmark, one, {"seed": seed, "sample": 0}, console)
            return
        settings = {
            "agent": HumanPolicy().describe(),
            "split": split,
            "grader": benchmark.grader.name,
            "observation": observation,
            "max_turns": max_turns,
            **({"protocol": protocol} if protocol != "text" else {}),
            **({"backend": backend} if backend != "embedded" else {}),
            "data": benchmark.backend.fingerprint,
        }
        with RunFolder(out, settings, resume=True) as folder:
            earlier = list(folder.read())
            sample = sum(row.task.id == one.id for row in earlier)
            finished = _play(benchmark, one, {"seed": seed, "sample": sample}, console)
            folder.append(finished)
            folder.write_summary({**settings, **summarise([*earlier, finished]).to_dict()})
            console.print(f"stored in {folder.path}", highlight=False, soft_wrap=True)


def _server(backend: str, image: str | None, reset: str, url: str | None, console: Console) -> dict[str, Any]:
    """The backend's options; one episode needs one container."""
    if backend == "container":
        return {"image": image, "size": 1, "reset": reset, "progress": console.print}
    if (image, url) != (None, None) and backend == "embedded":
        raise ValueError("--image is for --backend container, --server for --backend remote")
    return {"url": url} if backend == "remote" else {}


def _chosen(
    tasks: TaskSet, types: list[int], id: str | None, branch: str | None, difficulty: str | None, seed: int
) -> Task:
    """The task with this id, or one of those that fit."""
    rng = random.Random(seed)
    if id is not None:
        found = tasks.task(id)
        if types and found.type not in types:
            raise ValueError(f"task {id!r} is of type {found.type}, not {' or '.join(map(str, types))}")
        return found
    fitting = tasks.choose(rng.choice(sorted(set(types))) if types else None, branch, difficulty)
    if not fitting:
        raise ValueError(f"no task of split {tasks.name!r} is of the types {types}")
    return fitting[rng.randrange(300 if tasks.endless else len(fitting))]


def _play(benchmark: Benchmark, task: Task, provenance: dict[str, Any], console: Console) -> Trajectory:
    """One episode at the terminal; whoever leaves before its end ends the program."""
    try:
        return asyncio.run(_episode(benchmark, task, provenance, console))
    except LeftError:
        console.print("left; nothing was stored", highlight=False)
        raise typer.Exit(0) from None
    except KeyboardInterrupt:
        console.print("interrupted; nothing was stored", highlight=False)
        raise typer.Exit(130) from None


async def _episode(benchmark: Benchmark, task: Task, provenance: dict[str, Any], console: Console) -> Trajectory:
    episode = benchmark.start(task, {"agent": HumanPolicy().describe(), **provenance})
    desk = Desk(episode, console)
    player = HumanPolicy(desk.ask, desk.confirm).start(task, 0)
    try:
        desk.welcome()
        while not episode.done:
            reply = await ask(player, episode.conversation)
            episode.step(reply)
    except BackendError as error:
        episode.fail(str(error))
    except BaseException:
        episode.session.close()
        raise
    finished = benchmark.finish(
        episode, {"assisted": bool(desk.looks), **({"looks": desk.looks} if desk.looks else {})}
    )
    desk.verdict(finished)
    return finished
