"""`scripts/compare_examples.py`, with medenv's own server in HAPI's place."""

import json

import pytest

from scripts.compare_examples import main
from scripts.examples.servers import comparable
from tests.fhir.backends import served

PATIENT = {"resourceType": "Patient", "id": "example", "gender": "male", "name": [{"family": "Chalmers"}]}
OBSERVATION = {
    "resourceType": "Observation",
    "id": "f001",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "15074-8"}]},
    "subject": {"reference": "Patient/example"},
}


@pytest.fixture
def folder(tmp_path):
    examples = tmp_path / "package"
    examples.mkdir()
    for one in (PATIENT, OBSERVATION):
        (examples / f"{one['resourceType']}-{one['id']}.json").write_text(json.dumps(one))
    (examples / "package.json").write_text("{}")
    return examples


@pytest.fixture
def empty(tmp_path):
    (tmp_path / "empty.ndjson").write_text("")
    with served(data=tmp_path / "empty.ndjson") as url:
        yield url


def test_a_server_that_answers_the_same(folder, empty, capsys):
    assert main([str(folder), "--server", empty]) == 0
    out = capsys.readouterr().out
    assert "alone: 2 of 2 equal" in out
    assert "transaction: 5 of 5 equal" in out
    assert "equal: " in out.splitlines()[-1]
    assert "(100.00%), 2 examples" in out.splitlines()[-1]


def test_a_server_that_answers_otherwise_is_shown(folder, empty, capsys, monkeypatch):
    from scripts.examples.servers import Embedded

    send = Embedded.send
    monkeypatch.setattr(
        Embedded,
        "send",
        lambda self, method, path, body=None, params=None: (
            send(self, method, path, {**PATIENT, "gender": "x"})
            if path == "Patient" and method == "POST"
            else send(self, method, path, body, params)
        ),
    )
    assert main([str(folder), "--server", empty, "--show", "1"]) == 1
    assert "HAPI 201" in capsys.readouterr().out


def test_what_cannot_be_compared(folder, empty, tmp_path, capsys):
    assert main([str(tmp_path), "--server", empty]) == 2
    assert main([str(folder), "--server", "http://127.0.0.1:9/fhir"]) == 2
    main([str(folder), "--server", empty])
    assert main([str(folder), "--server", empty]) == 2  # it isn't empty any more
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if "isn't empty" in line]


def test_what_a_server_makes_up_is_not_compared():
    one = {"id": "1", "meta": {"versionId": "1", "lastUpdated": "x"}, "text": "Patient/12/_history/1 Took 1,234ms"}
    assert comparable(one) == {"text": "Patient/N TIME"}
