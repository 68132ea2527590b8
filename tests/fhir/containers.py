"""Containers in tests: the images, one server that all tests share, what a server holds, and what is left in the engine.

MEDENV_TEST_IMAGE names the image of a FHIR R4 server (HAPI 7.6.0, or the official one), MEDENV_TEST_OWN_IMAGE that of medenv's own;
DOCKER_HOST the engine.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import pytest
from filelock import FileLock

from medenv.agents import Policy
from medenv.episode import Benchmark
from medenv.fhir.container import Engine, Spec
from medenv.fhir.container.engine import KEPT, OWNER, owner, owner_is_gone
from medenv.fhir.remote import Client
from medenv.rollouts import run
from medenv.tasks import Task
from medenv.trajectories import Trajectory
from tests.fhir import recordings

IMAGE = os.environ.get("MEDENV_TEST_IMAGE", "")
OWN_IMAGE = os.environ.get("MEDENV_TEST_OWN_IMAGE", "")
NO_IMAGE = "MEDENV_TEST_IMAGE is not set: the image of a FHIR server for container tests"
NO_OWN_IMAGE = "MEDENV_TEST_OWN_IMAGE is not set: the image that scripts/build_image.sh makes"

needs_image = pytest.mark.skipif(not IMAGE, reason=NO_IMAGE)
needs_own_image = pytest.mark.skipif(not OWN_IMAGE, reason=NO_OWN_IMAGE)

TYPES = ("Patient", "Observation", "Condition", "Procedure", "MedicationRequest", "ServiceRequest", "Basic")

RUN = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
"""The process that runs the tests, whichever of its workers this is."""


@contextmanager
def shared() -> Iterator[str]:
    """A container of MEDENV_TEST_IMAGE for this process alone, as `medenv container up` leaves it; all of a run's tests use the same.

    Backends that reuse containers find it. It is started by the first who wants it and removed by `end_shared`.

    Yields:
        Its base URL.
    """
    name, spec, engine = f"tests-{RUN}", Spec(image=IMAGE), Engine()
    with FileLock(Path(gettempdir()) / f"medenv-{name}.lock", is_singleton=True):  # a file's tests may hold it already
        found = engine.all(kept=name)
        container = found[0] if found else engine.start(spec, kept=name)
        yield engine.url(container, spec)
    engine.close()


def end_shared() -> None:
    """Remove the container that `shared` started, if there is one."""
    name, engine = f"tests-{RUN}", Engine()
    lock = Path(gettempdir()) / f"medenv-{name}.lock"
    if lock.exists():
        for one in engine.all(kept=name):
            engine.remove(one)
        lock.unlink()
    engine.close()


def state(client: Client) -> dict[tuple[str, str], Any]:
    """Everything on a server, without what each version gives anew."""
    found = {}
    for type_ in TYPES:
        for entry in json.loads(client.fresh(f"{type_}?_count=20000").body).get("entry", []):
            found[type_, entry["resource"]["id"]] = bare(entry["resource"])
    return found


def bare(resource: dict[str, Any]) -> dict[str, Any]:
    """A resource without what each version gives anew."""
    meta = {k: v for k, v in resource["meta"].items() if k not in ("versionId", "lastUpdated", "source")}
    return resource | {"meta": meta}


def left() -> list[Any]:
    """Containers of this process, and of processes that are gone."""
    loose = [one for one in Engine().all() if KEPT not in one.labels]
    return [one for one in loose if one.labels[OWNER] == owner() or owner_is_gone(one.labels[OWNER])]


def same_text(text: str) -> str:
    """An observation without ids that a server gives, times and sources."""
    text = re.sub(r'"versionId": "\d+"', "", recordings.mask(text, created=True))
    return re.sub(r"_getpages=[^&\"]+", "_getpages={id}", text)


def resource(type_: str, mrn: str) -> dict[str, Any]:
    """An order, reading or the like for a patient."""
    code = {"coding": [{"system": "http://loinc.org", "code": "1"}]}
    rest: dict[str, Any] = {
        "Observation": {"status": "final", "code": code, "valueString": "x"},
        "ServiceRequest": {"status": "active", "intent": "order", "code": code},
        "MedicationRequest": {"status": "active", "intent": "order", "medicationCodeableConcept": code},
        "Procedure": {"status": "completed", "code": code},
        "Condition": {"code": code},
    }[type_]
    return {"resourceType": type_, **rest, "subject": {"reference": f"Patient/{mrn}"}}


def collect(benchmark: Benchmark, policy: Policy, tasks: Iterable[Task] | None = None) -> list[Trajectory]:
    """Play tasks, one at a time if the backend has no room for more."""

    async def gather() -> list[Trajectory]:
        return [one async for one in run(benchmark, policy, benchmark.tasks if tasks is None else tasks)]

    return asyncio.run(gather())
