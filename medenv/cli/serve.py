"""``medenv serve``: the embedded FHIR server, for any FHIR client or the official harness."""

from __future__ import annotations

import gc
import ipaddress
import logging
import time
from pathlib import Path
from typing import Annotated

import typer

from medenv.errors import InputError
from medenv.fhir.embedded import EmbeddedBackend
from medenv.tasks import load_split

__all__ = ["serve"]

_log = logging.getLogger(__name__)


def serve(
    data: Annotated[
        Path | None, typer.Option(help="NDJSON file of FHIR R4 resources, one a line, in load order.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Serve a split's own charts instead: test or builtin.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 picks a free one.")] = 8080,
    host: Annotated[str, typer.Option(help="A loopback address; the server has no access control.")] = "127.0.0.1",
    expose: Annotated[
        bool, typer.Option("--expose", help="Allow a --host that other machines may reach; for use in a container.")
    ] = False,
    isolate: Annotated[
        bool,
        typer.Option(
            "--isolate", help="Sessions by name: each /s/NAME/fhir has its own writes; DELETE /s/NAME ends it."
        ),
    ] = False,
    cache: Annotated[
        bool, typer.Option("--cache", help="HAPI's staleness: an identical search within 60 s gets the old result set.")
    ] = False,
    max_sessions: Annotated[
        int, typer.Option(min=1, help="With --isolate: sessions open at once; more get a 429.")
    ] = 10_000,
    idle: Annotated[
        float,
        typer.Option(min=0, help="With --isolate: seconds without a request after which a session may make room."),
    ] = 3600.0,
) -> None:
    """Serve health records as HAPI FHIR 7.6.0 would, at /fhir, on loopback unless --expose says otherwise.

    Prints "ready URL" once it listens, and ends with status 0 on Ctrl-C or SIGTERM. What clients write is forgotten at the end.

    Examples:
        medenv serve --data charts.ndjson --port 8080

        medenv serve --split builtin --port 0 --isolate
    """
    if (data is None) == (split is None):
        raise typer.BadParameter("give one of --data FILE and --split NAME", param_hint="--data")
    from medenv.fhir.http.app import FhirApp
    from medenv.fhir.http.server import Server, bind

    logging.basicConfig(level=logging.WARNING, format="medenv: %(levelname)s: %(message)s")
    with bind(host, port, expose) as listener:
        backend = _backend(data, split)
        number = listener.getsockname()[1]
        if not ipaddress.ip_address(listener.getsockname()[0]).is_loopback:
            _log.warning(
                "listening on %s: whoever reaches port %d can read and write; there is no access control", host, number
            )
        name = f"[{host}]" if ":" in host else "127.0.0.1" if host == "localhost" else host
        served = EmbeddedBackend(backend.store, clock=lambda: time.time_ns() // 1_000_000)
        app = FhirApp(
            served, isolate=isolate, stale=cache, max_sessions=max_sessions, idle=idle, own=f"{name}:{number}"
        )
        gc.freeze()
        gc.set_threshold(
            20_000, 50, 100
        )  # answers leave no cycles behind; looking for some after every 700 objects costs a fifth
        Server(app, lambda: print(f"ready http://{name}:{number}/fhir", flush=True)).run(listener)


def _backend(data: Path | None, split: str | None) -> EmbeddedBackend:
    """Open a file's charts, or a split's own."""
    if data is not None:
        return EmbeddedBackend.from_ndjson(data)
    charts = load_split(split or "").charts
    if charts is None:
        raise InputError(f"the split {split!r} brings no charts; give an NDJSON file with them (--data FILE)")
    return EmbeddedBackend(charts.open())
