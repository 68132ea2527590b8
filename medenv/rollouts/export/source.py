"""The runs that a dataset is made from: gone through once for what there is, then read again where a row needs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

import orjson

from medenv.episode import Benchmark
from medenv.errors import InputError, file_errors
from medenv.grading import OfficialGrader, UngradableError, load_grader
from medenv.rollouts.export.entries import Entry, entry_of
from medenv.rollouts.export.options import PERMISSION, Options
from medenv.rollouts.rebuilding import benchmark_arguments, open_benchmark
from medenv.rollouts.regrading import judged
from medenv.rollouts.store import Manifest, RunFolderError, key_of
from medenv.trajectories import Status, Trajectory, file_of, read_row, read_rows

__all__ = ["TRAINING_SPLITS", "Source", "check_split"]

TRAINING_SPLITS = ("train", "validation", "builtin")
"""Splits that may be trained on; on the others scores are published."""


def check_split(split: str, where: str, options: Options) -> None:
    """Refuse to train on what scores are published on.

    Args:
        split: Of an episode or a task.
        where: What it stands in, for the message.
        options: Say whether somebody allowed it.

    Raises:
        ValueError: Nobody did.
    """
    if split not in TRAINING_SPLITS and not options.allow_test_data:
        raise InputError(
            f"{where} holds tasks of the split {split!r}, on which scores are published: a model trained on them has seen the "
            "test. Take the split train instead; or, if you know what that means, say it: "
            f'--allow-test-data "{PERMISSION}"'
        )


class Source:
    """Stored runs, open for reading.

    Args:
        runs: Their folders, or their files of trajectories.
        options: See `Options`.

    Raises:
        RunFolderError: There is no run, or two of one name.
    """

    def __init__(self, runs: Sequence[str | Path], options: Options) -> None:
        self.files = [file_of(run) for run in runs]
        self.options = options
        self._open: dict[int, IO[bytes]] = {}
        self._benchmarks: dict[bytes, Benchmark] = {}
        for file in self.files:
            if not file.is_file():
                raise RunFolderError(f"no run can be read from {str(file)!r}: there is no such file")
        self.folders = [file.parent for file in self.files]
        self.names = [folder.resolve().name for folder in self.folders]
        twice = [name for name, count in Counter(self.names).items() if count > 1]
        if twice:
            raise RunFolderError(
                f"two of the runs are called {twice[0]!r}, so that rows could not say which they are from; "
                "give each run once, and rename folders that are called alike"
            )
        self.manifests = [Manifest.read(folder) for folder in self.folders]
        self.samples: list[Trajectory | None] = [None] * len(self.files)
        self._grader = load_grader(options.grader or "strict") if options.grader else None
        self._loose = OfficialGrader() if options.against == "loophole" else None
        self._strict = load_grader("strict") if options.against == "loophole" else None

    def scan(self, left_out: Counter[str], count: Callable[[int], object]) -> Iterator[Entry]:
        """Go through all episodes.

        Args:
            left_out: Counts by reason those that can't be data.
            count: Called with how many were read, now and then.

        Raises:
            RunFolderError: A row is damaged.
            ValueError: An episode is of a split that scores are published on, and nobody allowed it.
        """
        number = 0
        for run, file in enumerate(self.files):
            for row in read_rows(file):
                number += 1
                if number % 100 == 0:
                    count(number)
                entry = self._entry(row.trajectory, run, row.offset, left_out)
                if entry is not None:
                    if self.samples[run] is None:
                        self.samples[run] = row.trajectory
                    yield entry
        count(number)

    def _entry(self, trajectory: Trajectory, run: int, position: int, left_out: Counter[str]) -> Entry | None:
        check_split(trajectory.task.split, f"the run {self.names[run]!r}", self.options)
        if trajectory.status is Status.INFRASTRUCTURE_ERROR:
            left_out["infrastructure error"] += 1
            return None
        try:
            judged = self._judged(trajectory)
            loose = self._loose is not None and self._loose.grade(trajectory).passed
        except UngradableError:
            left_out["can't be graded"] += 1
            return None
        if judged.verdict is None:
            left_out["without a verdict"] += 1
            return None
        options = self.options
        entry = entry_of(judged, run, position, key_of(trajectory), loose)
        if options.max_chars is not None and entry.chars > options.max_chars:
            left_out[f"longer than {options.max_chars} characters"] += 1
            return None
        if options.max_turns is not None and entry.turns > options.max_turns:
            left_out[f"more than {options.max_turns} turns"] += 1
            return None
        return entry

    def _judged(self, trajectory: Trajectory) -> Trajectory:
        grader = self._strict or self._grader
        return judged(trajectory, grader)

    def read(self, entry: Entry) -> Trajectory:
        """Read an episode that was gone through before, judged as it was then.

        Raises:
            RunFolderError: The run was changed meanwhile.
        """
        file = self._open.get(entry.run)
        if file is None:
            with file_errors(self.files[entry.run]):
                file = self._open[entry.run] = self.files[entry.run].open("rb")
        try:
            return self._judged(read_row(file, entry.position))
        except ValueError as error:
            raise RunFolderError(
                f"the run {self.names[entry.run]!r} was changed while it was read ({error}); try again"
            ) from error

    def benchmark(self, trajectory: Trajectory, run: int) -> Benchmark:
        """Open the benchmark that an episode was played on, once for all episodes that share it.

        Args:
            trajectory: The episode.
            run: Which of the runs it stands in.

        Raises:
            ValueError: It can't be had; see `open_benchmark`.
        """
        arguments = benchmark_arguments(trajectory, self.manifests[run])
        data = trajectory.provenance.get("data")
        key = orjson.dumps([arguments, trajectory.system, data], option=orjson.OPT_SORT_KEYS)
        if key not in self._benchmarks:
            self._benchmarks[key] = open_benchmark(trajectory, self.manifests[run])
        return self._benchmarks[key]

    def close(self) -> None:
        """Close files and charts. Closing twice is fine."""
        while self._benchmarks:
            self._benchmarks.popitem()[1].close()
        while self._open:
            self._open.popitem()[1].close()

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
