"""The one code path of ``eval`` and ``rollout``: from options to a stored run, with progress, interruption and resuming."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import typer

from medenv.agents import FatalProviderError, Policy, load
from medenv.cli.branching import forks_of, with_parent
from medenv.cli.console import stderr
from medenv.cli.exits import NOTHING_SCORED, SHORT_OF_MONEY
from medenv.cli.interrupts import run_interruptible
from medenv.cli.options import given, plain, restored
from medenv.cli.progress import EpisodeBar, waiting
from medenv.cli.run_options import RunOptions
from medenv.cli.run_setup import check_engine, config_of, engine_of, settings_of
from medenv.episode import Benchmark
from medenv.rollouts import (
    CannotStartError,
    Engine,
    Forks,
    Manifest,
    Plan,
    RunFolder,
    RunFolderError,
    RunWriteError,
    Setup,
    collect,
    read_stored,
)
from medenv.rollouts.timing import timed
from medenv.tasks.selection import TaskSelection, select_tasks
from medenv.trajectories import Trajectory

__all__ = ["FinishedRun", "execute_run"]

_NOT_STORED = ("out", "resume", "retry_infrastructure")


@dataclass
class FinishedRun:
    """A run as `execute_run` leaves it.

    Attributes:
        folder: The run, still open.
        benchmark: What was played, still open.
        policy: Who played.
        tasks: The tasks, or the places in other episodes that were gone on from.
        bar: What the progress bar counted.
        complete: Whether all was played; False if the budget ended it.
    """

    folder: RunFolder
    benchmark: Benchmark
    policy: Policy
    tasks: TaskSelection | Forks
    bar: EpisodeBar
    complete: bool


def execute_run(
    context: typer.Context,
    options: RunOptions,
    count_in: Callable[[Trajectory], object],
    then: Callable[[FinishedRun], None],
) -> None:
    """Play what a run lacks.

    Args:
        context: Of the command.
        options: As given on the command line.
        count_in: Called with each episode of the run, stored ones first.
        then: Called at the end, with everything still open.

    Raises:
        typer.Exit: With 130 after Ctrl-C, with `SHORT_OF_MONEY` if the budget ended the run, with `NOTHING_SCORED` if no episode of
            it has a score.
        ValueError: The options don't go together, or not with the stored run.
        ProviderError: The provider refuses every request.
        RunWriteError: The disk is full or fails.
    """
    options = with_parent(context, _with_stored(context, options))
    agent, agent_options = options.arguments()
    check_engine(options)
    make = partial(load, agent, **agent_options)
    policy = make()
    config = config_of(options)
    with waiting(f"opening the charts of the split {options.split!r}"):
        opened = Benchmark(config, progress=stderr().print)
    with opened as benchmark:
        tasks = forks_of(options) or select_tasks(benchmark.tasks, **options.selection())
        folder_path = options.resume or options.out or _unused(f"{policy.name.replace('/', '_')}-{options.split}")
        setup = Setup(config, make, benchmark.backend.fingerprint, benchmark.wording)
        engine = engine_of(options, setup, benchmark, policy)
        settings = settings_of(options, benchmark, policy, tasks)
        stored = {name: value for name, value in plain(options).items() if name not in _NOT_STORED}
        stored["episodes"] = len(tasks) * options.samples
        plan = Plan(tasks, options.seed, options.samples, options.retry_infrastructure, options.max_cost)
        with (
            RunFolder(folder_path, settings, resume=options.resume is not None, options=stored) as folder,
            _explained(context, folder.path),
        ):
            bar = EpisodeBar(policy.name, plan.episodes)

            def counted(trajectory: Trajectory) -> None:
                count_in(trajectory)
                bar.count(trajectory)

            done = read_stored(plan, folder, counted)
            with bar, timed(folder.path), redirect_stdout(sys.stderr):  # Ray's remarks are no results
                complete = run_interruptible(_play(plan, engine, policy, folder, done, counted, bar))
            then(FinishedRun(folder, benchmark, policy, tasks, bar, complete))
            if not complete:
                _tell_short_of_money(plan, bar, _again(context, folder.path))
                raise typer.Exit(SHORT_OF_MONEY)
            if bar.episodes and not bar.scored:
                raise typer.Exit(NOTHING_SCORED)


def _tell_short_of_money(plan: Plan, bar: EpisodeBar, again: str) -> None:
    stderr().print(
        f"stopped: another episode could cost more than --max-cost {plan.max_cost} in all; "
        f"{bar.episodes} of {plan.episodes} episodes are stored for {bar.cost:.4f} USD. "
        f"Go on with: {again} --max-cost MORE",
        soft_wrap=True,
        markup=False,
    )


async def _play(
    plan: Plan,
    engine: Engine,
    policy: Policy,
    folder: RunFolder,
    done: set[Any],
    counted: Callable[[Trajectory], None],
    bar: EpisodeBar,
) -> bool:
    try:
        return await collect(plan, engine, folder, done, counted, bar.cost)
    finally:
        await policy.close()


@contextmanager
def _explained(context: typer.Context, folder: Path) -> Any:
    """Say, when a run inside the block ends early, why it did and which command goes on with it."""
    again = _again(context, folder)
    try:
        yield
    except KeyboardInterrupt:
        stderr().print(f"interrupted; finished episodes are stored, go on with: {again}", soft_wrap=True, markup=False)
        raise typer.Exit(130) from None
    except CannotStartError as error:
        said = f"medenv: error: {error}; mend that and go on with: {again} --retry-infrastructure"
        stderr().print(said, soft_wrap=True, markup=False, highlight=False)
        raise typer.Exit(NOTHING_SCORED) from None
    except FatalProviderError as error:
        raise FatalProviderError(f"{error}; finished episodes are stored, go on with: {again}") from None
    except RunWriteError as error:
        raise RunWriteError(
            f"{error.args[-1]}; finished episodes are stored, make room and go on with: {again}"
        ) from error


def _again(context: typer.Context, folder: Path) -> str:
    return f"medenv {context.info_name} --resume {folder}"


def _with_stored(context: typer.Context, options: RunOptions) -> RunOptions:
    """Fill in the stored options of the run that ``--resume`` names, unless they are given anew."""
    if options.resume is None:
        if options.retry_infrastructure:
            raise typer.BadParameter("it goes with --resume FOLDER", param_hint="--retry-infrastructure")
        return options
    if options.out is not None:
        raise typer.BadParameter("leave it out: --resume names the folder", param_hint="--out")
    manifest = Manifest.read(options.resume)
    if manifest is None:
        raise RunFolderError(
            f"{str(options.resume)!r} holds no run that could be gone on with (no {Manifest.NAME}); give the folder of one"
        )
    if "agent" not in manifest.options:
        raise RunFolderError(
            f"the run in {str(options.resume)!r} was not played by medenv eval or rollout, so it can't be gone on with"
        )
    return restored(options, manifest.options, {*given(context), *_NOT_STORED})


def _unused(name: str) -> Path:
    """Find a folder below ``runs`` that holds no run yet, with a number behind the name where needed."""
    for number in count(1):
        path = Path("runs") / (name if number == 1 else f"{name}-{number}")
        if not (path / RunFolder.TRAJECTORIES).exists():
            return path
    raise RunFolderError("unreachable")
