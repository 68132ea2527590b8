"""``medenv serve`` as a user runs it: ready line, sessions, errors, and a clean end on a signal."""

import json
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest

MEDENV = [sys.executable, "-m", "medenv"]
PATIENT = '{"resourceType": "Patient", "id": "S1", "name": [{"family": "Stone", "given": ["Ada"]}], "birthDate": "1950-01-02"}'
ORDER = {"resourceType": "Observation", "valueString": "x", "subject": {"reference": "Patient/S1"}}


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "charts.ndjson"
    path.write_text(PATIENT + "\n")
    return path


@contextmanager
def served(*arguments):
    with subprocess.Popen(
        [*MEDENV, "serve", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            line = process.stdout.readline()
            if not line.startswith("ready http://"):
                process.kill()  # so that its last words have an end
                raise AssertionError(f"{line!r}, {process.stderr.read()!r}")
            yield process, line.split()[1]
        finally:
            process.kill()


def refused(*arguments):
    done = subprocess.run(
        [*MEDENV, "serve", *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_serves_until_a_signal_comes(data, sent):
    with served("--data", data, "--port", 0) as (process, base):
        assert base.startswith("http://127.0.0.1:")
        with httpx.Client() as client:  # its connection is still open when the signal comes
            assert client.get(f"{base}/Patient/S1").json()["birthDate"] == "1950-01-02"
            made = client.post(f"{base}/Observation", json=ORDER, headers={"content-type": "application/fhir+json"})
            assert made.status_code == 201
            assert client.get(f"{base}/Observation?patient=S1").json()["total"] == 1
            process.send_signal(sent)
            assert process.wait(30) == 0
        assert process.stdout.read() == ""
        assert process.stderr.read() == ""


def test_isolated_and_stale(data):
    with (
        served("--data", data, "--port", 0, "--isolate", "--cache", "--max-sessions", 1) as (_, base),
        httpx.Client() as client,
    ):
        one = base.replace("/fhir", "/s/one/fhir")
        query = f"{one}/Observation?patient=S1"
        assert client.get(query).json()["total"] == 0
        assert client.post(f"{one}/Observation", json=ORDER).status_code == 201
        assert client.get(query).json()["total"] == 0
        assert client.get(query, headers={"cache-control": "no-cache"}).json()["total"] == 1
        assert client.get(f"{base}/Observation?patient=S1").json()["total"] == 0
        assert client.get(base.replace("/fhir", "/s/two/fhir/Patient")).status_code == 429
        assert client.delete(base.replace("/fhir", "/s/one")).status_code == 204


def test_a_port_that_is_taken(data):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        status, message = refused("--data", data, "--port", port)
    assert status == 1
    assert message.startswith(f"medenv: error: port {port} on 127.0.0.1 is taken")


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("not json", 2, ["charts.ndjson line 2"]),
        ('{"resourceType": "Foo"}', 2, ["charts.ndjson line 2", "Foo"]),
        (f"\n{PATIENT}", 2, ["charts.ndjson line 3", "Patient/S1 stands twice"]),
        ("[1]", 2, ["charts.ndjson line 2", "[1]"]),
    ],
)
def test_broken_data_names_the_line(data, text, status, words):
    data.write_text(f"{PATIENT}\n{text}\n")
    ended, message = refused("--data", data, "--port", 0)
    assert ended == status
    assert all(word in message for word in words), message


def test_data_that_cannot_be_read(tmp_path):
    status, message = refused("--data", tmp_path / "none.ndjson", "--port", 0)
    assert status == 1
    assert "none.ndjson" in message
    assert refused("--data", tmp_path, "--port", 0)[0] == 1


def test_only_loopback(data):
    status, message = refused("--data", data, "--host", "0.0.0.0", "--port", 0)
    assert status == 2
    assert "'0.0.0.0' is not a loopback address" in message
    assert refused("--data", data, "--host", "a.name", "--expose", "--port", 0)[0] == 2


def test_other_addresses_where_that_is_asked_for(data):
    with served("--data", data, "--host", "0.0.0.0", "--expose", "--port", 0) as (process, base):
        assert base.startswith("http://0.0.0.0:")
        assert httpx.get(f"{base.replace('0.0.0.0', '127.0.0.1')}/Patient?_summary=count").status_code == 200
        process.terminate()
        assert "no access control" in process.stderr.read()


def test_one_source_of_charts(data):
    assert refused("--port", 0)[0] == 2
    assert refused("--data", data, "--split", "builtin", "--port", 0)[0] == 2
    assert refused("--split", "nothing", "--port", 0)[0] == 2


def test_a_splits_own_charts():
    with served("--split", "builtin", "--port", 0) as (_, base):
        counted = httpx.get(f"{base}/Patient?_summary=count")
        assert json.loads(counted.text)["total"] > 50
