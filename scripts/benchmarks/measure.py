"""What the benchmarks share: timing, the machine they run on, memory, and an HTTP client that costs little."""

from __future__ import annotations

import http.client
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit


def machine() -> str:
    """One line on the machine: processor, cores, Python, and how busy it was."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        cpu = next(
            (line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")),
            cpu,
        )
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{cpu}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}{load}"


def rate(ask: Callable[[str], object], requests: Iterable[str]) -> float:
    """Send all requests in order and return how many were answered a second."""
    asked = list(requests)
    began = time.perf_counter()
    for request in asked:
        ask(request)
    return len(asked) / (time.perf_counter() - began)


def median_us(act: Callable[[], object], times: int = 2000) -> float:
    """Measure the median time of a call in microseconds."""
    took = []
    for _ in range(times):
        began = time.perf_counter_ns()
        act()
        took.append(time.perf_counter_ns() - began)
    return statistics.median(took) / 1000


def resident_mb() -> float:
    """Resident memory of this process in MB."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


@contextmanager
def serving(command: Sequence[str]) -> Iterator[str]:
    """Run a server in a process of its own, which prints ``ready URL`` once it listens; gives the URL."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line.startswith("ready "):
                raise OSError(f"the server under measurement did not start: {line!r}")
            yield line.split()[1]
        finally:
            process.terminate()


class Client:
    """One kept-alive connection to a FHIR server.

    Args:
        base: The server's base URL.
    """

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{base!r} is no base URL like http://localhost:8090/fhir")
        self.base, self._path = base.rstrip("/"), parts.path.rstrip("/")
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=120)
        self._used = time.monotonic()

    def ask(self, method: str, url: str, body: str | None = None) -> tuple[int, bytes, str]:
        """Send a request; returns status, body and Location."""
        if time.monotonic() - self._used > 5:  # servers close connections that stand idle
            self._connection.close()
        self._used = time.monotonic()
        headers = {"Content-Type": "application/fhir+json"} if body is not None else {}
        self._connection.request(method, f"{self._path}/{url}", body, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read(), answer.headers.get("Location", "")

    def get(self, url: str) -> bytes:
        """Read or search.

        Raises:
            ValueError: The server refuses.
        """
        status, body, _ = self.ask("GET", url)
        if status != 200:
            raise ValueError(f"{self.base}/{url} answers {status}: {body[:200]!r}")
        return body
