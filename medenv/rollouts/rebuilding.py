"""From a stored run back to what it was played on: the benchmark's arguments, for playing again, forking and training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medenv.episode import Benchmark
from medenv.errors import InputError
from medenv.fhir.store.fingerprint import other_rule
from medenv.protocol.instructions import Wording
from medenv.rollouts.store import Manifest
from medenv.tasks import GENERATED
from medenv.tasks.endless import seed_of
from medenv.tasks.taskset import check_version
from medenv.trajectories import Trajectory

__all__ = ["PLACES", "benchmark_arguments", "open_benchmark"]

PLACES = ("official", "charts")
"""Arguments that name files of one machine."""

_TAKEN = ("grader", "cohort_seed", *PLACES)


def benchmark_arguments(trajectory: Trajectory, manifest: Manifest | None) -> dict[str, Any]:
    """Return the arguments of a `Benchmark` with an episode's charts and rules, apart from its wording.

    Args:
        trajectory: The episode.
        manifest: Of its run; None if there is none, so that only what the episode says is known.

    Returns:
        JSON values; what is as by default is left out.
    """
    options: Mapping[str, Any] = manifest.options if manifest is not None else {}
    task = trajectory.task
    arguments: dict[str, Any] = {
        "split": task.split,
        "protocol": trajectory.protocol,
        "max_turns": trajectory.max_turns,
    }
    if trajectory.observation != "full":
        arguments["observation"] = trajectory.observation
    if trajectory.tolerances:
        arguments["tolerances"] = list(trajectory.tolerances)
    if options.get("split") == task.split:
        arguments |= {name: options[name] for name in _TAKEN if options.get(name) not in (None, "")}
        if options.get("size", "default") != "default":
            arguments["size"] = options["size"]
    seed = seed_of(task.id) if task.split in GENERATED else options.get("task_seed")
    if seed:
        arguments["task_seed"] = seed
    return arguments


def open_benchmark(trajectory: Trajectory, manifest: Manifest | None) -> Benchmark:
    """Open the benchmark that an episode was played on.

    Args:
        trajectory: The episode.
        manifest: Of its run, if there is one.

    Raises:
        ValueError: It can't be had: charts or version of the split are others, or the file of the run's own prompt is gone.
    """
    template = manifest.options.get("prompt") if manifest is not None else None
    wording = Wording(Wording.read(template).template, trajectory.system) if template or trajectory.system else None
    benchmark = Benchmark(**benchmark_arguments(trajectory, manifest), wording=wording)
    whose = f"the episode of task {trajectory.task.id!r}"
    try:
        check_version(trajectory.task.split, trajectory.provenance.get("split_version"), benchmark.tasks.version, whose)
    except ValueError:
        benchmark.close()
        raise
    data = trajectory.provenance.get("data")
    if data not in (None, benchmark.backend.fingerprint):
        found = benchmark.backend.fingerprint
        benchmark.close()
        raise InputError(
            f"task {trajectory.task.id!r} of the split {trajectory.task.split!r} was played on charts {data}{other_rule(data, found)}, "
            f"and those at hand are {found}; use the version of medenv and the options that the run was made with"
        )
    return benchmark
