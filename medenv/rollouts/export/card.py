"""The dataset card: ``README.md`` with the front matter that Hugging Face's hub and loader read, and what a user must know."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import orjson

from medenv import __version__
from medenv.rollouts.export.columns import Kind, features
from medenv.rollouts.export.options import Options
from medenv.rollouts.export.provenance import license_of, player
from medenv.rollouts.export.report import Report
from medenv.rollouts.export.source import TRAINING_SPLITS, Source
from medenv.tasks.taskset import FIRST

__all__ = ["Origin", "card", "origins"]

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

Origin = Mapping[str, Any]
"""What a card says of one run: name, agent, split, protocol, seed, fingerprints, versions; no address and no option of a provider."""


def origins(source: Source) -> list[Origin]:
    """Collect, for each run, where its episodes come from, for the card."""
    found: list[Origin] = []
    for name, one, manifest in zip(source.names, source.samples, source.manifests, strict=True):
        said = one.provenance if one is not None else {}
        verdict = (one.verdict or {}) if one is not None else {}
        settings = manifest.settings if manifest is not None else {}
        found.append(
            {
                "run": name,
                "agent": player(said),
                "split": one.task.split if one is not None else settings.get("split"),
                "split_version": said.get("split_version", settings.get("split_version", FIRST)),
                "protocol": one.protocol if one is not None else settings.get("protocol"),
                "grader": verdict.get("grader") if one is not None else settings.get("grader"),
                "grader_version": verdict.get("grader_version", settings.get("grader_version", FIRST)),
                "seed": settings.get("seed", said.get("seed")),
                "samples": settings.get("samples"),
                "medenv": said.get("medenv"),
                "prompt_hash": said.get("prompt"),
                "data_fingerprint": said.get("data"),
                "tasks_fingerprint": settings.get("tasks", said.get("tasks")),
            }
        )
    return found


def card(
    name: str,
    use: str,
    columns: Mapping[str, Kind],
    parts: Mapping[str, str],
    runs: Sequence[Origin],
    options: Options,
    report: Report,
) -> str:
    """Write the text of ``README.md``.

    Args:
        name: The dataset's.
        use: How rows are used.
        columns: Of the rows; empty for a dataset without any.
        parts: File names by part.
        runs: See `origins`.
        options: What it was made with.
        report: What came of it.
    """
    splits = sorted({str(one["split"]) for one in runs})
    license = options.license or next(
        (license_of(split) for split in splits if license_of(split) == "other"), "apache-2.0"
    )
    front: dict[str, Any] = {
        "pretty_name": name,
        "license": license,
        "language": ["en"],
        "tags": ["medenv", "medagentbench", "fhir", "llm-agents", report.format],
        "task_categories": [
            "reinforcement-learning" if report.format in ("minari", "grpo", "steps") else "text-generation"
        ],
        "size_categories": [next((label for most, label in _SIZES if report.total < most), "1M<n<10M")],
    }
    if parts:
        front["configs"] = [
            {
                "config_name": "default",
                "data_files": [{"split": part, "path": path} for part, path in parts.items()],
            }
        ]
        # So that a column that is empty at first, or in one of the files, is taken for what it is.
        front["dataset_info"] = {"features": features(columns)}
    lines = [f"{key}: {orjson.dumps(value).decode()}" for key, value in front.items()]
    return "\n".join(["---", *lines, "---", "", *_body(name, use, runs, options, report, splits)]) + "\n"


def _body(
    name: str, use: str, runs: Sequence[Origin], options: Options, report: Report, splits: Sequence[str]
) -> list[str]:
    out = [f"# {name}", "", f"{report.total:,} rows in the format `{report.format}`, made by medenv {__version__}.", ""]
    tested = [split for split in splits if split not in TRAINING_SPLITS]
    if tested:
        out += [
            f"**Holds episodes of the split {', '.join(tested)}, on which scores are published. A model trained on this has seen the test: "
            "don't report its scores on these tasks.**",
            "",
        ]
    out += ["## Use", "", use, ""]
    out += [
        "For training and studying agents on MedAgentBench. The patients are made up; nothing here is medical advice, and a model "
        "trained on it is not fit for the care of patients.",
        "",
        "Columns that every row has: `run`, `episode` (task/sample/seed) and `turn` lead back to the record; `medenv`, `prompt_hash` and "
        "`data_fingerprint` say what it was played with.",
        "",
        "## Where it comes from",
        "",
        *_table(runs),
        "",
        f"{report.episodes:,} episodes were read. Options that differ from the default:",
        "",
        *_changed(options),
        "",
        "## Rows",
        "",
        *_rows(report),
        "",
    ]
    for title, head, counts in (("Left out", "why", report.left_out), ("Rows without", "what", report.shortened)):
        if counts:
            out += [f"{title}:", "", f"| {head} | how many |", "|---|---|"]
            out += [f"| {reason} | {count:,} |" for reason, count in sorted(counts.items())] + [""]
    out += [
        "## Licence",
        "",
        "Tasks and charts of medenv's own splits are under Apache-2.0; the official rows and charts belong to the authors of MedAgentBench "
        "(Jiang et al., NEJM AI, 2025). What a model wrote may be subject to the terms of its provider.",
    ]
    return out


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    names = list(rows[0]) if rows else []
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    return lines + ["| " + " | ".join("" if row[n] is None else str(row[n]) for n in names) + " |" for row in rows]


def _changed(options: Options) -> list[str]:
    default = asdict(
        replace(Options(), tokenizer=options.tokenizer, max_length=options.max_length)
    )  # these change no row
    changed = {name: value for name, value in asdict(options).items() if value != default[name]}
    return [f"- `{name}`: {value}" for name, value in changed.items()] or ["- none"]


def cut_warning(tokens: Mapping[str, Any]) -> str:
    """Say how many rows a trainer would cut.

    Args:
        tokens: See `TokenLengths.to_dict`.
    """
    return (
        f"{tokens['rows_cut']:,} rows have more than {tokens['max_length']:,} tokens: a trainer with "
        f"max_length={tokens['max_length']} cuts them, and what is cut is not learnt; give it max_length={tokens['longest']} or None."
    )


def _rows(report: Report) -> list[str]:
    parts = sorted({part for part, _, _ in report.rows})
    table: dict[tuple[int, str], dict[str, int]] = defaultdict(dict)
    for (part, number, branch), count in report.rows.items():
        table[number, branch][part] = count
    lines = [f"| task type | branch | {' | '.join(parts)} |", "|---|---|" + "---|" * len(parts)]
    for (number, branch), counts in sorted(table.items()):
        lines.append(f"| {number} | {branch} | " + " | ".join(str(counts.get(part, 0)) for part in parts) + " |")
    said = report.to_dict()
    if tokens := said.get("tokens"):
        lines += [
            "",
            f"Tokens of a row for `{tokens['tokenizer']}`: {tokens['median']:,} in the median, {tokens['p95']:,} at 95 %, at most "
            f"{tokens['longest']:,}.",
        ]
        if tokens["rows_cut"]:
            lines += ["", f"**{cut_warning(tokens)}**"]
    for extra in ("labels", "mean_characters_written"):
        if extra in said:
            told = ", ".join(f"{key} {value:,.0f}" for key, value in said[extra].items())
            lines += ["", f"{extra.replace('_', ' ').capitalize()}: {told}."]
    return lines
