"""``medenv runs``: stored runs listed, looked at, checked and repaired; none of it needs a model."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.text import Text

from medenv.cli.chart_tables import folded
from medenv.cli.console import stdout
from medenv.cli.output import Json, print_json
from medenv.cli.runs_transform import filter_, merge, passed, sample
from medenv.cli.scores import show_scores
from medenv.errors import InputError
from medenv.report import Summary
from medenv.report.table import percent
from medenv.report.terminal import TerminalTable, figure_column, name_column, prose_column
from medenv.rollouts import Manifest, RunFolder, RunFolderError, cost_of, key_of
from medenv.rollouts.store import check_run, numbered, read_run, repair_run
from medenv.tasks.taskset import FIRST, versioned
from medenv.trajectories import Status, Trajectory, file_of

__all__ = ["app"]

app = typer.Typer(
    name="runs",
    help="Stored runs: list, look at, check, repair, merge, filter and sample them.",
    no_args_is_help=True,
)

Run = Annotated[Path, typer.Argument(help="A run's folder.")]


def list_runs(
    folder: Annotated[Path, typer.Argument(help="Where to look, at any depth.")] = Path("runs"), json_: Json = False
) -> None:
    """List the runs below a folder.

    Examples:
        medenv runs list

        medenv runs list results --json
    """
    found = sorted(path.parent for path in folder.rglob(RunFolder.TRAJECTORIES))
    if not found:
        raise InputError(f"there is no run below {str(folder)!r}; give the folder that holds them")
    listed = [_listed(run) for run in found]
    if json_:
        print_json(listed)
        return
    table = TerminalTable(
        name_column("run"),
        name_column("agent", spare=1),
        name_column("split", spare=3),
        name_column("grader", spare=4),
        figure_column("episodes"),
        figure_column("correct"),
        figure_column("accuracy"),
        figure_column("infra error", spare=2),
        figure_column("MB", spare=5),
    )
    for one in listed:
        if one["damaged"]:
            table.add(one["run"], *["-"] * 3, "damaged")
            continue
        table.add(
            one["run"],
            one["agent"] or "-",
            one["split"] or "-",
            one["grader"] or "-",
            str(one["episodes"]) + (f"/{one['planned']}" if one["planned"] else ""),
            f"{one['passed']}/{one['scored']}",
            percent(one["passed"] / one["scored"] if one["scored"] else None),
            str(one["infrastructure_errors"]),
            f"{one['bytes'] / 1e6:.1f}",
        )
    stdout().print(table)
    for one in listed:
        if one["damaged"]:
            text = f"{one['run']} is damaged; see: medenv runs check {one['run']}"
            stdout().print(text, highlight=False, soft_wrap=True, markup=False)


def _listed(run: Path) -> dict[str, Any]:
    """Return what a list says of a run."""
    head = {"run": str(run), "damaged": False, "bytes": (run / RunFolder.TRAJECTORIES).stat().st_size}
    try:
        manifest = Manifest.read(run) or Manifest({})
        settings, planned, total = manifest.settings, manifest.options.get("episodes"), _summary(run)
    except RunFolderError:
        return {**head, "damaged": True}
    return {
        **head,
        "agent": _agent(settings),
        "split": _versioned(settings, "split"),
        "grader": _versioned(settings, "grader"),
        "episodes": total["episodes"],
        "planned": planned,
        "passed": total["passed"],
        "scored": total["scored"],
        "infrastructure_errors": total["statuses"].get(Status.INFRASTRUCTURE_ERROR.value, 0),
    }


def _settings(run: Path) -> dict[str, Any]:
    manifest = Manifest.read(run)
    return manifest.settings if manifest is not None else {}


def _versioned(settings: dict[str, Any], name: str) -> str | None:
    """Name the run's split or grader with its version, the first if none is stored; None if the run names none."""
    known = settings.get(name)
    return None if known is None else versioned(str(known), settings.get(f"{name}_version", FIRST))


def _agent(settings: dict[str, Any]) -> str | None:
    agent = settings.get("agent")
    known = (agent.get("model") or agent.get("name")) if isinstance(agent, dict) else None
    return None if known is None else str(known)


def _summary(run: Path) -> dict[str, Any]:
    """Read the run's counts from its summary, or count its episodes again if some were stored after that."""
    summary, rows = run / RunFolder.SUMMARY, run / RunFolder.TRAJECTORIES
    try:
        if summary.stat().st_mtime_ns >= rows.stat().st_mtime_ns:
            total = orjson.loads(summary.read_bytes())["total"]
            if {"episodes", "passed", "scored", "statuses"} <= set(total):
                return dict(total)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    counted = Summary()
    for one in read_run(run):
        counted.add(one)
    return counted.total.to_dict()


