"""``medenv verify``: a stored run played and graded again, so that anyone can check its score."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import orjson
import typer

from medenv.cli.console import stderr
from medenv.cli.progress import counting
from medenv.rollouts import Verification, verify

__all__ = ["verify_run"]

_LINES = 5
"""Line numbers that are told of rows that could not be played."""


def verify_run(
    run: Annotated[Path, typer.Argument(help="A run's folder, or its trajectories.jsonl.")],
    official: Annotated[
        Path | None, typer.Option(help="Your checkout of MedAgentBench, for runs on the official rows.")
    ] = None,
    charts: Annotated[
        Path | None, typer.Option(help="NDJSON file with the charts, for runs on charts of your own.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Play every episode of a run again and grade it again; exit code 1 if something is not as it is stored.

    The agent isn't needed: its replies are. Every answer of the server, the end, what was changed in the chart and the verdict must come
    again, tasks must be the split's, settings the manifest's, and rows must stand in the order in which they were stored. What the agent
    thought, used and cost can't be checked. The fingerprint printed stands for the rows and the settings that scores depend on:
    publish it beside a score.

    Examples:
        medenv verify runs/my-model

        medenv verify runs/their-model --json

        medenv verify runs/official --official MedAgentBench --charts charts.ndjson
    """
    with counting("episodes played again", None) as tell:
        found = verify(run, {"official": official, "charts": charts}, tell)
    if as_json:
        sys.stdout.write(orjson.dumps(found.to_dict(), option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        _show(found)
    if not found.verified:
        raise typer.Exit(1)


def _show(found: Verification) -> None:
    for one in found.findings:
        print(one)
    for reason, lines in found.unplayed.items():
        print(f"{found.file}, {_few(lines)}: not played again: {reason}")
    if not found.order:
        stderr().print("the run keeps no checksums.txt, so the order of its rows was not checked", highlight=False)
    if found.infrastructure:
        said = f"{found.infrastructure} episode(s) ended in an infrastructure error, which nobody can check; they are in no score"
        stderr().print(said, highlight=False, soft_wrap=True)
    print(
        f"{found.replayed} of {found.rows} episodes came out again as they are stored, {found.passed}/{found.scored} solved"
    )
    print(f"fingerprint {found.fingerprint}")


def _few(lines: Sequence[int]) -> str:
    shown = ", ".join(map(str, lines[:_LINES])) + (f" and {len(lines) - _LINES} more" if len(lines) > _LINES else "")
    return f"line{'s' if len(lines) > 1 else ''} {shown}"
