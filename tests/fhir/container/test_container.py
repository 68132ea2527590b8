"""Containers: fifty sessions on one, each undone; containers killed, engines and images absent, ports taken; nothing left behind.

MEDENV_TEST_IMAGE names the image of a FHIR R4 server that starts empty or holds the builtin charts; DOCKER_HOST the engine.
"""

import json
import os
import subprocess
import sys
import time

import gymnasium as gym
import pytest

import medenv  # noqa: F401 - registers the environments
from medenv.fhir import BackendError
from medenv.fhir.container import ContainerBackend, Engine, Spec
from medenv.fhir.container.engine import KEPT, OWNER, owner, owner_is_gone

IMAGE = os.environ.get("MEDENV_TEST_IMAGE", "")
needs_image = pytest.mark.skipif(
    not IMAGE, reason="MEDENV_TEST_IMAGE is not set: the image of a FHIR server for container tests"
)
TYPES = ("Patient", "Observation", "Condition", "Procedure", "MedicationRequest", "ServiceRequest", "Basic")
PATIENTS = [{"resourceType": "Patient", "id": f"S{n}", "gender": "male"} for n in (1, 2)]


def state(client):
    """Everything on a server, without what each version gives anew."""
    found = {}
    for type_ in TYPES:
        for entry in json.loads(client.fresh(f"{type_}?_count=20000").body).get("entry", []):
            one = entry["resource"]
            kept = {k: v for k, v in one.pop("meta").items() if k not in ("versionId", "lastUpdated", "source")}
            found[type_, one["id"]] = one | {"meta": kept}
    return found


def left():
    """Containers of this process, and of processes that are gone."""
    loose = [one for one in Engine().all() if KEPT not in one.labels]
    return [one for one in loose if one.labels[OWNER] == owner() or owner_is_gone(one.labels[OWNER])]


def resource(type_, mrn):
    subject = {"subject": {"reference": f"Patient/{mrn}"}}
    code = {"coding": [{"system": "http://loinc.org", "code": "1"}]}
    return (
        {
            "Observation": {"status": "final", "code": code, "valueString": "x"},
            "ServiceRequest": {"status": "active", "intent": "order", "code": code},
            "MedicationRequest": {"status": "active", "intent": "order", "medicationCodeableConcept": code},
            "Procedure": {"status": "completed", "code": code},
            "Condition": {"code": code},
        }[type_]
        | {"resourceType": type_}
        | subject
    )


@needs_image
def test_fifty_sessions_leave_no_trace(capsys):
    env = gym.make("MedAgentBench-Task9", backend="container", image=IMAGE, server={"reuse": False}).unwrapped
    try:
        env.reset(seed=0)
        mrn, session = env.episode.task.mrn, env.episode.session
        first, closed, writes = state(session.client), [], 0
        lab = json.loads(session.get(f"Observation?patient={mrn}&_count=2").body)["entry"]
        changed, deleted = (entry["resource"] for entry in lab)
        for number in range(50):
            session = env.episode.session
            kind = ("Observation", "ServiceRequest", "MedicationRequest", "Procedure", "Condition")[number % 5]
            _, _, _, _, info = env.step(f"POST {session.base}/{kind}\n{json.dumps(resource(kind, mrn))}")
            assert info["response_status"] == 201
            put = changed | {"status": "amended"}
            entries = [
                {"resource": put, "request": {"method": "PUT", "url": f"Observation/{changed['id']}"}},
                {"request": {"method": "DELETE", "url": f"Observation/{deleted['id']}"}},
                {"resource": resource(kind, mrn), "request": {"method": "POST", "url": kind}},
            ]
            bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
            _, _, _, _, info = env.step(f"POST {session.base}\n{json.dumps(bundle)}")
            assert info["response_status"] == 200, info
            patient = json.loads(session.get(f"Patient/{mrn}").body)
            assert session.put(f"Patient/{mrn}", json.dumps(patient | {"birthDate": "1901-01-01"})).ok
            procedures = json.loads(session.get(f"Procedure?patient={mrn}").body).get("entry", [])
            if procedures:
                assert session.delete(f"Procedure/{procedures[0]['resource']['id']}").ok
            writes += len(session.changes())
            begun = time.perf_counter()
            env.reset(seed=0)
            closed.append(time.perf_counter() - begun)
            assert state(env.episode.session.client) == first, f"after session {number}"
        assert writes >= 250
        with capsys.disabled():
            print(
                f"\nreset after {writes / 50:.0f} changes: median {sorted(closed)[25] * 1e3:.0f} ms, most {max(closed) * 1e3:.0f} ms"
            )
    finally:
        env.close()
    assert not left()


