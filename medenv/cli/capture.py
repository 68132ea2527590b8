"""``medenv capture``: takes a whole FHIR server into a file that the embedded server opens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medenv.cli.console import stdout
from medenv.cli.load import Patients
from medenv.cli.progress import counting
from medenv.fhir.remote import Client
from medenv.fhir.remote.capture import capture

__all__ = ["capture_server"]


def capture_server(
    url: Annotated[str, typer.Argument(help="The server's base URL, e.g. http://localhost:8080/fhir.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="NDJSON file to write.")],
    patients: Patients = None,
) -> None:
    """Capture a server's resources with their ids and meta, in the order of its numbers.

    What is done is kept in FILE.parts until the file is whole: after an interruption the same command goes on.

    Examples:
        medenv capture http://localhost:8080/fhir -o charts.ndjson

        medenv serve --data charts.ndjson
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    client = Client(url)
    try:
        with counting("capturing", None) as told:
            found = capture(client, out, patients=patients, progress=told)
    finally:
        client.close()
    counts = ", ".join(f"{count} {type_}" for type_, count in found.counts.items())
    stdout().print(f"{out}: {counts}; {found.sampled} read again and equal", highlight=False)
