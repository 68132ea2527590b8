"""``medenv capture``: takes a whole FHIR server into a file that the embedded server opens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medenv.cli.console import stderr, stdout
from medenv.cli.load import Patients
from medenv.cli.output import Force, check_file, copied_to_stdout, is_stdout
from medenv.cli.progress import counting
from medenv.errors import file_errors
from medenv.fhir.remote import Client
from medenv.fhir.remote.capture import capture

__all__ = ["capture_server"]


def capture_server(
    url: Annotated[str, typer.Argument(help="The server's base URL, e.g. http://localhost:8080/fhir.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="NDJSON file to write; - for standard output.")],
    patients: Patients = None,
    force: Force = False,
) -> None:
    """Capture a server's resources with their ids and meta, in the order of its numbers.

    What is done is kept in FILE.parts until the file is whole: after an interruption the same command goes on.

    Examples:
        medenv capture http://localhost:8080/fhir -o charts.ndjson

        medenv serve --data charts.ndjson
    """
    if not is_stdout(out):
        check_file(out, force)
        with file_errors(out, "written"):
            out.parent.mkdir(parents=True, exist_ok=True)
            counts = _capture(url, out, patients)
        stdout().print(f"{out}: {counts}", highlight=False, soft_wrap=True, markup=False)
        return
    with copied_to_stdout("charts.ndjson") as file:
        counts = _capture(url, file, patients)
    stderr().print(counts, highlight=False, soft_wrap=True, markup=False)


def _capture(url: str, file: Path, patients: str | None) -> str:
    """Capture into a file; gives what was captured, in words."""
    client = Client(url)
    try:
        with counting("capturing", None) as told:
            found = capture(client, file, patients=patients, progress=told)
    finally:
        client.close()
    counts = ", ".join(f"{count} {type_}" for type_, count in found.counts.items())
    return f"{counts}; {found.sampled} read again and equal"
