"""From a run's options to what it is made of: the benchmark's arguments, the settings that are recorded, the engine."""

from __future__ import annotations

import os
from typing import Any

from medenv.agents import Policy
from medenv.cli.run_options import ChoiceOptions, RunOptions
from medenv.episode import Benchmark, BenchmarkConfig
from medenv.errors import InputError
from medenv.rollouts import ENGINES, Engine, Forks, LocalEngine, Setup
from medenv.tasks.selection import TaskSelection
from medenv.tasks.unknown import unknown

__all__ = ["benchmark_settings", "check_engine", "config_of", "engine_of", "settings_of"]


def check_engine(options: RunOptions) -> None:
    """Tell a wrong engine, or options of another one, before anything is built.

    Raises:
        LookupError: There is no such engine.
        ValueError: Options don't go together.
    """
    if options.engine not in ENGINES:
        raise unknown("engine", options.engine, list(ENGINES), f"there are: {', '.join(ENGINES)}")
    if options.engine != "ray" and options.address is not None:
        raise InputError("--address is for --engine ray")
    if options.engine == "local" and options.workers is not None:
        raise InputError("--workers is for --engine processes and ray; the engine 'local' has --concurrency")


def config_of(options: ChoiceOptions) -> BenchmarkConfig:
    """Make the benchmark's settings of a command's options, which have the same names.

    Raises:
        InputError: Options have values that can't be, or don't go together.
    """
    if getattr(options, "backend", None) == "embedded" and (options.image, options.url) != (None, None):  # type: ignore[attr-defined]
        raise InputError("--image is for --backend container, --server for --backend remote")
    values = {name: getattr(options, name, None) for name in BenchmarkConfig.model_fields}
    return BenchmarkConfig(**{name: value for name, value in values.items() if value is not None})


def benchmark_settings(benchmark: Benchmark) -> dict[str, Any]:
    """Return what every episode depends on, whoever plays."""
    config = benchmark.config
    return {
        "split": config.split,
        "split_version": benchmark.tasks.version,
        "grader": benchmark.grader.name,
        "grader_version": benchmark.grader.version,
        "observation": config.observation,
        "max_turns": config.max_turns,
        "protocol": config.protocol,
        "prompt": benchmark.prompt_hash,
        "tolerances": list(config.tolerances),
        "backend": config.backend,
        "data": benchmark.backend.fingerprint,
    }


def settings_of(
    options: RunOptions, benchmark: Benchmark, policy: Policy, tasks: TaskSelection | Forks
) -> dict[str, Any]:
    """Collect the settings that every episode of the run depends on, by name."""
    return {
        "agent": policy.describe(),
        **benchmark_settings(benchmark),
        "seed": options.seed,
        "samples": options.samples,
        "tasks": tasks.fingerprint,
        **({"limit": len(tasks)} if benchmark.tasks.endless and isinstance(tasks, TaskSelection) else {}),
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
