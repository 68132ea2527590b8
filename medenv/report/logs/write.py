"""Writes a run in another viewer's form: whole or not at all, and over nothing unless that was said."""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

from medenv.errors import InputError, file_errors
from medenv.extras import import_optional
from medenv.report.logs.atif import VERSION, atif
from medenv.report.logs.common import file_name
from medenv.report.logs.hf_traces import session
from medenv.report.logs.inspect_log import Made, eval_log
from medenv.rollouts.export.folder import appearing, check_free
from medenv.rollouts.fingerprint import fingerprint_of_run
from medenv.rollouts.store import Manifest, RunFolderError, read_run
from medenv.tasks.unknown import unknown
from medenv.trajectories import Status, Trajectory, file_of

__all__ = ["FORMATS", "export_logs"]

Tell = Callable[[int], object]

FORMATS = {
    "inspect": "Inspect's .eval log file, for Inspect View, Docent, Scout and HF datasets",
    "atif": f"Harbor's trajectories, {VERSION}, one file an episode",
    "hf-traces": "the Hugging Face Hub's session traces, one file an episode",
}


def export_logs(
    format: str,
    run: str | Path,
    out: str | Path | None = None,
    *,
    force: bool = False,
    tell: Tell = lambda done: None,
) -> tuple[Path, int]:
    """Write a run in another viewer's form.

    Args:
        format: One of `FORMATS`.
        run: The run's folder, or its ``trajectories.jsonl``.
        out: For ``inspect`` the file (``.eval``) or a folder for it, for the others the folder; None for ``export-FORMAT`` in the run's.
        force: Replace what was exported there before.
        tell: Called with how many episodes were read, now and then.

    Returns:
        What was written, and how many episodes it holds.

    Raises:
        ValueError: There is no such format, the place is taken, the run is damaged, or a package is missing.
        OSError: The disk is full or fails; nothing is left behind.
    """
    if format not in FORMATS:
        raise unknown("format", format, list(FORMATS), f"there are: {', '.join(FORMATS)}")
    rows = file_of(run)
    if not rows.is_file():
        raise RunFolderError(f"no run can be read from {str(run)!r}: there is no such file; give the folder of one")
    out = rows.parent / f"export-{format}" if out is None else Path(out).expanduser()
    if format == "inspect":
        return _inspect(rows, out, force, tell)
    return _episodes(format, rows, out, force, tell)


def _told(rows: Path, tell: Tell) -> Iterator[Trajectory]:
    number = 0
    for number, one in enumerate(read_run(rows), 1):
        if number % 50 == 0:
            tell(number)
        yield one
    tell(number)


def _name(rows: Path) -> str:
    return rows.resolve().parent.name


def _inspect(rows: Path, out: Path, force: bool, tell: Tell) -> tuple[Path, int]:
    write_eval_log = import_optional("inspect_ai.log", "inspect").write_eval_log
    manifest = Manifest.read(rows.parent)
    settings = manifest.settings if manifest is not None else {}
    made = Made(_name(rows), settings, fingerprint_of_run(rows), rows.stat().st_mtime)
    if out.suffix == ".eval":
        file = out
    else:
        split = re.sub(r"[^A-Za-z0-9]+", "-", str(settings.get("split", "run")))
        stamp = made.created.replace(":", "-")
        file = out / f"{stamp}_medenv-{split}_{made.id('task')}.eval"
    if file.exists() and not force:
        raise InputError(f"{str(file)!r} is there already; give another file, or --force to replace it")
    log = eval_log(_told(rows, tell), made)
    with file_errors(file, "written"):
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", suffix=".partial", dir=file.parent) as folder:
            written = Path(folder) / file.name
            write_eval_log(log, written)
            os.replace(written, file)
    return file, len(log.samples)


def _episodes(format: str, rows: Path, out: Path, force: bool, tell: Tell) -> tuple[Path, int]:
    check_free(out, force)
    run, names, ended = _name(rows), Counter[str](), Counter[str]()
    with appearing(out, force) as folder:
        (folder / "data").mkdir()
        for one in _told(rows, tell):
            name = file_name(one)
            names[name] += 1
            if names[name] > 1:
                name += f"-{names[name]}"
            ended["error" if one.status is Status.INFRASTRUCTURE_ERROR else "episode"] += 1
            if format == "atif":
                text = orjson.dumps(atif(one, run), option=orjson.OPT_INDENT_2) + b"\n"
                (folder / "data" / f"{name}.json").write_bytes(text)
            else:
                lines = b"".join(orjson.dumps(line) + b"\n" for line in session(one, run))
                (folder / "data" / f"{name}.jsonl").write_bytes(lines)
        report = {
            "format": format,
            "episodes": ended.total(),
            "infrastructure_errors": ended["error"],
            "fingerprint": fingerprint_of_run(rows),
        }
        (folder / "report.json").write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2) + b"\n")
        (folder / "README.md").write_text(_card(format, report), encoding="utf-8")
    return out, ended.total()


def _card(format: str, report: dict[str, object]) -> str:
    tags = "tags:\n- medenv\n- agent-traces\n" if format == "hf-traces" else "tags:\n- medenv\n- atif\n"
    return (
        f"---\n{tags}---\n\n# Episodes of a run of medenv\n\n{report['episodes']} episodes, each a file in `data/`: {FORMATS[format]}. "
        f"{report['infrastructure_errors']} of them ended in an infrastructure error and have no score. How each ended, and the grader's "
        f"checks as PASS and FAIL lines, stand {'in its notes' if format == 'atif' else 'in its last message'}.\n\n"
        f"The run's fingerprint: `{report['fingerprint']}`\n"
    )
