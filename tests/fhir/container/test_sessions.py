"""Fifty sessions on one container, each undone; what can't be undone; and the same episodes on every kind of server."""

import json
import time
from contextlib import contextmanager, nullcontext

import gymnasium as gym
import pytest

import medenv  # noqa: F401 - registers the environments
from medenv.agents import load
from medenv.episode import Benchmark
from medenv.fhir.container import ContainerBackend, Spec
from medenv.fhir.embedded import DEFAULT_BASE
from medenv.tasks import load_split
from tests.fhir.backends import served
from tests.fhir.containers import (
    IMAGE,
    OWN_IMAGE,
    TYPES,
    bare,
    collect,
    left,
    needs_image,
    needs_own_image,
    resource,
    same_text,
    shared,
    state,
)

SESSIONS = 50
KINDS = ("Observation", "ServiceRequest", "MedicationRequest", "Procedure", "Condition")


@needs_image
def test_fifty_sessions_leave_no_trace(shared_container, figures):
    env = gym.make("MedAgentBench-Task9", backend="container", image=IMAGE).unwrapped
    try:
        env.reset(seed=0)
        mrn, session = env.episode.task.mrn, env.episode.session
        client = session.client
        first, took, writes = state(client), [], 0
        began = json.loads(client.fresh("Patient?_summary=count").body)["meta"]["lastUpdated"]
        lab = json.loads(session.get(f"Observation?patient={mrn}&_count=2").body)["entry"]
        changed, deleted = (entry["resource"] for entry in lab)
        for number in range(SESSIONS):
            session, kind = env.episode.session, KINDS[number % len(KINDS)]
            *_, info = env.step(f"POST {session.base}/{kind}\n{json.dumps(resource(kind, mrn))}")
            assert info["response_status"] == 201
            entries = [
                {
                    "resource": changed | {"status": "amended"},
                    "request": {"method": "PUT", "url": f"Observation/{changed['id']}"},
                },
                {"request": {"method": "DELETE", "url": f"Observation/{deleted['id']}"}},
                {"resource": resource(kind, mrn), "request": {"method": "POST", "url": kind}},
            ]
            bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
            *_, info = env.step(f"POST {session.base}\n{json.dumps(bundle)}")
            assert info["response_status"] == 200, info
            patient = json.loads(session.get(f"Patient/{mrn}").body)
            assert session.put(f"Patient/{mrn}", json.dumps(patient | {"birthDate": "1901-01-01"})).ok
            procedures = json.loads(session.get(f"Procedure?patient={mrn}").body).get("entry", [])
            for entry in procedures[:1]:
                assert session.delete(f"Procedure/{entry['resource']['id']}").ok
            writes += len(session.changes())
            begun = time.perf_counter()
            env.reset(seed=0)
            took.append(time.perf_counter() - begun)
            for key in touched(client, began):
                assert bare(json.loads(client.fresh("/".join(key)).body)) == first[key], f"{key} after session {number}"
            if number % 10 == 0:
                assert counts(client) == counts_of(first), f"after session {number}"
        assert state(client) == first
        assert writes >= 5 * SESSIONS
        median, most = sorted(took)[SESSIONS // 2] * 1e3, max(took) * 1e3
        figures(
            f"reset of a container after {writes / SESSIONS:.0f} changes: median {median:.0f} ms, most {most:.0f} ms"
        )
    finally:
        env.close()
    assert not left()


def counts(client):
    """How many resources of each type a server counts."""
    return {type_: json.loads(client.fresh(f"{type_}?_summary=count").body)["total"] for type_ in TYPES}


def counts_of(held):
    return {type_: sum(key[0] == type_ for key in held) for type_ in TYPES}


def touched(client, since):
    """Every resource of which the server's history shows a version since a moment."""
    found, url = set(), f"_history?_since={since.replace('+', '%2B')}&_count=500"
    while url:
        bundle = client.json(url)
        found |= {tuple(entry["fullUrl"].split("/")[-2:]) for entry in bundle.get("entry", [])}
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
    return found


@contextmanager
def _container(image, reuse):
    options = {"image": image, "reuse": reuse}
    with (
        shared() if reuse else nullcontext(),
        Benchmark("test", backend="container", backend_options=options) as benchmark,
    ):
        yield benchmark


@contextmanager
def _remote(folder):
    file = folder / "test.ndjson"
    with file.open("w") as out:
        load_split("test").charts.export(out)
    with (
        served(data=file) as url,
        Benchmark("test", backend="remote", backend_options={"url": url, "base": DEFAULT_BASE}) as benchmark,
    ):
        yield benchmark


@pytest.fixture(scope="module")
def embedded():
    with Benchmark("test") as benchmark:
        return {one.task.id: seen(one) for one in collect(benchmark, load("reference"))}


def seen(episode):
    """An episode's verdict and what the agent saw, ids and times of created things aside."""
    return episode.verdict, [same_text(message["content"]) for message in episode.messages]


@pytest.mark.parametrize(
    "where",
    [
        pytest.param(lambda _: _container(IMAGE, True), id="container", marks=needs_image),
        pytest.param(lambda _: _container(OWN_IMAGE, False), id="own container", marks=needs_own_image),
        pytest.param(_remote, id="remote"),
    ],
)
def test_the_reference_sees_the_same_everywhere(where, embedded, tmp_path):
    with where(tmp_path) as benchmark:
        episodes = collect(benchmark, load("reference"))
    assert len(episodes) == 300
    assert sum(one.verdict["score"] for one in episodes) == 300
    for one in episodes:
        assert seen(one) == embedded[one.task.id], one.task.id


@needs_own_image
def test_a_container_that_holds_other_charts_gets_these_beside():
    file_of_its_own = {"command": ["--split", "builtin"], "image": OWN_IMAGE, "reuse": False}
    with Benchmark("test", backend="container", backend_options=file_of_its_own) as benchmark:
        episodes = collect(benchmark, load("reference"), list(benchmark.tasks)[::10])
    assert [one.task.id for one in episodes if one.verdict["score"] != 1.0] == []


@needs_own_image
def test_what_cannot_be_undone_makes_a_fresh_container():
    with ContainerBackend(Spec(image=OWN_IMAGE), reuse=False) as backend, backend.open() as session:
        was, mrn = backend._units[0].container.id, first_patient(session)
        id_ = json.loads(session.post("Observation", json.dumps(resource("Observation", mrn))).body)["id"]
        session.delete(f"Observation/{id_}")
        flags = {
            "resourceType": "Parameters",
            "parameter": [{"name": "expungeDeletedResources", "valueBoolean": True}],
        }
        assert session.post(f"Observation/{id_}/$expunge", json.dumps(flags)).ok
        session.reset()
        assert backend._units[0].container.id != was
        assert session.get(f"Patient/{mrn}").ok
    assert not left()


@needs_own_image
def test_recreated_containers():
    with ContainerBackend(Spec(image=OWN_IMAGE), reuse=False, reset="recreate") as backend:
        with backend.open() as session:
            mrn = first_patient(session)
            was = backend._units[0].container.id
        with backend.open() as session:
            assert backend._units[0].container.id == was, "nothing was written"
            assert session.post("Observation", json.dumps(resource("Observation", mrn))).ok
        with backend.open() as session:
            assert backend._units[0].container.id != was
            assert json.loads(session.get("Observation?code=1&_summary=count").body)["total"] == 0
    assert not left()


@needs_own_image
def test_a_pool_keeps_episodes_apart():
    with ContainerBackend(Spec(image=OWN_IMAGE), reuse=False, size=2) as backend:
        assert backend.capacity == 2
        with backend.open() as one, backend.open() as two:
            assert one.post("Observation", json.dumps(resource("Observation", first_patient(one)))).ok
            totals = [json.loads(s.get("Observation?code=1&_summary=count").body)["total"] for s in (one, two)]
            assert totals == [1, 0]
    assert not left()


def first_patient(session):
    return json.loads(session.get("Patient?_count=1").body)["entry"][0]["resource"]["id"]
