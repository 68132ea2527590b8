"""Evaluating an agent in a few lines of Python: in a script, in a test, and in a notebook, where an event loop runs already."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from medenv.agents import Policy, load
from medenv.agents.function_policy import Answering
from medenv.episode import Benchmark, BenchmarkConfig
from medenv.report.metrics import Summary
from medenv.rollouts.runner import run
from medenv.tasks import Task
from medenv.tasks.selection import select_tasks
from medenv.trajectories import Trajectory

__all__ = ["Evaluation", "blind_floor", "evaluate", "evaluate_async"]


@dataclass(frozen=True)
class Evaluation:
    """What an agent scored, and each of its episodes.

    Attributes:
        title: What was run: agent, split and grader with their versions.
        summary: The scores, by task type and in all.
        floor: Those of the blind policy on the same tasks by the same grader.
        trajectories: The episodes, in the order in which they ended.
    """

    title: str
    summary: Summary
    floor: Summary
    trajectories: tuple[Trajectory, ...]

    @property
    def accuracy(self) -> float | None:
        """Share of the scored episodes that passed; None if none was scored."""
        return self.summary.total.accuracy

    def __str__(self) -> str:
        total, low_high = self.summary.total, self.summary.interval
        if total.accuracy is None:
            return f"{self.title}: none of {total.episodes} episodes was scored"
        interval = " to ".join(f"{100 * end:.1f}" for end in low_high)
        return (
            f"{self.title}: {total.passed} of {total.scored} passed, {100 * total.accuracy:.1f} % (95 % interval {interval}), "
            f"blind floor {100 * (self.floor.total.accuracy or 0):.1f} %"
        )


async def evaluate_async(
    agent: Policy | Answering | str,
    *,
    task: Sequence[str] | str = (),
    limit: int | None = None,
    seed: int = 0,
    samples: int = 1,
    concurrency: int = 8,
    progress: Callable[[Trajectory], object] | None = None,
    **settings: Any,
) -> Evaluation:
    """Play an agent over tasks in this process and sum up its scores; `medenv eval` does the same and stores each episode.

    Args:
        agent: A policy, a function from the conversation to the next reply, or the name of an agent (``"reference"``, or with a model
            ``"llm:gpt-4o"``); what is named is made and closed here.
        task: Ids of single tasks; none for all that fit the settings.
        limit: How many tasks, from types and branches in turn; None for all, and for 300 of a split without end.
        seed: Of the run.
        samples: Attempts at each task.
        concurrency: Most episodes under way at a time.
        progress: Called with each episode that has ended.
        **settings: Fields of `medenv.episode.BenchmarkConfig`: ``split``, ``task_type``, ``grader``, ``protocol``, ...

    Raises:
        InputError: A setting is wrong, or no task fits.
        FatalProviderError: The provider refuses every request.
    """
    config = BenchmarkConfig(**settings)
    trajectories: list[Trajectory] = []
    summary = Summary()
    async with AsyncExitStack() as owned:
        if isinstance(agent, str):
            name, _, model = agent.partition(":")
            agent = load(name, **({"model": model} if model else {}))
            owned.push_async_callback(agent.close)
        with Benchmark(config) as benchmark:
            chosen = select_tasks(
                benchmark.tasks,
                task=(task,) if isinstance(task, str) else task,
                task_type=config.task_type,
                branch=config.branch,
                difficulty=config.difficulty,
                paraphrase=config.paraphrase,
                now=config.now,
                limit=limit,
            )
            async for one in run(benchmark, agent, chosen, seed=seed, samples=samples, concurrency=concurrency):
                trajectories.append(one)
                summary.add(one)
                if progress is not None:
                    progress(one)
            floor = await blind_floor(benchmark, chosen)
            title = f"{_name_of(agent)} on {benchmark.tasks.title}, grader {benchmark.grader.title}"
    return Evaluation(title, summary, floor, tuple(trajectories))


def evaluate(agent: Policy | Answering | str, **options: Any) -> Evaluation:
    """Play an agent over tasks and sum up its scores, also where an event loop runs, as in a notebook.

    Args:
        agent: As for `evaluate_async`.
        **options: As for `evaluate_async`.

    Raises:
        InputError: A setting is wrong, or no task fits.
        FatalProviderError: The provider refuses every request.

    Example:
        >>> print(evaluate("blind", split="builtin", task_type=4))
        blind on builtin (version 3), grader strict (version 2): 0 of 30 passed, 0.0 % (95 % interval 0.0 to 11.4), blind floor 0.0 %
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(evaluate_async(agent, **options))
    with ThreadPoolExecutor(1) as thread:  # where no loop runs
        return thread.submit(asyncio.run, evaluate_async(agent, **options)).result()


async def blind_floor(benchmark: Benchmark, tasks: Iterable[Task]) -> Summary:
    """Play the blind policy on the same tasks and sum up its scores: the floor under every score."""
    summary = Summary()
    async for one in run(benchmark, load("blind"), tasks, concurrency=1):
        summary.add(one)
    return summary


def _name_of(agent: Policy | Answering) -> str:
    return agent.name if isinstance(agent, Policy) else getattr(agent, "__name__", type(agent).__name__)
