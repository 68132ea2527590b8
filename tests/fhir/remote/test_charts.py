"""Whether a server holds the charts that its tasks were made on is found out before an episode is played there."""

import json

import pytest

from medenv.agents import load as agent
from medenv.episode import Benchmark
from medenv.fhir import BackendError
from medenv.fhir.remote import Client, RemoteBackend
from medenv.fhir.remote.load import holds, load, of_patients
from medenv.trajectories import Status
from tests.fhir import recordings
from tests.fhir.backends import served
from tests.fhir.containers import collect


@pytest.fixture(scope="module")
def url():
    with served() as url:
        yield url


def test_episodes_on_other_charts_are_no_scores(url):
    with Benchmark("builtin", backend="remote", backend_options={"url": url}) as benchmark:
        (lost,) = collect(benchmark, agent("reference"), [benchmark.tasks.task("task9_1")])
    assert (lost.status, lost.verdict) == (Status.INFRASTRUCTURE_ERROR, None)
    assert "does not hold the charts" in lost.error
    assert lost.turns == ()


def test_a_server_with_the_charts_is_used(url):
    with RemoteBackend(url, resources=recordings.stored_lines) as backend, backend.open() as session:
        assert session.get("Patient/S9000111").ok


def test_a_part_of_the_charts_is_told(url):
    client = Client(url)
    charts = of_patients(recordings.stored_lines(), None)
    assert holds(client, charts)
    assert holds(client, of_patients(recordings.stored_lines(), "5"))
    more = {"resourceType": "Patient", "id": "T1", "gender": "male"}
    assert not holds(client, [more])
    with pytest.raises(BackendError, match="a part of the"):
        holds(client, [*charts, more])
    client.close()


def test_charts_beside_others_refer_to_each_other(url):
    subject = {"reference": "Patient/T2"}
    two = [
        {"resourceType": "Patient", "id": "T2", "gender": "male"},
        {"resourceType": "Observation", "id": "2", "status": "final", "subject": subject, "code": {"text": "x"}},
    ]
    client = Client(url)
    done = load(client, of_patients(map(json.dumps, two), None), renumber=True)
    assert client.json(done.ids["Observation/2"])["subject"] == subject
    assert holds(client, of_patients(map(json.dumps, two), None))
    client.close()
