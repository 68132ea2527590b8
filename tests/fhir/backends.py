"""The backends that the contract suite runs over: embedded, and medenv's own server, HAPI and a container over HTTP where there is one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from medenv.fhir import Backend, EmbeddedBackend, jsontext
from medenv.fhir.container import ContainerBackend, Spec
from medenv.fhir.remote import RemoteBackend
from medenv.fhir.remote.load import of_patients
from tests.fhir import recordings
from tests.fhir.containers import IMAGE, NO_IMAGE, NO_OWN_IMAGE, OWN_IMAGE, shared
from tests.fhir.live import hapi


@contextmanager
def served(*options: str, data: Path | None = None) -> Iterator[str]:
    """``medenv serve`` as a process of its own with the recorded charts, or a file's; gives the URL it is ready at."""
    with TemporaryDirectory() as folder:
        if data is None:
            data = Path(folder) / "charts.ndjson"
            data.write_text("\n".join(recordings.stored_lines()), encoding="utf-8")
        command = [sys.executable, "-m", "medenv", "serve", "--data", str(data), "--port", "0", *options]
        environment = {**os.environ, "MEDENV_CACHE_DIR": folder}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            try:
                line = process.stdout.readline() if process.stdout else ""
                assert line.startswith("ready "), line
                yield line.split()[1]
            finally:
                process.terminate()


@contextmanager
def _embedded() -> Iterator[Backend]:
    with EmbeddedBackend.from_resources(recordings.stored_lines()) as backend:
        yield backend


@contextmanager
def _sessions() -> Iterator[Backend]:
    with served("--isolate") as url, RemoteBackend(url.replace("/fhir", "/s/{session}/fhir")) as backend:
        yield backend


@contextmanager
def _shared() -> Iterator[Backend]:
    with served() as url, RemoteBackend(url, base="http://ehr.example/fhir") as backend:
        yield backend


@contextmanager
def _hapi() -> Iterator[Backend]:
    if IMAGE:
        with shared() as url:
            with ContainerBackend(Spec(image=IMAGE), resources=_charts) as backend:  # loads what the suite needs
                backend.open().close()
            with RemoteBackend(url) as remote:
                yield remote
        return
    if not (hapi.JAR or hapi.RUNNING):
        pytest.skip(hapi.REASON)
    with hapi.running() as server, RemoteBackend(server.base) as backend:
        yield backend


@contextmanager
def _container() -> Iterator[Backend]:
    if not IMAGE:
        pytest.skip(NO_IMAGE)
    with shared(), ContainerBackend(Spec(image=IMAGE), resources=_charts) as backend:
        yield backend


@contextmanager
def _own_container() -> Iterator[Backend]:
    if not OWN_IMAGE:
        pytest.skip(NO_OWN_IMAGE)
    with ContainerBackend(Spec(image=OWN_IMAGE), resources=_charts, reuse=False) as backend:
        yield backend


def _charts() -> list[str]:
    """Some of the recorded charts: enough for the suite, and loaded quickly into a server that holds others."""
    found = of_patients(recordings.stored_lines(), None)
    patients = [one["id"] for one in found if one["resourceType"] == "Patient"]
    wanted = ",".join({*patients[:5], "S9000111"})
    return [jsontext.compact(one) for one in of_patients(recordings.stored_lines(), wanted)]


@dataclass(frozen=True)
class Factory:
    """How a backend comes about."""

    open: Callable[[], object]
    kind: type

    def __call__(self):
        return self.open()

    def made(self, backend: Backend) -> bool:
        """Whether a backend is of this kind."""
        return isinstance(backend, self.kind)


BACKENDS = {
    "embedded": Factory(_embedded, EmbeddedBackend),
    "remote sessions": Factory(_sessions, RemoteBackend),
    "remote": Factory(_shared, RemoteBackend),
    "remote HAPI": Factory(_hapi, RemoteBackend),
    "container": Factory(_container, ContainerBackend),
    "own container": Factory(_own_container, ContainerBackend),
}
