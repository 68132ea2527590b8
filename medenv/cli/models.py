"""``medenv models``: the models that are known by name, and whether they can be asked."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from medenv.agents.availability import Availability, State, check
from medenv.agents.models import SHIPPED, VARIABLE, ModelEntry, model_list, own_file
from medenv.cli.console import stderr, stdout
from medenv.cli.output import Json, print_json
from medenv.errors import InputError
from medenv.report.terminal import TerminalTable, figure_column, name_column, prose_column

__all__ = ["list_models"]

_COLOURS = {State.OK: "green", State.NO_KEY: "dim"}


def list_models(
    names: Annotated[
        list[str] | None, typer.Argument(help="Only models whose name, provider or alias contains one of these.")
    ] = None,
    check_: Annotated[
        bool, typer.Option("--check", help="Ask every provider whether it takes the key and has the model.")
    ] = False,
    json_: Json = False,
    models: Annotated[
        Path | None, typer.Option(help=f"A model file to lay over the list, besides those of {VARIABLE}.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.001, help="For --check: seconds that a provider has.")] = 10.0,
) -> None:
    """List the models that `medenv eval --model` knows by name: provider, context, prices, and whether a key is set.

    A key is read from the environment variable that the list names, and is never printed. --check costs nothing: it asks for the
    provider's list of models. It ends with status 1 unless every model shown is ok.

    Add or change models in a TOML file: models.toml in medenv's folder of your user configuration, a file that MEDENV_MODELS
    names, or --models FILE. Each is laid over the list key by key:

        models.my-model.base_url = "http://127.0.0.1:8000/v1"

        models."gpt-4o".price = { input = 2.0, output = 8.0, as_of = "2026-12" }

    Examples:
        medenv models

        medenv models gpt claude --check

        medenv models --json
    """
    listed = model_list(models)
    chosen = [one for one in listed.entries.values() if not names or any(_contains(one, name) for name in names)]
    if not chosen:
        near = [near for name in names or [] for near in listed.near(name)]
        hint = f", did you mean {near[0]!r}" if near else ""
        raise InputError(f"no model is called {' or '.join(map(repr, names or []))}{hint}; `medenv models` lists all")
    found: list[Availability | None] = [*asyncio.run(check(chosen, timeout))] if check_ else [None] * len(chosen)
    if json_:
        print_json([_row(one, reach) for one, reach in zip(chosen, found, strict=True)])
    else:
        _show(chosen, found)
        own = [str(file) for file in listed.files if file != SHIPPED]
        where = f"with your own of {', '.join(own)}" if own else f"your own would be read from {own_file()}"
        stderr().print(where, highlight=False, soft_wrap=True)
    if any(reach is not None and reach.state is not State.OK for reach in found):
        raise typer.Exit(1)


def _contains(entry: ModelEntry, text: str) -> bool:
    names = (entry.name, entry.model, entry.provider, entry.title, entry.report or "", *entry.aliases)
    return any(text.lower() in name.lower() for name in names)


def _key(entry: ModelEntry) -> str:
    if (variable := entry.key_variable) is not None:
        return f"{variable} is set"
    if not entry.key_env:
        return "none needed"
    return f"{'none needed, or ' if entry.key_optional else ''}set {' or '.join(entry.key_env)}"


def _show(entries: list[ModelEntry], found: list[Availability | None]) -> None:
    checked = any(reach is not None for reach in found)
    table = TerminalTable(
        name_column("name"),
        name_column("provider", spare=1),
        figure_column("context", spare=2),
        figure_column("$ in", spare=4),
        figure_column("$ cached", spare=6),
        figure_column("$ out", spare=3),
        name_column("as of", spare=5),
        prose_column("state" if checked else "key"),
        title="prices: US dollars for a million tokens",
    )
    for entry, reach in zip(entries, found, strict=True):
        price = entry.price
        prices = ("-", "-", "-", "-")
        if price is not None:
            cached = "-" if price.cached_input is None else f"{price.cached_input:g}"
            prices = (f"{price.input:g}", cached, f"{price.output:g}", price.as_of or "-")
        context = "-" if entry.context is None else f"{entry.context:,}"
        table.add(entry.name, entry.title, context, *prices, _key(entry) if reach is None else _told(reach))
    stdout().print(table)
    for entry in entries:
        if entry.note:
            stdout().print(f"{entry.name}: {entry.note}", highlight=False, soft_wrap=True, markup=False)


def _told(reach: Availability) -> Text:
    return Text.assemble((reach.state.value, _COLOURS.get(reach.state, "red")), f": {reach.detail}")


def _row(entry: ModelEntry, reach: Availability | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": entry.name,
        "model": entry.model,
        "provider": entry.provider,
        "api": entry.api,
        "base_url": entry.base_url,
        "context": entry.context,
        "price": None if entry.price is None else entry.price.model_dump(),
        "aliases": list(entry.aliases),
        "report": entry.report,
        "note": entry.note,
        "options": dict(entry.options),
        "key_env": list(entry.key_env),
        "key_set": entry.key_variable is not None,
        "source": str(entry.source),
    }
    if reach is not None:
        row["check"] = {"state": reach.state.value, "detail": reach.detail}
    return row
