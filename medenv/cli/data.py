"""``medenv data``: the charts of medenv's own splits: built, described, checked and exported."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from medenv.cli.console import stdout
from medenv.cli.output import Force, Json, check_file, is_stdout, print_json
from medenv.cli.progress import waiting
from medenv.ehr.chartset import ChartSet, lines, verify_store
from medenv.ehr.hospital.distribution import distribution
from medenv.errors import InputError, file_errors
from medenv.fhir.cache import trusted
from medenv.fhir.drafts import replacement
from medenv.report.terminal import TerminalTable, prose_column
from medenv.tasks import GENERATED, cohort_of, load_split

__all__ = ["app"]

app = typer.Typer(
    name="data",
    help="The charts of medenv's own splits, kept in your cache folder (MEDENV_CACHE_DIR names another one).",
    no_args_is_help=True,
)

Split = Annotated[str, typer.Option(help="Whose charts: train, validation, test or builtin.")]
SizeName = Annotated[str, typer.Option(help="train, validation: default (60,000 records) or full (785,207).")]
Charts = Annotated[int | None, typer.Option(min=1, help="train, validation: how many charts, each as long as before.")]
Seed = Annotated[int, typer.Option(help="train, validation, builtin: what the charts are made from.")]


def _charts(split: str, size: str, charts: int | None, seed: int) -> ChartSet:
    if split in GENERATED:
        known = load_split(split, cohort=cohort_of(split, size, charts, seed)).charts
    elif size != "default" or charts is not None:
        raise InputError(
            f"the charts of the split {split!r} have one size; --size and --charts are for: {', '.join(GENERATED)}"
        )
    else:
        known = load_split(split, seed=seed).charts if split != "official" else None
    if known is None:
        raise InputError(f"the charts of the split {split!r} are not medenv's; there is nothing to build")
    return known


def build(split: Split = "train", size: SizeName = "default", charts: Charts = None, seed: Seed = 0) -> None:
    """Build charts into the cache folder, unless they are there.

    Examples:
        medenv data build

        medenv data build --size full
    """
    known = _charts(split, size, charts, seed)
    there = trusted(known.path) is not None
    begun = time.perf_counter()
    with waiting(f"building the charts {known.name}"):
        known.open()
    seconds = time.perf_counter() - begun
    _describe(known)
    print("was there already" if there else f"built in {seconds:.1f} s")


def info(
    split: Split = "train",
    size: SizeName = "default",
    charts: Charts = None,
    seed: Seed = 0,
    report: Annotated[
        bool, typer.Option("--report", help="The distribution beside the official hospital's; builds if need be.")
    ] = False,
    json_: Json = False,
) -> None:
    """Say where charts lie, how large they are, and their fingerprint.

    Examples:
        medenv data info --split test

        medenv data info --size full --report

        medenv data info --split test --json
    """
    known = _charts(split, size, charts, seed)
    if not report and trusted(known.path) is None:
        raise InputError(
            f"the charts {known.name} are not built; run: medenv data build (they would lie at {known.path})"
        )
    figures = distribution(lines(known.open())) if report else []
    if json_:
        print_json(_described(known) | ({"distribution": [asdict(one) for one in figures]} if report else {}))
        return
    if report:
        table = TerminalTable(
            prose_column(""), prose_column("here"), prose_column("official"), title=f"charts {known.name}"
        )
        for figure in figures:
            table.add(figure.what, figure.here, figure.official)
        stdout().print(table)
    _describe(known)


def _described(known: ChartSet) -> dict[str, Any]:
    store = known.open()
    return {
        "charts": known.name,
        "resources": dict(store.counts),
        "path": str(known.path),
        "bytes": known.path.stat().st_size,
        "fingerprint": store.fingerprint,
    }


def _describe(known: ChartSet) -> None:
    said = _described(known)
    counts = ", ".join(f"{count:,} {kind}" for kind, count in said["resources"].items())
    print(f"charts {said['charts']}: {counts}")
    print(f"path {said['path']}")
    print(f"size {said['bytes'] / 1e6:.1f} MB")
    print(f"fingerprint {said['fingerprint']}")


def path(split: Split = "train", size: SizeName = "default", charts: Charts = None, seed: Seed = 0) -> None:
    """Print where charts lie, whether or not they are built."""
    print(_charts(split, size, charts, seed).path)


def verify(split: Split = "train", size: SizeName = "default", charts: Charts = None, seed: Seed = 0) -> None:
    """Read all of a store and compare it with its fingerprint, and with the one that is laid down if there is one.

    A damaged store is reported with exit status 1; the next use, or `medenv data build`, builds it anew.
    """
    known = _charts(split, size, charts, seed)
    count, fingerprint = verify_store(known)
    print(f"{known.path}: {count:,} resources, {fingerprint}, as built")


def export(
    split: Split = "test",
    size: SizeName = "default",
    charts: Charts = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file to write; - or left out: standard output.")
    ] = None,
    force: Force = False,
) -> None:
    """Write charts as NDJSON, one FHIR resource a line in load order, for any server.

    Example:
        medenv data export --split test --out test.ndjson
    """
    known = _charts(split, size, charts, seed)
    if is_stdout(out):
        known.export(sys.stdout)
        return
    assert out is not None
    check_file(out, force)
    with file_errors(out, "written"), replacement(out) as draft, draft.open("w", encoding="utf-8") as file:
        count = known.export(file)
    print(f"{out}: {count:,} resources, {known.open().fingerprint}")


for _command in (build, info, path, verify, export):
    app.command(_command.__name__)(_command)
