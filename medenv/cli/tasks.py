"""``medenv tasks``: which task types there are, and a split's tasks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from medenv.cli.console import stdout
from medenv.tasks import TYPES, load_split

__all__ = ["list_tasks"]


def list_tasks(
    split: Annotated[str, typer.Option(help="Which split: builtin, or official (needs --official).")] = "builtin",
    official: Annotated[
        Path | None, typer.Option(help="Folder of the official test_data_v2.json, or a MedAgentBench checkout.")
    ] = None,
    type_: Annotated[
        int | None, typer.Option("--type", min=1, max=10, help="List the tasks of this type one by one.")
    ] = None,
) -> None:
    """List the task types of a split with their branches, or the tasks of one type.

    Examples:
        medenv tasks

        medenv tasks --type 9
    """
    tasks = load_split(split, official=official)
    if type_ is not None:
        one = Table(
            "task id", "patient", "branch", "instruction", title=f"{type_} {TYPES[type_].name}", title_justify="left"
        )
        for task in tasks.of_type(type_):
            one.add_row(task.id, task.mrn or "-", task.branch or "-", task.instruction.strip())
        stdout().print(one)
        return
    table = Table(
        "task type", "kind", "tasks", "branches", "title in the report", title=f"split {split}", title_justify="left"
    )
    for number, kind in TYPES.items():
        of_type = tasks.of_type(number)
        branches = Counter(task.branch for task in of_type if task.branch)
        shares = ", ".join(f"{name} {count}" for name, count in branches.items())
        table.add_row(
            f"{number:2d} {kind.name}", kind.kind, str(len(of_type)), shares or "set by the charts", kind.title
        )
    stdout().print(table)
