"""``medenv check-server``: whether a FHIR server can play a split, before a run finds out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medenv.cli.console import stdout
from medenv.cli.output import Json, print_json
from medenv.cli.progress import waiting
from medenv.episode import BenchmarkConfig
from medenv.episode.fitness import Fitness, check_server

__all__ = ["check"]

SHOWN = 5
"""Faults of a kind that are shown; --json has all."""

UNFIT = 1


def check(
    url: Annotated[
        str,
        typer.Argument(
            help="The server's base URL, e.g. http://localhost:8080/fhir; with {session} for medenv serve --isolate."
        ),
    ],
    split: Annotated[str, typer.Option(help="For which split: test, builtin or official.")] = "test",
    official: Annotated[
        Path | None, typer.Option(help="For official: the folder of its rows, or a checkout of MedAgentBench.")
    ] = None,
    task_seed: Annotated[int, typer.Option(help="For builtin: its seed.")] = 0,
    write: Annotated[
        bool, typer.Option("--write", help="Write three orders too, undo them, and say if something is left.")
    ] = False,
    json_: Json = False,
) -> None:
    """Check whether a FHIR server can play a split: what it lacks, and which searches it doesn't do as tasks need them.

    Ends with status 0 only if it is fit. Nothing is written without --write.

    Examples:
        medenv check-server http://localhost:8080/fhir

        medenv check-server http://localhost:8080/fhir --split official --official MedAgentBench --write
    """
    config = BenchmarkConfig(split=split, official=official, task_seed=task_seed, backend="remote", url=url)
    with waiting(f"asking {url}"):
        found = check_server(config, write=write)
    if json_:
        print_json(found.to_dict())
    else:
        _show(found)
    if not found.fit:
        raise typer.Exit(UNFIT)


def _show(found: Fitness) -> None:
    out = stdout()
    for one in found.findings:
        out.print(
            f"{'ok' if one.fit else 'UNFIT':6}{one.name:10}{one.detail}", markup=False, highlight=False, soft_wrap=True
        )
        for fault in one.faults[:SHOWN] if one.faults != (one.detail,) else ():
            out.print(f"{'':16}{fault}", markup=False, highlight=False, soft_wrap=True)
        if len(one.faults) > SHOWN:
            out.print(f"{'':16}and {len(one.faults) - SHOWN:,} more; --json has all", markup=False, highlight=False)
    unfit = ", ".join(one.name for one in found.findings if not one.fit)
    said = f"not fit for the split {found.split}: {unfit}" if unfit else f"fit for the split {found.split}"
    out.print(f"{found.url}: {said}", markup=False, highlight=False, soft_wrap=True)