def show(
    run: Run,
    task: Annotated[str | None, typer.Option(help="Only this task's episodes, with all that was said.")] = None,
    line: Annotated[
        int | None, typer.Option(min=1, help="Only the episode in this line, with all that was said.")
    ] = None,
    rows: Annotated[int, typer.Option(min=0, help="List so many episodes, one a line.")] = 0,
    failed: Annotated[bool, typer.Option("--failed", help="Only episodes that didn't pass.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="Show answers of the server whole, not what they found.")] = False,
    json_: Json = False,
) -> None:
    """Show what a run is and how it went, or episodes of it.

    Examples:
        medenv runs show runs/my-model

        medenv runs show runs/my-model --rows 20 --failed

        medenv runs show runs/my-model --task task9_1 --raw

        medenv runs show runs/my-model --json
    """
    chosen = (
        (number, one)
        for number, one in numbered(run)
        if line in (None, number) and task in (None, one.task.id) and not (failed and passed(one))
    )
    if line is not None or task is not None:
        found = list(chosen)
        if not found:
            raise InputError(f"{str(run)!r} holds no such episode")
        if json_:
            print_json(
                [{**_row(number, one), "messages": one.messages, "verdict": one.verdict} for number, one in found]
            )
            return
        for number, one in found:
            _print_episode(number, one, raw)
        return
    if rows:
        listed = [_row(number, one) for number, one in islice(chosen, rows)]
        if json_:
            print_json(listed)
        else:
            _print_rows(listed)
        return
    summary = Summary()
    for _, one in chosen:
        summary.add(one)
    if json_:
        print_json({"run": str(run), "settings": _settings(run), "summary": summary.to_dict()})
        return
    for name, value in _settings(run).items():
        stdout().print(
            Text(f"{name}: {value if isinstance(value, str) else orjson.dumps(value).decode()}"), soft_wrap=True
        )
    show_scores(str(run), summary, None, None)


def _row(number: int, one: Trajectory) -> dict[str, Any]:
    """Return what a list says of an episode."""
    id, sample, seed = key_of(one)
    verdict = one.verdict or {}
    return {
        "line": number,
        "task": id,
        "sample": sample,
        "seed": seed,
        "status": one.status.value,
        "turns": len(one.turns),
        "score": verdict.get("score"),
        "category": verdict.get("category"),
        "error": one.error,
        "cost_usd": cost_of(one),
    }


def _print_rows(rows: list[dict[str, Any]]) -> None:
    table = TerminalTable(
        figure_column("line"),
        name_column("task"),
        figure_column("sample", spare=3),
        figure_column("seed", spare=4),
        name_column("status", spare=1),
        figure_column("turns", spare=2),
        figure_column("score"),
        prose_column("why"),
        figure_column("USD", spare=5),
    )
    for one in rows:
        told = [str(one[name]) for name in ("line", "task", "sample", "seed", "status", "turns")]
        why = str(one["category"] or (one["error"] or "").partition("\n")[0])
        spent = "-" if one["cost_usd"] is None else f"{one['cost_usd']:.4f}"
        table.add(*told, "-" if one["score"] is None else str(one["score"]), Text(why), spent)
    stdout().print(table)


def _print_episode(number: int, one: Trajectory, raw: bool) -> None:
    console = stdout()
    id, sample, seed = key_of(one)
    console.rule(f"line {number}: {id}, sample {sample}, seed {seed}, {one.status.value}")
    begun = False
    for message in one.messages:
        console.print(Text(f"[{message['role']}]", style="bold"))
        text = str(message.get("content") or orjson.dumps(message).decode())
        begun = begun or message["role"] == "assistant"
        shown, lines = ([Text(text)], 0) if raw or message["role"] == "assistant" else folded(text)
        if lines and not begun:  # of a prompt what counts is the task
            shown = [Text(f"{one.task.context}\n{one.task.instruction}")]
        for renderable in shown:
            console.print(renderable, soft_wrap=isinstance(renderable, Text))
        if lines:
            console.print(Text(f"the agent was shown {lines} lines; --raw shows them", style="dim"))
    if one.error:
        console.print(Text(f"error: {one.error}"), soft_wrap=True)
    for check in (one.verdict or {}).get("checks", ()):
        said = f"{'pass' if check['passed'] else 'FAIL'} {check['name']}"
        detail = "" if check["passed"] else f": expected {check['expected']}; found {check['found']}"
        console.print(Text(said + detail), soft_wrap=True)


def check(run: Run) -> None:
    """Look at every row of a run; exit code 1 if something is wrong.

    Rows must be whole and as they were stored, and no attempt may stand twice.
    """
    found = check_run(run)
    file = file_of(run)
    for number, reason in sorted(found.damaged.items()):
        print(f"{file}, line {number}: {reason}")
    for number, first in sorted(found.repeated.items()):
        print(f"{file}, line {number}: the same attempt as in line {first}")
    if found.unfinished:
        print("the last line is unfinished; it is dropped when the run is gone on with")
    print(
        f"{found.rows} episodes are whole"
        + (f", {found.unsealed} of them without a checksum" if found.unsealed else "")
    )
    if found.damaged or found.repeated:
        print(f"set the others aside with: medenv runs repair {run}")
    if not found.fine:
        raise typer.Exit(1)


def repair(run: Run) -> None:
    """Set damaged and repeated rows aside, in rejected.jsonl beside the run, and keep all others.

    What was set aside is played again when the run is gone on with.
    """
    found = repair_run(run)
    wrong = len(found.damaged) + len(found.repeated)
    print(
        f"{found.rows} episodes are kept, {wrong} rows set aside"
        + (", an unfinished line dropped" if found.unfinished else "")
    )


app.command("list")(list_runs)
app.command("show")(show)
app.command("check")(check)
app.command("repair")(repair)
app.command("merge")(merge)
app.command("filter")(filter_)
app.command("sample")(sample)
