"""``medenv play``: a person works on a chart at the terminal, as a model would, and is graded as one."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from medenv.agents.human import HumanPolicy, LeftError
from medenv.agents.policy import ask
from medenv.cli.console import stderr
from medenv.cli.output import a_folder
from medenv.cli.play_terminal import PlayTerminal
from medenv.cli.run_options import BenchmarkOptions
from medenv.cli.run_setup import benchmark_settings, config_of
from medenv.episode import Benchmark
from medenv.errors import InputError
from medenv.fhir import BackendError
from medenv.report import summarise
from medenv.rollouts import RunFolder
from medenv.tasks import Task
from medenv.tasks.selection import select_tasks
from medenv.trajectories import Trajectory

__all__ = ["play"]


def play(
    where: BenchmarkOptions,
    seed: Annotated[int, typer.Option(help="Which of the tasks that fit.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(callback=a_folder, help="Folder to which the finished episode is added; made if need be."),
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
        raise InputError(
            "play needs a terminal; texts that are written beforehand are played by: medenv eval --agent scripted"
        )
    if where.protocol == "tools":
        raise InputError("a person writes text: give --protocol text or official")
    console = Console(emoji=False)
    with Benchmark(config_of(where), progress=stderr().print) as benchmark:
        fitting = select_tasks(benchmark.tasks, **where.selection())
        one = fitting[random.Random(seed).randrange(len(fitting))]
        if out is None:
            _play(benchmark, one, 0, console)
            return
        settings = {"agent": HumanPolicy().describe(), **benchmark_settings(benchmark)}
        with RunFolder(out, settings, resume=True) as folder:
            earlier = list(folder.read())
            sample = sum(row.task.id == one.id for row in earlier)
            finished = _play(benchmark, one, sample, console)
            folder.append(finished)
            folder.write_summary({**settings, **summarise([*earlier, finished]).to_dict()})
            console.print(f"stored in {folder.path}", highlight=False, soft_wrap=True)


def _play(benchmark: Benchmark, task: Task, sample: int, console: Console) -> Trajectory:
    """One episode at the terminal; whoever leaves before its end ends the program."""
    try:
        return asyncio.run(_episode(benchmark, task, sample, console))
    except LeftError:
        console.print("left; nothing was stored", highlight=False)
        raise typer.Exit(0) from None
    except KeyboardInterrupt:
        console.print("interrupted; nothing was stored", highlight=False)
        raise typer.Exit(130) from None


async def _episode(benchmark: Benchmark, task: Task, sample: int, console: Console) -> Trajectory:
    episode = benchmark.start(task, {"agent": HumanPolicy().describe(), "seed": 0, "sample": sample})
    terminal = PlayTerminal(episode, console)
    player = HumanPolicy(terminal.ask, terminal.confirm).start(task, 0)
    try:
        terminal.welcome()
        while not episode.done:
            reply = await ask(player, episode.conversation)
            episode.step(reply)
    except BackendError as error:
        episode.fail(str(error))
    except BaseException:
        episode.session.close()
        raise
    used = {"chart_commands": terminal.chart_commands} if terminal.chart_commands else {}
    finished = benchmark.finish(episode, {"assisted": bool(used), **used})
    terminal.verdict(finished)
    return finished
