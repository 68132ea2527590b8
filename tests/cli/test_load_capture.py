"""``medenv load`` and ``medenv capture`` between a file and a running server: ids, order, refusals, going on after a kill."""

import json

import pytest
from typer.testing import CliRunner

from medenv.cli import app
from medenv.fhir import EmbeddedBackend, jsontext
from medenv.fhir.remote import capture as capturing
from medenv.fhir.remote.client import Client
from medenv.fhir.remote.load import LoadError, load, of_patients
from tests.fhir import recordings
from tests.fhir.backends import served

QUERIES = [json.loads(line)["request"].removeprefix("GET ") for line in recordings.text_of("search.jsonl").splitlines()]

STORED = [jsontext.compact(jsontext.loads(line)) for line in recordings.stored_lines()]


@pytest.fixture(scope="module")
def url():
    with served() as url:
        yield url


def run(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_a_captured_server_answers_as_the_server(url, tmp_path):
    file = tmp_path / "charts.ndjson"
    result = run("capture", url, "-o", file)
    assert result.exit_code == 0, result.output
    assert "100 read again and equal" in result.output
    lines = file.read_text().splitlines()
    assert lines == STORED
    client = Client(url)
    with EmbeddedBackend.from_ndjson(file, tmp_path, url) as backend, backend.open() as session:
        for query in QUERIES[::20]:
            assert recordings.mask(session.get(query).body) == recordings.mask(client.send("GET", query).body), query
    client.close()
    assert list(tmp_path.glob("*.parts")) == []


def test_a_capture_goes_on_where_it_was_cut(url, tmp_path, monkeypatch):
    file = tmp_path / "charts.ndjson"
    client, asked = Client(url), []
    json_of = client.json

    def cut(target):
        asked.append(target)
        if len(asked) == 260:
            raise KeyboardInterrupt
        return json_of(target)

    monkeypatch.setattr(client, "json", cut)
    with pytest.raises(KeyboardInterrupt):
        capturing.capture(client, file)
    assert not file.exists()
    assert list((tmp_path / "charts.ndjson.parts").glob("Patient.ndjson"))
    first, asked[:] = list(asked), [None] * 1000
    found = capturing.capture(client, file)
    again = [one for one in asked[1000:] if one in first and "patient=" in one]
    assert again in ([], [first[-1]])  # only what was under way when it was cut
    assert sum(found.counts.values()) == len(STORED)
    assert file.read_text().splitlines() == STORED


def test_patients_stand_where_their_numbers_were(tmp_path):
    """Charts one after the other, as a hospital is often exported: the captured file has the same order, so the same numbers."""
    lines = []
    for number in range(1, 31):
        if number % 7 == 1 or number > 28:
            lines.append({"resourceType": "Patient", "id": f"S{90 - number}", "gender": "male"})
            continue
        last = next(one["id"] for one in reversed(lines) if one["resourceType"] == "Patient")
        subject = {"reference": f"Patient/{last}"}
        lines.append({"resourceType": "Observation", "id": str(number), "status": "final", "subject": subject})
    data, file = tmp_path / "data.ndjson", tmp_path / "captured.ndjson"
    data.write_text("".join(f"{json.dumps(one)}\n" for one in lines))
    with served(data=data) as url:
        assert run("capture", url, "-o", file).exit_code == 0
    taken = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(one["resourceType"], one["id"]) for one in taken] == [(one["resourceType"], one["id"]) for one in lines]


def test_some_patients_alone(url, tmp_path):
    file = tmp_path / "some.ndjson"
    assert run("capture", url, "-o", file, "--patients", "S9000111").exit_code == 0
    found = [json.loads(line) for line in file.read_text().splitlines()]
    assert [one["id"] for one in found if one["resourceType"] == "Patient"] == ["S9000111"]
    assert {one["subject"]["reference"] for one in found[1:]} == {"Patient/S9000111"}
    assert run("capture", url, "-o", file, "--patients", "nobody", "--force").exit_code == 2


def test_ids_that_cannot_be_given_are_told_before_anything_is_written(url, tmp_path):
    file = tmp_path / "one.ndjson"
    file.write_text("\n".join(recordings.stored_lines()[:200]))
    client = Client(url)
    before = client.json("_history?_count=1")["total"]
    result = run("load", file, url)
    assert result.exit_code == 2
    assert "--renumber" in result.output
    assert client.json("_history?_count=1")["total"] == before
    assert run("load", tmp_path / "none.ndjson", url).exit_code == 1
    client.close()


def test_an_empty_server_counts_from_one(tmp_path):
    class Empty:
        wire = "http://ehr.example/fhir"

        def json(self, url):
            return {"total": 0}

        def send(self, *_):
            raise AssertionError("nothing may be sent")

    two = [{"resourceType": "Patient", "id": "S1"}, {"resourceType": "Observation", "id": "7"}]
    with pytest.raises(LoadError, match="would give Observation/7 the id 2"):
        load(Empty(), two)


def test_renumbered_resources_refer_to_each_other(tmp_path):
    lines = [
        {"resourceType": "Patient", "id": "new-one"},
        {"resourceType": "Observation", "id": "3", "status": "final", "subject": {"reference": "Patient/new-one"}},
        {
            "resourceType": "Observation",
            "id": "900000",
            "status": "final",
            "subject": {"reference": "Patient/new-one"},
            "hasMember": [{"reference": "Observation/3"}],
        },
    ]
    file = tmp_path / "three.ndjson"
    file.write_text("\n".join(map(json.dumps, lines)))
    with served() as url:
        result = run("load", file, url, "--renumber")
        assert result.exit_code == 0, result.output
        ids = json.loads((tmp_path / "three.ndjson.ids.json").read_text())
        assert set(ids) == {"Observation/3", "Observation/900000"}
        client = Client(url)
        assert client.json(ids["Observation/900000"])["hasMember"][0]["reference"] == ids["Observation/3"]
        client.close()


def test_a_capture_of_a_server_that_was_loaded_plays_its_split(tmp_path):
    """The server gave versions, times and sources of its own; the charts are the same."""
    exported, captured, nothing = (tmp_path / name for name in ("own.ndjson", "captured.ndjson", "nothing.ndjson"))
    assert run("data", "export", "--split", "builtin", "--out", exported).exit_code == 0
    nothing.write_text("")
    with served(data=nothing) as url:
        assert run("load", exported, url).exit_code == 0
        assert run("capture", url, "-o", captured).exit_code == 0
    assert captured.read_bytes() != exported.read_bytes()
    prints = set()
    for charts in ([], ["--charts", exported], ["--charts", captured]):
        out = tmp_path / f"run{len(prints)}-{len(charts)}-{charts[-1].stem if charts else ''}"
        done = run("eval", "--agent", "reference", "--split", "builtin", *charts, "--out", out)
        assert done.stdout.splitlines()[-1] == "300/300", done.output
        prints.add(json.loads((out / "summary.json").read_text())["data"])
    assert len(prints) == 1


@pytest.mark.parametrize("line", ["{", "[]", '{"resourceType": "Patient"}', "1"])
def test_lines_that_are_no_resource(line):
    with pytest.raises(LoadError, match="line 2"):
        of_patients(["", line], None)


def test_patients_of_a_file():
    lines = recordings.stored_lines()
    assert len(of_patients(lines, None)) == len(lines)
    some = of_patients(lines, "2")
    assert [one["id"] for one in some if one["resourceType"] == "Patient"] == [
        json.loads(one)["id"] for one in lines if '"Patient"' in one[:30]
    ][:2]
    with pytest.raises(LoadError, match="no Patient/nobody"):
        of_patients(lines, "nobody")
