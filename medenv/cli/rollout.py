"""``medenv rollout``: collect episodes of an agent, for training or for a look at them."""

from __future__ import annotations

import typer

from medenv.cli.console import stdout
from medenv.cli.run_execution import FinishedRun, execute_run
from medenv.cli.run_options import RolloutOptions
from medenv.cli.scores import show_unscored
from medenv.report import Summary

__all__ = ["rollout"]


def rollout(context: typer.Context, options: RolloutOptions) -> None:
    """Collect an agent's episodes: tasks x samples, each stored as it ends, with verdict and all that made it.

    Ctrl-C, a crash or a full disk lose no finished episode: --resume FOLDER plays the rest, and more --samples or, on a split
    without end, a larger --limit. medenv runs lists, checks, merges, filters and samples what was collected.

    Examples:
        medenv rollout --agent llm --model my-model --base-url http://127.0.0.1:8000/v1 --split train --limit 5000 --samples 8
        --concurrency 256 --out runs/first

        medenv rollout --resume runs/first --retry-infrastructure

        medenv rollout --agent random --split train --limit 10000 --engine processes --workers 8

        medenv rollout --agent llm --model my-model --branch-from runs/first --branch-at 1 --branch-at -1 --samples 4 --out runs/forks

        medenv rollout --agent llm --model my-model --base-url http://vllm:8000/v1 --engine ray --address auto --workers 32
    """
    summary = Summary()

    def tell(played: FinishedRun) -> None:
        played.folder.write_summary({**played.folder.settings, **summary.to_dict()})
        bar, console = played.bar, stdout()
        mean = f", {bar.passed / bar.scored:.1%} correct" if bar.scored else ""
        cost = f", {bar.cost:.4f} USD" if bar.cost else ""
        console.print(
            f"{bar.episodes} episodes of {len(summary.tasks)} tasks in {played.folder.path}{mean}{cost}",
            highlight=False,
            soft_wrap=True,
            markup=False,
        )
        if bar.failed:
            show_unscored(summary, f"medenv rollout --resume {played.folder.path} --retry-infrastructure")

    execute_run(context, options, summary.add, tell)
