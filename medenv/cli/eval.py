"""``medenv eval``: run an agent over a split, grade it, and show a table with the blind floor beside it."""

from __future__ import annotations

import asyncio

import typer

from medenv.cli.run_execution import FinishedRun, execute_run
from medenv.cli.run_options import RunOptions
from medenv.cli.scores import show_scores
from medenv.report import Summary, blind_floor
from medenv.tasks.selection import TaskSelection

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

    def show(played: FinishedRun) -> None:
        seen = summary.tasks
        assert isinstance(played.tasks, TaskSelection), "only a rollout goes on from other episodes"
        floor = asyncio.run(blind_floor(played.benchmark, (task for task in played.tasks if task.id in seen)))
        played.folder.write_summary({**played.folder.settings, **summary.to_dict(), "blind": floor.to_dict()})
        title = f"{played.policy.name} on {played.benchmark.tasks.title}, grader {played.benchmark.grader.title}"
        show_scores(title, summary, floor, played.folder.path)

    execute_run(context, options, summary.add, show)
