"""How long a server in a container takes: to be ready with its charts, to be put back after an episode, and to be replaced."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

from benchmarks.measure import machine

from medenv.ehr.chartset import lines
from medenv.fhir import Session
from medenv.fhir.container import ContainerBackend, Spec
from medenv.tasks import load_split


def run(image: str, split: str, episodes: int, recreations: int) -> None:
    """Measure and print.

    Args:
        image: The server's image.
        split: Whose charts it is to hold.
        episodes: How many resets are timed.
        recreations: How many fresh containers are timed.

    Raises:
        ValueError: The split brings no charts.
    """
    charts = load_split(split).charts
    if charts is None:
        raise ValueError(f"the split {split!r} brings no charts")
    resources = list(lines(charts.open()))
    print(machine())
    print(f"{image}, {len(resources):,} resources of {split}")
    for reset, times in (("undo", episodes), ("recreate", recreations)):
        with ContainerBackend(Spec(image=image), reset=reset, resources=lambda: resources, reuse=False) as backend:  # type: ignore[arg-type]
            begun = time.perf_counter()
            session = backend.open()
            print(f"  ready, charts loaded          {time.perf_counter() - begun:8.2f} s")
            mrn = json.loads(session.get("Patient?_count=1").body)["entry"][0]["resource"]["id"]
            for what, write in (("one order", _order), ("order, update and delete", _more)):
                took = sorted(_reset(session, mrn, write) for _ in range(times))
                print(
                    f"  {reset:8} after {what:24} {statistics.median(took):8.2f} s median of {times}, most {took[-1]:.2f} s"
                )
            session.close()


def _reset(session: Session, mrn: str, write: Callable[[Session, str], None]) -> float:
    write(session, mrn)
    begun = time.perf_counter()
    session.reset()
    return time.perf_counter() - begun


def _order(session: Session, mrn: str) -> None:
    subject = {"reference": f"Patient/{mrn}"}
    order = {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "subject": subject}
    assert session.post("ServiceRequest", json.dumps(order)).ok


def _more(session: Session, mrn: str) -> None:
    _order(session, mrn)
    patient = json.loads(session.get(f"Patient/{mrn}").body)
    assert session.put(f"Patient/{mrn}", json.dumps(patient | {"birthDate": "1901-01-01"})).ok
    found = json.loads(session.get("Observation?_count=1").body)["entry"][0]["resource"]["id"]
    assert session.delete(f"Observation/{found}").ok
