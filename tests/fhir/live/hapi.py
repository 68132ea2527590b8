"""A real HAPI FHIR 7.6.0 as a process of its own, loaded with the recorded chart set.

MEDENV_HAPI_JAR names the jar; MEDENV_HAPI instead the base URL of one that runs already and holds the charts.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.fhir import recordings

JAR = os.environ.get("MEDENV_HAPI_JAR", "")
RUNNING = os.environ.get("MEDENV_HAPI", "").rstrip("/")
REASON = "neither MEDENV_HAPI_JAR (a HAPI 7.6.0 to start) nor MEDENV_HAPI (the base of one that runs) is set"


class Hapi:
    """A connection to a HAPI.

    Args:
        base: Its base URL.
    """

    def __init__(self, base: str) -> None:
        self.base = base
        parts = urlsplit(base)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
        self._path = parts.path

    def ask(self, method: str, url: str, body: str | None = None, headers: dict[str, str] | None = None):
        """Send a request below the base; returns status, headers and text."""
        target = f"{self._path}{url if url.startswith('?') else '/' + url}"
        self._connection.request(method, target, None if body is None else body.encode(), headers or {})
        answer = self._connection.getresponse()
        text = answer.read().decode()
        return answer.status, dict(answer.getheaders()), text

    def load(self, lines: list[str]) -> None:
        """Load resources in order, under the ids that they have."""
        headers = {"Content-Type": "application/fhir+json", "Prefer": "return=minimal"}
        for line in lines:
            one = json.loads(line)
            type_, id_ = one["resourceType"], one["id"]
            method, url = ("PUT", f"{type_}/{id_}") if type_ == "Patient" else ("POST", type_)
            status, answered, text = self.ask(method, url, line, headers)
            where = answered.get("Location", answered.get("Content-Location", ""))
            if status != 201 or f"/{type_}/{id_}/_history/1" not in where:
                raise RuntimeError(
                    f"HAPI answers {status} to {method} {url} for {type_}/{id_}, at {where!r}: {text[:300]}"
                )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running() -> Iterator[Hapi]:
    """A HAPI that holds the chart set; one that is started here ends with the block."""
    if RUNNING:
        yield Hapi(RUNNING)
        return
    if not Path(JAR).is_file():
        raise FileNotFoundError(f"MEDENV_HAPI_JAR is {JAR!r}, which is no file")
    command = ["java", "-Xmx2g", "-jar", JAR, "--port", str(_free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line.startswith("ready "):
                raise RuntimeError(f"HAPI did not start: {line!r}")
            hapi = Hapi(line.split()[1])
            hapi.load(recordings.stored_lines())
            yield hapi
        finally:
            process.terminate()
