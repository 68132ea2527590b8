"""``medenv tasks``: which task types there are, and a split's tasks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from medenv.cli.baselines import baselines_json, baselines_table
from medenv.cli.console import stdout
from medenv.cli.output import Json, print_json
from medenv.episode import Benchmark
from medenv.report.terminal import TerminalTable, figure_column, name_column, prose_column
from medenv.tasks import SPLITS, TYPES, Task, TaskSet, load_split
from medenv.tasks.endless import EndlessTasks

__all__ = ["list_tasks"]


def list_tasks(
    split: Annotated[str, typer.Option(help=f"Which split: {', '.join(SPLITS)} (official needs --official).")] = "test",
    official: Annotated[
        Path | None, typer.Option(help="Folder of the official test_data_v2.json, or a MedAgentBench checkout.")
    ] = None,
    type_: Annotated[
        int | None, typer.Option("--type", min=1, max=10, help="List the tasks of this type one by one.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, help="Of train and validation: how many tasks to make, all types together.")
    ] = 300,
    task_seed: Annotated[int, typer.Option(help="train, validation, builtin: which sequence of tasks.")] = 0,
    cases: Annotated[bool, typer.Option("--cases", help="Count the cases within the branches too.")] = False,
    floors: Annotated[
        bool, typer.Option("--floors", help="Play lazy ways on the tasks, and show what they score.")
    ] = False,
    grader: Annotated[
        str | None, typer.Option(help="For --floors: official or strict; the split's own if left out.")
    ] = None,
    json_: Json = False,
) -> None:
    """List the task types of a split with their branches, or the tasks of one type.

    Examples:
        medenv tasks

        medenv tasks --type 9

        medenv tasks --split test --floors

        medenv tasks --split train --limit 10000

        medenv tasks --type 9 --json
    """
    tasks = load_split(split, official=official, seed=task_seed)
    if isinstance(tasks, EndlessTasks):
        made = TaskSet(tasks.name, tasks[:limit], tasks.charts, task_seed, tasks.version)
        if not json_:
            _own_charts(tasks, made)
        tasks = made
    if floors:
        with Benchmark(split, grader, official=official, task_seed=task_seed) as benchmark:
            chosen = [task for task in tasks if type_ in (None, task.type)]
            if json_:
                print_json(_head(tasks) | {"floors": baselines_json(benchmark, chosen)})
            else:
                stdout().print(baselines_table(benchmark, chosen))
        return
    if json_:
        listed = {"types": _types(tasks, cases)} if type_ is None else {"tasks": _tasks(tasks, type_)}
        print_json(_head(tasks) | listed)
    else:
        stdout().print(_types_table(tasks, cases) if type_ is None else _tasks_table(tasks, type_))


def _head(tasks: TaskSet) -> dict[str, Any]:
    return {"split": tasks.name, "version": tasks.version}


def _types(tasks: TaskSet, cases: bool) -> list[dict[str, Any]]:
    """Return the task types of a split with their branches."""
    types = []
    for number, kind in TYPES.items():
        of_type = tasks.of_type(number)
        branches = Counter(_situation(task, cases) for task in of_type if task.branch)
        head = {"type": number, "name": kind.name, "kind": kind.kind, "title": kind.title}
        types.append({**head, "tasks": len(of_type), "branches": dict(branches)})
    return types


def _tasks(tasks: TaskSet, number: int) -> list[dict[str, Any]]:
    """Return the tasks of one type, as agents are told them."""
    return [
        {
            "id": one.id,
            "type": one.type,
            "patient": one.mrn,
            "branch": one.branch,
            "instruction": one.instruction,
            "context": one.context,
        }
        for one in tasks.of_type(number)
    ]


def _tasks_table(tasks: TaskSet, number: int) -> TerminalTable:
    """Make a table of the tasks of one type."""
    title = f"{number} {TYPES[number].name}, split {tasks.title}"
    table = TerminalTable(
        name_column("task id"),
        name_column("patient"),
        name_column("branch", spare=1),
        prose_column("instruction"),
        title=title,
    )
    for one in _tasks(tasks, number):
        table.add(one["id"], one["patient"] or "-", one["branch"] or "-", one["instruction"].strip())
    return table


def _types_table(tasks: TaskSet, cases: bool) -> TerminalTable:
    """Make a table of the task types with their branches."""
    headings = (
        name_column("task type"),
        name_column("kind", spare=1),
        figure_column("tasks"),
        prose_column("branches"),
        prose_column("title in the report", spare=2),
    )
    table = TerminalTable(*headings, title=f"split {tasks.title}")
    for one in _types(tasks, cases):
        shares = ", ".join(f"{name} {count}" for name, count in one["branches"].items())
        name = f"{one['type']:2d} {one['name']}"
        table.add(name, one["kind"], str(one["tasks"]), shares or "set by the charts", one["title"])
    return table


def _situation(task: Task, cases: bool) -> str:
    case = task.params.get("case") if cases else None
    return f"{task.branch} ({case})" if case else str(task.branch)


def _own_charts(tasks: EndlessTasks, made: TaskSet) -> None:
    """Say how many of the tasks made are about a patient of their own."""
    patients = Counter(tasks.own_patient(task) for task in made)
    own = sum(count == 1 for mrn, count in patients.items() if mrn is not None)
    print(
        f"{own} of {len(made)} tasks ({100 * own / len(made):.1f} %) bring a patient with a chart that no other task has"
    )
