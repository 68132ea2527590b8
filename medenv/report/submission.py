"""What a leaderboard takes of a run: its scores, its fingerprint, every transcript, and what it was made with, checkable by strangers."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from medenv import __version__
from medenv.errors import InputError
from medenv.report.board import board_of
from medenv.report.floor import blind_floor
from medenv.report.records import read_records
from medenv.report.tables import tables_of
from medenv.report.writing import markdown_table, markdown_text
from medenv.rollouts import Manifest, RunFolder, RunFolderError
from medenv.rollouts.fingerprint import fingerprint_of_run

__all__ = ["MARKS", "SCHEMA", "write_submission"]

SCHEMA = "medenv.submission/1"
MARKS = ("submission.json", "trajectories.jsonl")
"""Files by which a folder is known for a submission."""

_CARRIED = ("checksums.txt",)
"""Files of a run, where there are any, that go along as they are."""

_OPTIONS = (
    "agent",
    "model",
    "split",
    "grader",
    "task_seed",
    "cohort_seed",
    "size",
    "type",
    "branch",
    "difficulty",
    "limit",
    "samples",
)
"""Options that say which tasks and charts a run was on; others may name files of the machine that it was played on."""


def write_submission(run: Path, folder: Path) -> None:
    """Write a run as a submission, which is a run itself that ``medenv verify`` and ``medenv report`` read.

    Args:
        run: The run's folder.
        folder: Where to; an empty folder, which the caller puts in its place.

    Raises:
        RunFolderError: It is no run with a manifest, or can't be read.
        BoardError: It holds episodes of several splits, graders, protocols or charts.
        ValueError: It has no score.
        OSError: The disk is full or can't be written.
    """
    manifest = Manifest.read(run) if run.is_dir() else None
    if manifest is None:
        raise RunFolderError(f"{str(run)!r} holds no run with a {Manifest.NAME}, so what made it can't be told")
    records = read_records([run])
    board = board_of(records)
    if board.entries[0].total.share is None:
        raise InputError(f"the run in {str(run)!r} has no score to submit: {' '.join(board.remarks)}")
    floor, why = blind_floor(records)
    board = board_of(records, floor=floor, remarks=[why] if why else ())
    options = {name: value for name, value in manifest.options.items() if name in _OPTIONS}
    Manifest(manifest.settings, options, manifest.medenv, list(manifest.resumed_by), dict(manifest.versions)).write(
        folder
    )
    shutil.copyfile(run / RunFolder.TRAJECTORIES, folder / RunFolder.TRAJECTORIES)
    for name in _CARRIED:
        if (run / name).is_file():
            shutil.copyfile(run / name, folder / name)
    # The rows are what is submitted, so the fingerprint is theirs.
    fingerprint = fingerprint_of_run(folder)
    said: dict[str, Any] = {
        "schema": SCHEMA,
        "model": board.entries[0].name,
        "fingerprint": fingerprint,
        "settings": manifest.settings,
        "conditions": board.conditions,
        "scores": records[0].summary.to_dict(),
        "clustered_error": None if board.entries[0].error is None else asdict(board.entries[0].error),
        "blind_floor": board.to_dict()["blind_floor"],
        "remarks": list(board.remarks),
        "versions": {"medenv": manifest.medenv, "resumed_by": list(manifest.resumed_by), **manifest.versions},
        "made_by": f"medenv {__version__}",
    }
    (folder / "submission.json").write_bytes(orjson.dumps(said, option=orjson.OPT_INDENT_2) + b"\n")
    tables = "\n".join(markdown_table(one) for one in tables_of(board))
    (folder / "README.md").write_bytes(_readme(said, tables).encode())


def _readme(said: Mapping[str, Any], tables: str) -> str:
    remarks = "".join(f"- {markdown_text(one)}\n" for one in said["remarks"])
    return (
        f"# {markdown_text(said['model'])} on MedAgentBench\n\n"
        f"Fingerprint: `{said['fingerprint']}`\n\n"
        "All transcripts are in trajectories.jsonl. Anyone can play and grade them again, without the model:\n\n"
        "```bash\nmedenv verify .\n```\n\n"
        f"{remarks}\n{tables}"
    )
