"""Building and reading stores: what is loaded is served to the byte, and what can't be loaded is named."""

import hashlib
import json

import pytest

from medenv.errors import FileError
from medenv.fhir import EmbeddedBackend, Store, jsontext
from medenv.fhir.store import build
from tests.fhir import recordings

pytestmark = pytest.mark.quick


def observation(id_, **more):
    return {"resourceType": "Observation", "id": id_, "code": {"text": "x"}, **more}


def ids(session, query):
    return [e["resource"]["id"] for e in json.loads(session.get(query).body).get("entry", [])]


def test_everything_loaded_is_served_verbatim(recorded):
    for line in recordings.stored_lines()[::97]:
        resource = jsontext.loads(line)
        assert recorded.get(f"{resource['resourceType']}/{resource['id']}").body == jsontext.pretty(resource)


def fingerprint(resources):
    with EmbeddedBackend.from_resources(resources) as backend:
        return backend.fingerprint


def test_fingerprint_is_of_what_resources_say_in_order(recorded_backend):
    resources = [jsontext.loads(line) for line in recordings.stored_lines()]
    text = "".join(jsontext.compact({k: v for k, v in one.items() if k != "meta"}) + "\n" for one in resources)
    assert recorded_backend.fingerprint == "charts/2:sha256:" + hashlib.sha256(text.encode()).hexdigest()
    assert fingerprint(resources[::-1]) != recorded_backend.fingerprint


def test_what_a_server_sets_is_not_in_the_fingerprint():
    bare = {"resourceType": "Patient", "id": "S1", "gender": "male"}
    stamps = {"versionId": "7", "lastUpdated": "2026-01-02T03:04:05.678+00:00", "source": "#abc"}
    plain = fingerprint([bare])
    for meta in (stamps, {"versionId": "3"}, {"lastUpdated": stamps["lastUpdated"]}, {}):
        assert fingerprint([{**bare, "meta": meta}]) == plain, meta
        assert fingerprint([{"meta": meta, **bare}]) == plain, meta
    tagged = {"tag": [{"code": "x"}]}
    assert fingerprint([{**bare, "meta": {**stamps, **tagged}}]) == fingerprint([{**bare, "meta": tagged}]) != plain
    assert fingerprint([{**bare, "gender": "female"}]) != plain


def test_layout_of_the_source_does_not_matter():
    resource = json.loads(recordings.stored_lines()[300])
    texts = [json.dumps(resource), json.dumps(resource, indent=3), json.dumps(resource, ensure_ascii=True)]
    prints = set()
    for text in texts:
        with EmbeddedBackend.from_resources([text]) as backend:
            prints.add(backend.fingerprint)
    assert len(prints) == 1


def test_missing_ids_and_meta_are_given():
    with EmbeddedBackend.from_resources([{"resourceType": "Patient", "name": [{"family": "A"}]}] * 2) as backend:
        session = backend.open()
        assert ids(session, "Patient?family=a") == ["1", "2"]
        meta = json.loads(session.get("Patient/1").body)["meta"]
        assert meta["versionId"] == "1"
        assert list(meta) == ["versionId", "lastUpdated", "source"]


def test_numbers_of_several_types_may_clash():
    """No HAPI would have given them, but other servers do: load order then takes the place of numbers."""
    rows = [
        {"resourceType": "Patient", "id": "1"},
        observation("1", subject={"reference": "Patient/1"}),
        observation("2"),
    ]
    with EmbeddedBackend.from_resources(rows) as backend:
        session = backend.open()
        assert ids(session, "Observation") == ["1", "2"]
        assert ids(session, "Observation?patient=Patient/1") == ["1"]
        assert session.get("Patient/1").status == 200
        assert session.workspace.new_id() == "4"


