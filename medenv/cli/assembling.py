"""From a run's options to what it is made of: the benchmark's arguments, the settings that are recorded, the engine."""

from __future__ import annotations

import os
from typing import Any

from medenv.agents import Policy
from medenv.cli.choosing import Chosen
from medenv.cli.console import stderr
from medenv.cli.run_options import RunOptions
from medenv.episode import Benchmark
from medenv.rollouts import ENGINES, Engine, Forks, LocalEngine, Setup
from medenv.tasks.unknown import unknown

__all__ = ["benchmark_arguments", "check_engine", "engine_of", "settings_of"]


def check_engine(options: RunOptions) -> None:
    """Tell a wrong engine, or options of another one, before anything is built.

    Raises:
        LookupError: There is no such engine.
        ValueError: Options don't go together.
    """
    if options.engine not in ENGINES:
        raise unknown("engine", options.engine, list(ENGINES), f"there are: {', '.join(ENGINES)}")
    if options.engine != "ray" and options.address is not None:
        raise ValueError("--address is for --engine ray")
    if options.engine == "local" and options.workers is not None:
        raise ValueError("--workers is for --engine processes and ray; the engine 'local' has --concurrency")


def benchmark_arguments(options: RunOptions) -> dict[str, Any]:
    """The arguments of `Benchmark`."""
    return {
        "split": options.split,
        "grader": options.grader,
        "official": options.official,
        "charts": options.charts,
        "observation": options.observation,
        "max_turns": options.max_turns,
        "seed": options.task_seed,
        "size": options.size,
        "protocol": options.protocol,
        "wording": options.wording(),
        "tolerances": tuple(options.tolerate),
        "backend": options.backend,
        "server": _server(options),
    }


def _server(options: RunOptions) -> dict[str, Any]:
    if options.backend == "container":
        return {"image": options.image, "size": options.pool, "reset": options.reset, "progress": stderr().print}
    if (options.image, options.server) != (None, None) and options.backend == "embedded":
        raise ValueError("--image is for --backend container, --server for --backend remote")
    return {"url": options.server} if options.backend == "remote" else {}


def settings_of(options: RunOptions, benchmark: Benchmark, policy: Policy, tasks: Chosen | Forks) -> dict[str, Any]:
    """What every episode of the run depends on."""
    return {
        "agent": policy.describe(),
        "split": options.split,
        "grader": benchmark.grader.name,
        "observation": options.observation,
        "max_turns": options.max_turns,
        "protocol": options.protocol,
        "prompt": benchmark.prompt_hash,
        "tolerances": list(benchmark.tolerances),
        "backend": options.backend,
        "seed": options.seed,
        "samples": options.samples,
        "data": benchmark.backend.fingerprint,
        "tasks": tasks.fingerprint,
        **({"limit": len(tasks)} if benchmark.tasks.endless and isinstance(tasks, Chosen) else {}),
        **({"forks": len(tasks)} if isinstance(tasks, Forks) else {}),
    }


def engine_of(options: RunOptions, setup: Setup, benchmark: Benchmark, policy: Policy) -> Engine:
    """Where episodes are played."""
    if options.engine == "local":
        return LocalEngine(benchmark, policy, options.concurrency)
    if options.engine == "processes":
        from medenv.rollouts.engines.processes import ProcessEngine

        return ProcessEngine(setup, benchmark, policy, options.workers or os.cpu_count() or 1)
    from medenv.rollouts.engines.ray import RayEngine

    return RayEngine(
        setup, benchmark, policy, options.address, options.workers, options.concurrency, options.worker_gpus
    )
