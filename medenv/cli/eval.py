"""``medenv eval``: run an agent over a split, grade it, and show a table with the blind floor beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import typer

from medenv.agents import load
from medenv.cli.choosing import Chosen
from medenv.cli.playing import Played, fill_run
from medenv.cli.run_options import RunOptions
from medenv.cli.scores import show_scores
from medenv.episode import Benchmark
from medenv.report import Summary
from medenv.rollouts import run
from medenv.tasks import Task

__all__ = ["evaluate"]


def evaluate(context: typer.Context, options: RunOptions) -> None:
    """Run an agent over the benchmark and print its scores.

    Every episode is stored as it ends. Ctrl-C, a crash or a full disk lose none of them: --resume FOLDER plays the rest.

    Examples:
        medenv eval --agent reference

        medenv eval --agent llm --model gpt-4o --samples 4 --concurrency 64 --max-cost 20 --out runs/gpt-4o

        medenv eval --agent llm --model my-model --base-url http://127.0.0.1:8000/v1

        medenv eval --agent replay -O run=runs/gpt-4o

        medenv eval --resume runs/gpt-4o

        medenv eval --agent blind --split official --official MedAgentBench --charts charts.ndjson
    """
    summary = Summary()

    def show(played: Played) -> None:
        seen = summary.tasks
        assert isinstance(played.tasks, Chosen), "only a rollout goes on from other episodes"
        floor = asyncio.run(_blind_floor(played.benchmark, (task for task in played.tasks if task.id in seen)))
        played.folder.write_summary({**played.folder.settings, **summary.to_dict(), "blind": floor.to_dict()})
        title = f"{played.policy.name} on {played.benchmark.tasks.name}, grader {played.benchmark.grader.name}"
        show_scores(title, summary, floor, played.folder.path)

    fill_run(context, options, summary.add, show)


async def _blind_floor(benchmark: Benchmark, tasks: Iterable[Task]) -> Summary:
    """What the blind policy scores on the same tasks: the floor under every score."""
    summary = Summary()
    async for one in run(benchmark, load("blind"), tasks, concurrency=1):
        summary.add(one)
    return summary
