"""The checks of one row: against the run's settings, the split's task, the grader, and the episode as it plays now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import orjson

from medenv.episode import Benchmark
from medenv.grading import load_grader
from medenv.rollouts.rebuilding import benchmark_arguments, open_benchmark
from medenv.rollouts.replaying import Difference, ReplayError, replay
from medenv.rollouts.store import Manifest
from medenv.tasks.taskset import FIRST
from medenv.trajectories import Status, Trajectory

__all__ = ["Benchmarks", "regrade", "replayed", "settings_kept", "task_kept"]


class Benchmarks:
    """What rows were played on, opened once for all that share it.

    Args:
        manifest: The run's, if there is one.
    """

    def __init__(self, manifest: Manifest | None) -> None:
        self._manifest = manifest
        self._open: dict[bytes, Benchmark | str] = {}

    def of(self, trajectory: Trajectory) -> Benchmark | str:
        """Return the benchmark of a row, opened once for all rows that share it, or why it can't be had."""
        try:
            arguments = benchmark_arguments(trajectory, self._manifest)
        except ValueError as error:
            return str(error)
        said = [arguments, trajectory.system, trajectory.provenance.get("data")]
        key = orjson.dumps(said, option=orjson.OPT_SORT_KEYS, default=str)
        if key not in self._open:
            self._open[key] = self._opened(trajectory)
        return self._open[key]

    def _opened(self, trajectory: Trajectory) -> Benchmark | str:
        try:
            return open_benchmark(trajectory, self._manifest)
        except (ValueError, LookupError, OSError) as error:
            where = self._manifest.settings.get("backend", "embedded") if self._manifest is not None else "embedded"
            served = "" if where == "embedded" else f" (the run was played on the backend {where!r})"
            return f"{error.args[0] if isinstance(error, LookupError) and error.args else error}{served}"

    def close(self) -> None:
        """Free the charts. Closing twice is fine."""
        while self._open:
            one = self._open.popitem()[1]
            if isinstance(one, Benchmark):
                one.close()


def settings_kept(trajectory: Trajectory, settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield a message for each setting in which a row differs from the run's manifest."""
    origin, verdict = trajectory.provenance, trajectory.verdict
    said = {
        "agent": origin.get("agent"),
        "split": trajectory.task.split,
        "split_version": origin.get("split_version", FIRST),
        "grader": settings.get("grader") if verdict is None else verdict.get("grader"),
        "grader_version": settings.get("grader_version") if verdict is None else verdict.get("grader_version", FIRST),
        "observation": trajectory.observation,
        "max_turns": trajectory.max_turns,
        "protocol": trajectory.protocol,
        "prompt": origin.get("prompt"),
        "tolerances": list(trajectory.tolerances),
        "data": origin.get("data"),
        "seed": origin.get("seed", 0),
    }
    for name, value in said.items():
        if name == "data" and value is None and trajectory.status is Status.INFRASTRUCTURE_ERROR:
            continue  # the server was never reached
        if name in settings and settings[name] != value:
            yield f"the row's {name} is {_short(value)}, and the manifest's {_short(settings[name])}"


def task_kept(trajectory: Trajectory, benchmark: Benchmark) -> Iterator[str]:
    """Where a row's task is not the split's task of that id."""
    task = trajectory.task
    try:
        own = benchmark.tasks.task(task.id)
        expected = [benchmark.tasks.present(own, None, task.now)]
        if task != expected[0] and isinstance(wording := task.params.get("wording"), int):
            expected.append(benchmark.tasks.present(own, wording, task.now))
    except (ValueError, LookupError) as error:
        yield str(error.args[0] if error.args else error)
        return
    if task in expected:
        return
    for name in task.__slots__:
        if getattr(task, name) not in [getattr(one, name) for one in expected]:
            yield str(Difference(None, f"task's {name}", getattr(task, name), getattr(expected[-1], name)))


def regrade(trajectory: Trajectory) -> Iterator[str]:
    """Where a row's verdict is not what its grader says of the row."""
    recorded = trajectory.verdict
    if trajectory.status is Status.INFRASTRUCTURE_ERROR:
        if recorded is not None:
            yield "an infrastructure error has no verdict, and this row has one"
        return
    if recorded is None:
        yield f"an episode that ended as {trajectory.status.value!r} has a verdict, and this row has none"
        return
    try:
        grader = load_grader(str(recorded.get("grader")))
        if (made := recorded.get("grader_version", FIRST)) != grader.version:
            yield f"the verdict is of version {made} of the grader {grader.name!r}, and this medenv has version {grader.version}"
            return
        again = grader.judge(replace(trajectory, verdict=None)).verdict
    except Exception as error:  # a row altered by hand may hold anything anywhere
        yield f"it can't be graded: {error}"
        return
    now = orjson.loads(orjson.dumps(again))
    if now != recorded:
        yield str(Difference(None, "verdict", recorded, now))


def replayed(trajectory: Trajectory, benchmark: Benchmark) -> Iterator[str]:
    """Where an episode doesn't come out as it is recorded when it is played again."""
    try:
        again = replay(benchmark, trajectory)
    except ReplayError as error:
        yield str(error.difference)
        return
    except Exception as error:  # as above
        yield f"it can't be played again: {error}"
        return
    said, now = trajectory.provenance.get("prompt"), again.provenance.get("prompt")
    if said != now:
        yield str(Difference(None, "prompt's hash", said, now))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:120] + "..."
