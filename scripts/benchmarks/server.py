"""``benchmark.py server``: how fast the embedded server answers, in process and over HTTP, beside a floor and beside HAPI."""

from __future__ import annotations

import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import Client, machine, median_us, rate, resident_mb, serving
from benchmarks.requests import ORDER, Requests
from rich.console import Console
from rich.table import Table

from medenv.fhir import EmbeddedBackend, Session, Store
from medenv.tasks import load_split

FLOOR = """
import sys
from medenv.fhir.http.server import Server, bind
held = dict(zip(*[iter(open(sys.argv[1], encoding='utf-8').read().split('\\0'))] * 2))
held = {url.encode(): body.encode() for url, body in held.items()}
class App:
    def respond(self, method, path, query, headers, version, body):
        body = bytes(bytearray(held[path + b'?' + query]))
        headers = [(b'content-type', b'application/fhir+json;charset=UTF-8'), (b'content-length', b'%d' % len(body))]
        return 200, headers, body
listener = bind('127.0.0.1', 0)
Server(App(), lambda: print(f'ready http://127.0.0.1:{listener.getsockname()[1]}', flush=True)).run(listener)
"""
"""A server that knows every answer beforehand."""


@dataclass(frozen=True)
class Settings:
    """What to measure.

    Attributes:
        data: NDJSON of the charts; None for the builtin cohort.
        hapi: Base URL of a HAPI that holds the same.
        requests: Requests a row and round.
        rounds: Rounds of the comparison with HAPI.
        sessions: Numbers of sessions to measure memory with.
        seed: Seed of the queries.
    """

    data: Path | None
    hapi: str | None
    requests: int
    rounds: int
    sessions: tuple[int, ...]
    seed: int


