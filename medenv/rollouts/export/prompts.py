"""Prompts straight from a split, for online training that begins without any run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from medenv.episode import Benchmark, BenchmarkConfig
from medenv.episode.config import renamed
from medenv.errors import InputError
from medenv.rollouts.export.card import card
from medenv.rollouts.export.entries import Entry, entry_of
from medenv.rollouts.export.folder import Rows, appearing, check_free
from medenv.rollouts.export.formats.prompts import Prompts, benchmark_text, task_text
from medenv.rollouts.export.items import Item
from medenv.rollouts.export.make import Tell, finish, lengths_of, part_of
from medenv.rollouts.export.messages import history, tools_text
from medenv.rollouts.export.options import Options
from medenv.rollouts.export.provenance import provenance_columns
from medenv.rollouts.export.report import Report
from medenv.rollouts.export.source import check_split
from medenv.rollouts.store import key_of
from medenv.tasks import Task

__all__ = ["export_prompts"]


def export_prompts(
    config: BenchmarkConfig | Mapping[str, Any],
    tasks: Iterable[Task],
    out: str | Path,
    options: Options | None = None,
    *,
    force: bool = False,
    tell: Tell = lambda what, done, of: None,
) -> Report:
    """Make a dataset of prompts.

    Args:
        config: The benchmark's settings.
        tasks: Tasks of its split.
        out: The dataset's folder, which must not hold anything unless `force`.
        options: See `Options`; `license`, `file`, `validation`, `seed` and `allow_test_data` count.
        force: Replace a dataset that is there.
        tell: Called with the progress.

    Raises:
        ValueError: The folder is taken, or scores are published on the split.
        OSError: The disk is full or fails; nothing is left behind.
    """
    options, out = options or Options(), Path(out)
    config = config if isinstance(config, BenchmarkConfig) else BenchmarkConfig(**renamed(config))
    check_free(out, force)
    report = Report(Prompts.name, tokens=lengths_of(options))
    with Benchmark(config) as benchmark, appearing(out, force) as folder:
        kind = Prompts(options, tools=benchmark.protocol == "tools")
        run: dict[str, Any] = {"run": "none", "agent": "none"}
        with Rows(folder, kind.columns, options.file) as rows:
            for number, task in enumerate(tasks, 1):
                check_split(task.split, "the choice of tasks", options)
                item, row = _row(benchmark, task, options, kind)
                part = part_of(item, options)
                rows.add(part, row)
                report.count(part, item, row)
                if number % 50 == 0:
                    tell("writing", number, None)
                run |= {
                    "split": task.split,
                    "split_version": benchmark.tasks.version,
                    "protocol": row["protocol"],
                    "prompt_hash": row["prompt_hash"],
                }
        if not report.total:
            raise InputError("no task was given, so there would be no row")
        run |= {"data_fingerprint": benchmark.backend.fingerprint, "tasks_fingerprint": benchmark.tasks.fingerprint}
        finish(folder, card(out.name, kind.use, kind.columns, rows.parts, [run], options, report), report)
    return report


def _row(benchmark: Benchmark, task: Task, options: Options, kind: Prompts) -> tuple[Item, dict[str, Any]]:
    """Make a task's row, from an episode that is not played."""
    episode = benchmark.start(task)
    one = episode.trajectory()
    episode.session.close()
    entry: Entry = entry_of(one, 0, 0, key_of(one), False)
    row = {
        "prompt": history(one, 0),
        "benchmark": benchmark_text(benchmark.config.arguments()),
        "task": task_text(task),
        "pass_rate": None,
        "attempts": 0,
        **({"tools": tools_text(one)} if kind.tools else {}),
        **provenance_columns(one, "", options.license),
        **dict.fromkeys(("run", "episode", "agent")),
    }
    return Item((entry,)), row
