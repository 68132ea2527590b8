"""Containers in tests: the images, one server that all tests share, what a server holds, and what is left in the engine.

MEDENV_TEST_IMAGE names the image of a FHIR R4 server (HAPI 7.6.0, or the official one), MEDENV_TEST_OWN_IMAGE that of medenv's own;
DOCKER_HOST the engine.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Iterable
from typing import Any

import pytest
from medenv.agents import Policy

from medenv.episode import Benchmark
from medenv.fhir.container import Engine, Spec
from medenv.fhir.container.engine import KEPT, OWNER, owner, owner_is_gone
from medenv.fhir.remote import Client
from medenv.protocol import Trajectory
from medenv.rollouts import run
from medenv.tasks import Task
from tests.fhir import recordings

IMAGE = os.environ.get("MEDENV_TEST_IMAGE", "")
OWN_IMAGE = os.environ.get("MEDENV_TEST_OWN_IMAGE", "")
NO_IMAGE = "MEDENV_TEST_IMAGE is not set: the image of a FHIR server for container tests"
NO_OWN_IMAGE = "MEDENV_TEST_OWN_IMAGE is not set: the image that scripts/build_image.sh makes"

needs_image = pytest.mark.skipif(not IMAGE, reason=NO_IMAGE)
needs_own_image = pytest.mark.skipif(not OWN_IMAGE, reason=NO_OWN_IMAGE)

TYPES = ("Patient", "Observation", "Condition", "Procedure", "MedicationRequest", "ServiceRequest", "Basic")

_kept: dict[str, Any] = {}


def kept() -> Spec:
    """A container of MEDENV_TEST_IMAGE that stays up as `medenv container up` leaves it; backends that reuse containers find it."""
    spec = Spec(image=IMAGE)
    if not _kept:
        _kept.update(engine=Engine(), spec=spec)
        _kept["container"] = _kept["engine"].start(spec, kept=f"tests-{os.getpid()}")
    return spec


def kept_url() -> str:
    """Its base URL."""
    return _kept["engine"].url(_kept["container"], kept())


def end_kept() -> None:
    """Remove it."""
    if _kept:
        _kept["engine"].remove(_kept["container"])
        _kept["engine"].close()
        _kept.clear()


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
