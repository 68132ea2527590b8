"""Sessions of the embedded server: many at once, from many threads and processes, cheap to open and to forget."""

import json
import multiprocessing
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from medenv.fhir import EmbeddedBackend
from medenv.fhir.template import Record
from tests.fhir import recordings

pytestmark = pytest.mark.quick

QUERIES = [
    "Observation?patient=S9000111&code=GLU&date=ge2023-01-01",
    "Observation?patient=S9000333&_sort=-date&_count=3",
    "Patient?name=Smith",
    "Condition?patient=S9000370",
    "Observation?code=K&_count=7",
    "MedicationRequest?patient.identifier=S9000037&status=active",
]


def vital(patient, value):
    return json.dumps(
        {
            "resourceType": "Observation",
            "status": "final",
            "code": {"text": "BP"},
            "subject": {"reference": f"Patient/{patient}"},
            "valueString": value,
        }
    )


def own_values(session, patient):
    bundle = json.loads(session.get(f"Observation?patient={patient}&code:text=BP&_count=1000").body)
    return [e["resource"]["valueString"] for e in bundle.get("entry", [])]


def test_many_threads_over_one_store(recorded_backend):
    expected = [recorded_backend.open().get(url).body for url in QUERIES]
    before = own_values(recorded_backend.open(), "S9000111")

    def episode(n):
        session = recorded_backend.open()
        for turn in range(3):
            assert session.post("Observation", vital("S9000111", f"{n}-{turn}")).status == 201
            fork = session.fork()
            fork.post("Observation", vital("S9000111", "fork"))
        written = own_values(session, "S9000111")[len(before) :]
        session.reset()
        return written, [session.get(url).body for url in QUERIES]

    with ThreadPoolExecutor(8) as pool:
        for n, (written, bodies) in enumerate(pool.map(episode, range(40))):
            assert written == [f"{n}-{turn}" for turn in range(3)]
            assert bodies == expected


def test_a_session_may_move_between_threads(recorded):
    with ThreadPoolExecutor(1) as pool:
        created = pool.submit(recorded.post, "Observation", vital("S9000000", "x")).result()
    assert created.status == 201
    assert own_values(recorded, "S9000000")[-1] == "x"


def _ask(backend, url):
    return backend.open().get(url).body


@pytest.mark.skipif(sys.platform == "win32", reason="no fork on Windows")
def test_forked_processes_share_the_store(recorded_backend):
    expected = _ask(recorded_backend, QUERIES[0])
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.starmap(_ask, [(recorded_backend, QUERIES[0])] * 4) == [expected] * 4
    assert _ask(recorded_backend, QUERIES[0]) == expected


def test_a_backend_can_be_pickled(recorded_backend):
    copy = pickle.loads(pickle.dumps(recorded_backend))
    assert copy.fingerprint == recorded_backend.fingerprint
    assert _ask(copy, QUERIES[1]) == _ask(recorded_backend, QUERIES[1])


def test_a_thousand_sessions_keep_their_writes(recorded_backend):
    sessions = [recorded_backend.open() for _ in range(1000)]
    for n, session in enumerate(sessions):
        session.post("Observation", vital("S9000407", str(n)))
    for n in (0, 500, 999):
        assert own_values(sessions[n], "S9000407")[-1] == str(n)


def test_links_carry_the_sessions_base(recorded_backend):
    session = recorded_backend.open(base="http://127.0.0.1:9/s/one/fhir")
    body = session.get("Observation?patient=S9000333").body
    assert "localhost:8080" not in body
    url = next(link["url"] for link in json.loads(body)["link"] if link["relation"] == "next")
    assert url.startswith("http://127.0.0.1:9/s/one/fhir?_getpages=")
    assert session.get(url).status == 200


def test_pages_of_another_session_are_lost(recorded_backend):
    one, two = recorded_backend.open(), recorded_backend.open()
    one.post("Observation", vital("S9000333", "mine"))
    bundle = json.loads(one.get("Observation?patient=S9000333").body)
    url = next(link["url"] for link in bundle["link"] if link["relation"] == "next")
    refused = two.get(url)
    assert refused.status == 410
    assert "HAPI-0417" in refused.body
    assert one.get(url).status == 200


def test_pages_show_the_answer_as_it_was_found(recorded):
    first = json.loads(recorded.get("Observation?patient=S9000333&code=GLU&_count=10").body)
    url = next(link["url"] for link in first["link"] if link["relation"] == "next")
    before = recorded.get(url).body
    new = {**json.loads(vital("S9000333", "x")), "code": {"coding": [{"system": "http://loinc.org", "code": "GLU"}]}}
    recorded.post("Observation", json.dumps(new))
    ids = [[e["resource"]["id"] for e in json.loads(b)["entry"]] for b in (before, recorded.get(url).body)]
    assert ids[0] == ids[1]


def test_staleness_is_a_switch(recorded_backend):
    query = "Observation?patient=S9000629&code:text=BP"
    for stale, seen in ((True, False), (False, True)):
        session = recorded_backend.open(stale=stale)
        session.get(query)
        session.post("Observation", vital("S9000629", "new"))
        assert ("new" in session.get(query).body) is seen
        assert "new" in session.get(query, {"Cache-Control": "no-cache"}).body


