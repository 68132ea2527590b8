"""``medenv load``: fills a FHIR server with a file's resources, in order, under the file's ids or with a map to new ones."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from medenv.cli.console import stderr, stdout
from medenv.cli.output import Force, check_file
from medenv.cli.progress import counting
from medenv.errors import file_errors
from medenv.fhir.remote import Client
from medenv.fhir.remote.load import Loaded, LoadInterruptedError, load, of_patients
from medenv.fhir.store import read_lines

__all__ = ["load_file"]

Patients = Annotated[
    str | None,
    typer.Option(help="Only these patients' records: ids with commas between, or how many from the first on."),
]


def load_file(
    file: Annotated[Path, typer.Argument(help="NDJSON file of FHIR R4 resources, one a line, in load order.")],
    url: Annotated[str, typer.Argument(help="The server's base URL, e.g. http://localhost:8080/fhir.")],
    renumber: Annotated[
        bool, typer.Option("--renumber", help="Take the server's ids where it can't give the file's; a map is kept.")
    ] = False,
    patients: Patients = None,
    force: Force = False,
) -> None:
    """Load a file into a server.

    HAPI counts ids from 1 in load order, so an empty one gives a whole file of medenv's the ids that it has. Where it can't, nothing
    is written; with --renumber the ids that it gives instead are kept in FILE.ids.json.

    Examples:
        medenv load charts.ndjson http://localhost:8080/fhir

        medenv load charts.ndjson http://localhost:8080/fhir --patients 10 --renumber
    """
    if renumber:
        check_file(_map_of(file), force)
    resources = of_patients(read_lines(file), patients)
    client = Client(url)
    try:
        with counting("loading", len(resources)) as told:
            done = load(client, resources, renumber=renumber, progress=told)
    except LoadInterruptedError as broken:
        _keep_map(file, broken.done)
        raise
    finally:
        client.close()
    _keep_map(file, done)
    stdout().print(f"{done.count} resources loaded into {url}, {len(done.ids)} of them under new ids", highlight=False)


def _map_of(file: Path) -> Path:
    return file.with_name(f"{file.name}.ids.json")


def _keep_map(file: Path, done: Loaded) -> None:
    if not done.ids:
        return
    target = _map_of(file)
    draft = target.with_name(f"{target.name}.tmp")
    with file_errors(target, "written"):
        draft.write_text(json.dumps(done.ids, indent=0), encoding="utf-8")
        os.replace(draft, target)
    stderr().print(f"new ids: {target}", highlight=False)