def test_unsorted_order_is_by_number_not_by_load_order():
    with EmbeddedBackend.from_resources([observation(i) for i in ("30", "7", "100")]) as backend:
        assert ids(backend.open(), "Observation") == ["7", "30", "100"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"resourceType": "Patient", "id": "1"', "not JSON"),
        ('["x"]', "JSON object"),
        ('{"id": "1"}', "resourceType"),
        ('{"resourceType": "Nothing", "id": "1"}', "Nothing"),
        ('{"resourceType": "Patient", "id": 5}', "id"),
    ],
)
def test_what_is_no_resource_is_named(tmp_path, text, words):
    path = tmp_path / "chart.ndjson"
    path.write_text('{"resourceType": "Patient", "id": "a"}\n' + text + "\n")
    with pytest.raises(ValueError, match=words) as raised:
        EmbeddedBackend.from_ndjson(path, cache_dir=tmp_path / "cache")
    assert "2" in str(raised.value)
    assert not list((tmp_path / "cache").glob("*.db*"))


def test_a_resource_may_stand_once():
    with pytest.raises(ValueError, match="Patient/a stands twice"):
        EmbeddedBackend.from_resources([{"resourceType": "Patient", "id": "a"}] * 2)
    with pytest.raises(ValueError, match="Observation/5 stands twice"):
        EmbeddedBackend.from_resources([observation("5"), observation("5")])


def test_missing_file_and_foreign_file(tmp_path):
    with pytest.raises(FileError, match=r"none\.ndjson"):
        EmbeddedBackend.from_ndjson(tmp_path / "none.ndjson")
    with pytest.raises(FileNotFoundError, match="no store"):
        Store(tmp_path / "none.db")
    (tmp_path / "foreign.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(ValueError, match="no store"):
        Store(tmp_path / "foreign.db")


def test_a_built_store_is_used_again(tmp_path):
    path = tmp_path / "chart.ndjson"
    path.write_text(json.dumps(observation("1")) + "\n")
    first = EmbeddedBackend.from_ndjson(path, cache_dir=tmp_path / "cache")
    stamp = first.store.path.stat().st_mtime_ns
    assert EmbeddedBackend.from_ndjson(path, cache_dir=tmp_path / "cache").store.path.stat().st_mtime_ns == stamp
    first.store.path.write_bytes(b"broken")
    again = EmbeddedBackend.from_ndjson(path, cache_dir=tmp_path / "cache")
    assert ids(again.open(), "Observation") == ["1"]


def test_a_failed_build_leaves_the_old_store(tmp_path):
    target = tmp_path / "store.db"
    build(lambda: [observation("1")], target)
    before = target.read_bytes()
    with pytest.raises(ValueError, match="resource 2"):
        build(lambda: [observation("1"), "{"], target)
    assert target.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["store.db"]


def test_values_are_fetched_anew_once_dropped(recorded_backend):
    url = "Observation?patient=S9000407&code=GLU&_sort=-date"
    before = recorded_backend.open().get(url + "&_foo=1").body
    rows = recorded_backend.store.patients_rows("Observation", "patient", "S9000407")
    rows.drop_texts()
    recorded_backend.store.cache.clear()
    other = recorded_backend.open().get(url + "&_foo=2").body
    assert ids_of(before) == ids_of(other)
    assert rows.text(3) == rows.texts()[3] == rows.texts_at([3])[0]


def ids_of(body):
    return [e["resource"]["id"] for e in json.loads(body)["entry"]]


def test_memory_is_bounded(monkeypatch, recorded_backend):
    from medenv.fhir.store import cache

    monkeypatch.setattr(cache, "_ROWS", 500)
    monkeypatch.setattr(cache, "_TEXT_ROWS", 300)
    monkeypatch.setattr(cache, "_ENTRIES", 50)
    store = Store(recorded_backend.store.path)
    session = EmbeddedBackend(store).open()
    for _ in range(2):
        for n in range(40):
            patient = f"S{9000000 + 37 * n}"
            url = f"Observation?patient={patient}&_count=9&_total=accurate"
            assert session.get(url).body == recorded_backend.open().get(url).body
    assert store.cache._weight <= 500 + 1000  # the newest rows are always kept
    assert len(store.cache._entries) <= 50