def test_an_overlay_is_part_of_the_pristine_chart(recorded_backend):
    extra = json.loads(vital("S9000592", "overlay"))
    session = recorded_backend.open(overlay=[extra])
    assert own_values(session, "S9000592")[-1] == "overlay"
    session.post("Observation", vital("S9000592", "mine"))
    session.reset()
    assert own_values(session, "S9000592")[-1] == "overlay"
    assert own_values(session.pristine(), "S9000592")[-1] == "overlay"
    assert "overlay" not in own_values(recorded_backend.open(), "S9000592")


def test_new_ids_continue_the_stores_numbers(recorded_backend):
    session = recorded_backend.open()
    first = session.post("Observation", vital("S9000000", "a"))
    second = session.post("Observation", vital("S9000000", "b"))
    ids = [int(json.loads(r.body)["id"]) for r in (first, second)]
    assert ids == [recorded_backend.store.last + 1, recorded_backend.store.last + 2]


def test_history_of_what_was_written(recorded):
    id_ = json.loads(recorded.post("Observation", vital("S9000000", "a")).body)["id"]
    recorded.put(f"Observation/{id_}", json.dumps({**json.loads(vital("S9000000", "b")), "id": id_}))
    recorded.delete(f"Observation/{id_}")
    bundle = json.loads(recorded.get(f"Observation/{id_}/_history").body)
    assert [e["request"]["method"] for e in bundle["entry"]] == ["DELETE", "PUT", "POST"]
    assert [e.get("resource", {}).get("valueString") for e in bundle["entry"]] == [None, "b", "a"]
    assert recorded.get(f"Observation/{id_}/_history/2").status == 200
    assert recorded.get(f"Observation/{id_}/_history/3").status == 410


def test_submitted_text_stays_beside_the_resource(recorded):
    payload = vital("S9000000", "kept")
    id_ = json.loads(recorded.post("Observation", payload).body)["id"]
    assert recorded.lookup("Observation", id_).submitted == payload


def test_base_survives_everything(recorded_backend):
    """Whatever sessions do, the store's own answers stay."""
    backend = EmbeddedBackend(recorded_backend.store)
    before = backend.open().get("Patient/S9000000").body
    session = backend.open()
    patient = json.loads(before)
    session.put("Patient/S9000000", json.dumps({**patient, "gender": "other"}))
    assert '"other"' in session.get("Patient/S9000000").body
    assert backend.open().get("Patient/S9000000").body == before
    assert len(recordings.stored_lines()) == sum(backend.store.counts.values())


def test_references_sort_by_the_number_of_what_they_name():
    """HAPI stores the target's internal number; patients get theirs in load order, whatever they are called."""
    names = ("S9", "S1", "S5")
    patients = [{"resourceType": "Patient", "id": name} for name in names]
    subjects = [{"subject": {"reference": f"Patient/{name}"}} for name in ("S1", "S5", "S9", "S1")]
    labs = [{"resourceType": "Observation", "id": str(n), **one} for n, one in enumerate(subjects, 4)]
    with EmbeddedBackend.from_resources([*patients, *labs, {"resourceType": "Observation", "id": "8"}]) as backend:
        session = backend.open()
        found = [e["resource"]["id"] for e in json.loads(session.get("Observation?_sort=patient").body)["entry"]]
        assert found == ["6", "4", "7", "5", "8"]
        session.put("Patient/S0", '{"resourceType": "Patient", "id": "S0"}')
        made = session.post("Observation", '{"resourceType": "Observation", "subject": {"reference": "Patient/S0"}}')
        own = json.loads(made.body)["id"]
        found = [e["resource"]["id"] for e in json.loads(session.get("Observation?_sort=-patient").body)["entry"]]
        assert found == [own, "5", "4", "7", "6", "8"]


def test_what_belongs_to_the_chart_before_is_not_looked_at_unless_it_was_written(recorded_backend, monkeypatch):
    added = {"resourceType": "Observation", "status": "final", "code": {"text": "BP"}, "valueString": "before"}
    session = recorded_backend.open(overlay=[{**added, "id": f"mine{number}"} for number in range(3)])
    with monkeypatch.context() as patched:
        patched.setattr(Record, "resource", property(lambda record: pytest.fail(f"{record.id} was read")))
        assert (session.written, session.changes()) == (0, [])
    session.put("Observation/mine1", json.dumps({**added, "id": "mine1", "valueString": "after"}))
    fork = session.fork()
    fork.delete("Observation/mine1")
    session.put("Observation/mine1", json.dumps({**added, "id": "mine1"}))
    assert (session.written, fork.written) == (2, 2)
    (undone,), (deleted,) = session.changes(), fork.changes()
    assert (undone.kind, [one["valueString"] for one in undone.versions]) == ("undone", ["after"])
    assert (deleted.kind, [one["valueString"] for one in deleted.versions]) == ("delete", ["after"])
    session.reset()
    assert (session.written, session.changes()) == (0, [])


def test_what_is_expunged_was_written_all_the_same(recorded):
    id_ = json.loads(recorded.post("Observation", vital("S9000111", "x")).body)["id"]
    recorded.delete(f"Observation/{id_}")
    names = ("expungeDeletedResources", "expungePreviousVersions")
    everything = {
        "resourceType": "Parameters",
        "parameter": [{"name": name, "valueBoolean": True} for name in names],
    }
    assert recorded.post(f"Observation/{id_}/$expunge", json.dumps(everything)).ok
    assert recorded.get(f"Observation/{id_}").status == 404
    (change,) = recorded.changes()
    assert (recorded.written, change.kind, [one["valueString"] for one in change.versions]) == (2, "undone", ["x"])