def run(settings: Settings) -> None:
    """Measure and print."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    with tempfile.TemporaryDirectory() as folder:
        path = settings.data or _builtin(Path(folder))
        with path.open(encoding="utf-8") as file:
            draw = Requests([json.loads(line) for line in file if line.strip()], settings.seed)
        backend = EmbeddedBackend.from_ndjson(path)
        count = sum(backend.store.counts.values())
        console.print(
            f"{machine()}\n{count} resources of {settings.data or 'the builtin cohort'}",
            soft_wrap=True,
            highlight=False,
        )
        hapi = _check_hapi(settings.hapi, draw) if settings.hapi else None
        with serving([sys.executable, "-m", "medenv", "serve", "--data", str(path), "--port", "0"]) as base:
            _speeds(console, settings, draw, path, Client(base), hapi)
            if hapi:
                _compare(console, settings, draw, backend, Client(base), hapi)
        _latencies(console, draw, backend)
        _memory(console, settings, path)


def _builtin(folder: Path) -> Path:
    charts, path = load_split("builtin").charts, folder / "builtin.ndjson"
    assert charts is not None
    with path.open("w", encoding="utf-8") as file:
        charts.export(file)
    return path


def _check_hapi(base: str, draw: Requests) -> Client:
    client = Client(base)
    for url in (f"Patient/{draw.patients[0]}", draw.read()):
        if client.ask("GET", url)[0] != 200:
            raise ValueError(f"{base} doesn't hold {url}: load it with the same data, under the same ids")
    return client


def _rows(draw: Requests, n: int) -> dict[str, Callable[[], list[str]]]:
    return {
        "read one resource": lambda: [draw.read() for _ in range(n)],
        "page of 20, a query not asked before": lambda: [draw.page() for _ in range(n)],
        "newest one of a code, new": lambda: [draw.newest() for _ in range(n)],
        "patient by name": lambda: [draw.name() for _ in range(n)],
    }


def _speeds(
    console: Console, settings: Settings, draw: Requests, path: Path, served: Client, hapi: Client | None
) -> None:
    store = EmbeddedBackend.from_ndjson(path).store.path
    table = Table(title="requests a second, one client, one thread", title_justify="left")
    for column in ("request", "in process: cold", "warm", "again", "floor", "HTTP: cold", "warm", "again", "floor"):
        table.add_column(column, justify="left" if column == "request" else "right")
    if hapi:
        table.add_column("HAPI", justify="right")
        table.add_column("warm / HAPI\nin process, HTTP", justify="right")
    for name, batch in _rows(draw, settings.requests).items():
        session = EmbeddedBackend(Store(store)).open()  # nothing of the store is in memory yet
        cold, warm = batch(), batch()
        inside = [rate(session.get, cold), rate(session.get, warm), rate(session.get, warm)]
        bodies = {url: session.get(url).body.encode() for url in warm}
        inside.append(rate(lambda url, held=bodies: bytes(bytearray(held[url])), warm))
        with serving([sys.executable, "-m", "medenv", "serve", "--data", str(path), "--port", "0"]) as base:
            fresh = Client(base)
            outside = [rate(fresh.get, cold), rate(fresh.get, warm), rate(fresh.get, warm)]
        outside.append(_http_floor(bodies, warm))
        cells = [f"{value:,.0f}" for value in (*inside, *outside)]
        if hapi:
            theirs = _hapi_rate(hapi, batch)
            cells += [f"{theirs:,.0f}", f"{inside[1] / theirs:,.0f} x, {outside[1] / theirs:,.0f} x"]
        table.add_row(name, *cells)
    orders = [draw.patients[i % len(draw.patients)] for i in range(settings.requests)]
    session = EmbeddedBackend(Store(store)).open()
    cells = ["-", f"{rate(lambda p: _in_process_write(session, p), orders):,.0f}", "-", "-"]
    cells += ["-", f"{rate(lambda p: _http_write(served, p), orders):,.0f}", "-", "-"]
    if hapi:
        cells += [f"{rate(lambda p: _http_write(hapi, p), orders[: max(1, len(orders) // 5)]):,.0f}", ""]
    table.add_row("create, then delete (pairs/s)", *cells)
    console.print(table)


def _hapi_rate(hapi: Client, batch: Callable[[], list[str]]) -> float:
    asked = batch()
    part = max(1, len(asked) // 5)
    rate(hapi.get, asked[:part])  # warm
    return rate(hapi.get, asked[part : 3 * part])


def _http_floor(bodies: Mapping[str, bytes], asked: list[str]) -> float:
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        pairs = []
        for url, body in bodies.items():
            path, _, query = url.partition("?")
            pairs += [f"/{path}?{query}", body.decode()]
        file.write("\0".join(pairs))
        file.flush()
        with serving([sys.executable, "-c", FLOOR, file.name]) as base:
            client = Client(base)
            rate(client.get, asked[:100])
            return rate(client.get, asked)


def _in_process_write(session: Session, patient: str) -> None:
    answer = session.post("Observation", ORDER % patient)
    if answer.status != 201 or not session.delete(answer.headers["location"].partition("/_history")[0]).ok:
        raise ValueError(f"an Observation could not be written: {answer.body[:300]}")


def _http_write(client: Client, patient: str) -> None:
    status, body, location = client.ask("POST", "Observation", ORDER % patient)
    place = location.removeprefix(client.base + "/").partition("/_history")[0]
    if status != 201 or client.ask("DELETE", place)[0] != 200:
        raise ValueError(f"{client.base} did not take an Observation: {body[:300]!r}")


def _compare(
    console: Console, settings: Settings, draw: Requests, backend: EmbeddedBackend, served: Client, hapi: Client
) -> None:
    """500 distinct searches by patient, code and date bound, each asked once, median of 5 alternating rounds, all warm."""
    session = backend.open()
    asks: dict[str, Callable[[str], Any]] = {"in process": session.get, "HTTP": served.get, "HAPI": hapi.get}
    for ask in asks.values():
        rate(ask, [draw.bounded() for _ in range(max(50, settings.requests // 2))])
    rates: dict[str, list[float]] = {name: [] for name in asks}
    for _ in range(settings.rounds):
        asked = [draw.bounded() for _ in range(settings.requests)]
        for name, ask in asks.items():
            rates[name].append(rate(ask, asked))
    title = f"{settings.requests} searches by patient, code and date bound, each asked once, median of {settings.rounds} rounds in turn"
    table = Table("", "requests/s", "times HAPI's", "lowest, highest", title=title, title_justify="left")
    for name, found in rates.items():
        ratios = [ours / theirs for ours, theirs in zip(found, rates["HAPI"], strict=True)]
        spread = f"{min(ratios):,.0f}, {max(ratios):,.0f}"
        table.add_row(name, f"{statistics.median(found):,.0f}", f"{statistics.median(ratios):,.0f} x", spread)
    console.print(table)


def _latencies(console: Console, draw: Requests, backend: EmbeddedBackend) -> None:
    session = backend.open()

    def reset_after_write() -> float:
        session.post("Observation", ORDER % draw.patients[0])
        session.get(f"Observation?patient={draw.patients[0]}&code=K")
        began = time.perf_counter_ns()
        session.reset()
        return (time.perf_counter_ns() - began) / 1000

    resets = [reset_after_write() for _ in range(1000)]
    for _ in range(3):
        session.post("Observation", ORDER % draw.patients[0])
    forks = median_us(session.fork)
    opened = median_us(backend.open)
    table = Table("session", "median, microseconds", "goal", title="latency in process", title_justify="left")
    table.add_row("open", f"{opened:.1f}", "")
    table.add_row("reset after one order and a search", f"{statistics.median(resets):.1f}", "<= 50")
    table.add_row("fork with three orders", f"{forks:.1f}", "<= 100")
    table.add_row("floor: copy a dict of three", f"{median_us({1: 1, 2: 2, 3: 3}.copy):.1f}", "")
    console.print(table)


def _memory(console: Console, settings: Settings, path: Path) -> None:
    table = Table("sessions open", "MB above the base", "kB a session", title="memory in process", title_justify="left")
    context = multiprocessing.get_context("spawn")
    for n in settings.sessions:
        with context.Pool(1) as pool:  # a process of its own: what an earlier count left behind must not help
            grown = pool.apply(_grown, (str(path), n, settings.seed))
        table.add_row(f"{n:,}", f"{grown:,.1f}", f"{grown * 1000 / n:,.1f}")
    console.print(table)


def _grown(path: str, n: int, seed: int) -> float:
    """By how many MB a process grows by n sessions, each with two searches and an order."""
    with open(path, encoding="utf-8") as file:
        draw = Requests([json.loads(line) for line in file if line.strip()], seed)
    backend = EmbeddedBackend.from_ndjson(path)

    def used() -> Session:
        session = backend.open()
        session.get(draw.page())
        session.get(draw.newest())
        session.post("Observation", ORDER % draw.patients[0])
        return session

    for _ in range(300):
        used()  # the base: store and code in memory
    before = resident_mb()
    held = [used() for _ in range(n)]
    return max(0.0, resident_mb() - before) if held else 0.0
