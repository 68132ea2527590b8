"""``medenv container``: a FHIR server in a container that stays up between runs, which ``--backend container`` then takes."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, Any

import typer

from medenv.cli.console import stderr, stdout
from medenv.errors import InputError
from medenv.fhir import BackendError
from medenv.fhir.container import OFFICIAL_IMAGE, Engine, Spec
from medenv.fhir.container.engine import KEPT, health
from medenv.report.terminal import TerminalTable, name_column, prose_column

__all__ = ["app"]

app = typer.Typer(
    name="container", help="FHIR servers in Docker containers that stay up between runs.", no_args_is_help=True
)

Name = Annotated[str, typer.Option(help="What the container is called among yours.")]
BasePath = Annotated[str, typer.Option(help="The path of the server's base URL.")]
InnerPort = Annotated[int, typer.Option(help="The port that the server listens on in the container.")]


def _engine() -> Engine:
    return Engine(lambda line: stderr().print(line, highlight=False))


def up(
    image: Annotated[str, typer.Option(help="The image; pulled if it isn't there.")] = OFFICIAL_IMAGE,
    name: Name = "default",
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port on loopback; a free one if left out.")
    ] = None,
    env: Annotated[list[str] | None, typer.Option(help="NAME=VALUE for the container; repeatable.")] = None,
    command: Annotated[list[str] | None, typer.Option(help="Argument instead of the image's own; repeatable.")] = None,
    data: Annotated[Path | None, typer.Option(help="File or folder that the container sees, read-only.")] = None,
    data_path: Annotated[str, typer.Option(help="Where it sees it.")] = "/data",
    base_path: BasePath = "/fhir",
    inner_port: InnerPort = 8080,
    deadline: Annotated[float, typer.Option(min=1, help="Seconds that the server has to be ready.")] = 300.0,
) -> None:
    """Start a container, wait until its server answers, and print its base URL.

    Examples:
        medenv container up

        medenv container up --image my-hapi:7.6.0 --port 8080
    """
    environment = {}
    for one in env or []:
        key, equals, value = one.partition("=")
        if not equals or not key:
            raise InputError(f"--env {key!r} has no value; write NAME=VALUE")
        environment[key] = value
    spec = Spec(
        image,
        command,
        environment,
        data,
        data_path,
        base_path=base_path,
        inner_port=inner_port,
        port=port,
        deadline=deadline,
    )
    engine = _engine()
    container = engine.start(spec, kept=name)
    print(engine.url(container, spec))


def status() -> None:
    """List the containers that medenv started."""
    table = TerminalTable(
        name_column("name"),
        name_column("image", 1),
        prose_column("state"),
        name_column("address"),
        name_column("container", 2),
    )
    for one in _engine().all():
        ports = [f"127.0.0.1:{p[0]['HostPort']}" for p in one.ports.values() if p]
        kept = one.labels.get(KEPT, "(of a run)")
        state = f"{one.status} ({said})" if (said := health(one)) else one.status
        table.add(kept, one.attrs["Config"]["Image"], state, ", ".join(ports), one.name)
    stdout().print(table)


def reset(name: Name = "default", base_path: BasePath = "/fhir", inner_port: InnerPort = 8080) -> None:
    """Begin a container afresh: what was written to it since its start is gone, and so is what was loaded."""
    engine = _engine()
    for one in _kept(engine, name):
        with_port = one.attrs["HostConfig"]["PortBindings"] or {}
        given = next((pairs[0]["HostPort"] for pairs in with_port.values() if pairs), "")
        settings, host = one.attrs["Config"], one.attrs["HostConfig"]
        source, _, rest = (host.get("Binds") or [""])[0].partition(":")
        spec = Spec(
            settings["Image"],
            settings.get("Cmd"),
            dict(pair.split("=", 1) for pair in settings.get("Env") or []),
            source or None,
            rest.partition(":")[0] or "/data",
            base_path=base_path,
            inner_port=inner_port,
            port=int(given) if given.isdigit() and int(given) else None,
        )
        engine.remove(one)
        print(engine.url(engine.start(spec, kept=name), spec))


def down(name: Name = "default") -> None:
    """Stop and remove a container."""
    engine = _engine()
    for one in _kept(engine, name):
        if not engine.remove(one):
            raise BackendError(f"the engine did not remove {one.name}; see docker ps -a")
    with contextlib.suppress(BackendError):
        engine.sweep()


def _kept(engine: Engine, name: str) -> list[Any]:
    found = engine.all(kept=name)
    if not found:
        raise InputError(f"no container is kept under the name {name!r}; see: medenv container status")
    return found


app.command("up")(up)
app.command("status")(status)
app.command("reset")(reset)
app.command("down")(down)