@pytest.fixture
def backend():
    made = ContainerBackend(Spec(image=IMAGE), resources=lambda: PATIENTS, reuse=False)
    yield made
    made.close()
    assert not left()


def observation(mrn="S1"):
    return json.dumps(resource("Observation", mrn))


@needs_image
def test_a_container_killed_in_an_episode_is_replaced(backend):
    session = backend.open()
    session.post("Observation", observation())
    backend._units[0].container.kill()
    with pytest.raises(BackendError):
        session.post("Observation", observation())
    session.close()
    with backend.open() as session:
        assert session.get("Patient/S1").ok
        assert json.loads(session.get("Observation?patient=S1").body)["total"] == 0
        with pytest.raises(BackendError, match="all 1 containers are in use"):
            backend.open()


@needs_image
def test_what_cannot_be_undone_makes_a_fresh_container(backend, capsys):
    with backend.open() as session:
        was = backend._units[0].container.id
        id_ = json.loads(session.post("Observation", observation()).body)["id"]
        session.delete(f"Observation/{id_}")
        flags = [{"name": "expungeDeletedResources", "valueBoolean": True}]
        assert session.post(
            f"Observation/{id_}/$expunge", json.dumps({"resourceType": "Parameters", "parameter": flags})
        ).ok
        begun = time.perf_counter()
        session.reset()
        with capsys.disabled():
            print(f"\na fresh container: {time.perf_counter() - begun:.1f} s")
        assert backend._units[0].container.id != was
        assert session.get("Patient/S1").ok


@needs_image
def test_a_taken_port_is_told_and_nothing_is_left(backend):
    backend.open().close()
    port = int(backend._units[0].server.client.wire.rpartition(":")[2].partition("/")[0])
    with pytest.raises(BackendError, match="choose another port"):
        ContainerBackend(Spec(image=IMAGE, port=port), reuse=False).open()
    assert len(left()) == 1


@needs_image
def test_a_server_that_does_not_come_up_shows_its_log():
    backend = ContainerBackend(Spec(image=IMAGE, command=["--nonsense"], deadline=60), reuse=False)
    with pytest.raises(BackendError, match="its log"):
        backend.open()
    assert not left()


@needs_image
def test_what_a_killed_run_left_is_removed():
    script = (
        "import os, signal\nfrom medenv.fhir.container import *\n"
        f"backend = ContainerBackend(Spec(image={IMAGE!r}), reuse=False)\nbackend.open()\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script], check=False)
    engine = Engine()
    assert len(left()) == 1
    assert engine.sweep() == 1
    assert not left()


@needs_image
def test_an_absent_image_is_told():
    with pytest.raises(BackendError, match="neither here nor to be had"):
        ContainerBackend(Spec(image="medenv-no-such-image:0"), reuse=False).open()


def test_an_absent_engine_is_told(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    backend = ContainerBackend(Spec(image="any"))
    with pytest.raises(BackendError, match="Docker engine does not answer"):
        backend.open()
    backend.close()


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="at least 1"):
        ContainerBackend(size=0)
    with pytest.raises(ValueError, match="undo, recreate"):
        ContainerBackend(reset="never")
    with pytest.raises(ValueError, match="can't all have port"):
        ContainerBackend(Spec(port=8080), size=2)
    with pytest.raises(ValueError, match="has no option 'imgae'"):
        gym.make("MedAgentBench-Task9", backend="container", server={"imgae": "x"})
    with pytest.raises(ValueError, match="unknown backend"):
        gym.make("MedAgentBench-Task9", backend="cloud")
    with pytest.raises(ValueError, match="base URL"):
        gym.make("MedAgentBench-Task9", backend="remote")
