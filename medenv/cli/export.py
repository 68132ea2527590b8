"""``medenv export``: a stored run in the forms that other viewers read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medenv.cli.output import a_folder
from medenv.cli.progress import counting

__all__ = ["app"]

app = typer.Typer(
    name="export",
    help="A stored run for other viewers: Inspect's logs, Harbor's trajectories (ATIF), the Hub's session traces.\n\n"
    "The grader's checks go along as PASS and FAIL lines; an infrastructure error is an error there, and no zero.",
    no_args_is_help=True,
)

Run = Annotated[Path, typer.Argument(help="A run's folder, or its trajectories.jsonl.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what was exported there before.")]


def inspect(
    run: Run,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            callback=a_folder,
            help="The .eval file, or a folder for it; export-inspect in the run's by default.",
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Write a .eval log file, which Inspect View, Docent, Scout and HF datasets read; needs the extra inspect.

    Example:
        medenv export inspect runs/my-model --out logs && inspect view --log-dir logs
    """
    _export("inspect", run, out, force)


def atif(
    run: Run,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", callback=a_folder, help="The folder; export-atif in the run's by default."),
    ] = None,
    force: Force = False,
) -> None:
    """Write a trajectory of ATIF v1.8 for each episode, which Harbor, Phoenix, NeMo-Gym, rLLM and others read.

    Example:
        medenv export atif runs/my-model --out trajectories
    """
    _export("atif", run, out, force)


def hf_traces(
    run: Run,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", callback=a_folder, help="The folder; export-hf-traces in the run's by default."),
    ] = None,
    force: Force = False,
) -> None:
    """Write a session trace for each episode, which the Hugging Face Hub shows.

    Example:
        medenv export hf-traces runs/my-model --out traces
    """
    _export("hf-traces", run, out, force)


def _export(format: str, run: Path, out: Path | None, force: bool) -> None:
    from medenv.report.logs import export_logs

    with counting("episodes read", None) as tell:
        written, count = export_logs(format, run, out, force=force, tell=tell)
    print(f"{count} episodes in {written}")


app.command("inspect")(inspect)
app.command("atif")(atif)
app.command("hf-traces")(hf_traces)
