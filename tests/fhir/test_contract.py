"""What every backend must do, whatever server is behind it; a new one joins by a fixture in tests.fhir.backends."""

import json
import re

import pytest

from medenv.fhir import BackendError, Session
from tests.fhir import recordings
from tests.fhir.backends import BACKENDS

PATIENT = "S9000111"


@pytest.fixture(scope="module", params=sorted(BACKENDS))
def backend(request):
    with BACKENDS[request.param]() as backend:
        yield backend


def same(body, backend):
    """A body as it must be equal: to the byte in the process, else but for what a server gives anew with each answer."""
    return (
        body
        if BACKENDS["embedded"].made(backend)
        else re.sub(r'"versionId": "\d+"', "", recordings.mask(body, created=True))
    )


@pytest.fixture
def session(backend):
    with backend.open() as session:
        yield session


def observation(value="118/77 mmHg"):
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": "http://hl7.org/fhir/observation-category", "code": "vital-signs"}]}],
        "code": {"text": "BP"},
        "effectiveDateTime": "2023-11-13T10:15:00+00:00",
        "valueString": value,
        "subject": {"reference": f"Patient/{PATIENT}"},
    }


def create(session: Session, resource) -> str:
    response = session.post(resource["resourceType"], json.dumps(resource))
    assert response.status == 201, response.body
    assert response.ok
    return json.loads(response.body)["id"]


def found(session, query):
    return [e["resource"]["id"] for e in json.loads(session.get(query).body).get("entry", [])]


VITALS = f"Observation?patient={PATIENT}&category=vital-signs&_count=200"


def test_read_and_search(session):
    read = session.get(f"Patient/{PATIENT}")
    assert read.status == 200
    assert re.fullmatch(r'W/"\d+"', read.headers["etag"])
    assert json.loads(read.body)["id"] == PATIENT
    assert found(session, f"Patient?identifier={PATIENT}") == [PATIENT]


def test_relative_and_absolute_urls_are_one(session):
    relative = session.get(f"Patient/{PATIENT}").body
    assert session.get(f"{session.base}/Patient/{PATIENT}").body == relative
    assert session.get(f"/Patient/{PATIENT}").body == relative


@pytest.mark.parametrize("url", ["http://example.org/fhir/Patient", "https://localhost:8080/fhir/Patient", "ftp://x/y"])
def test_other_hosts_are_out_of_reach(session, url):
    with pytest.raises(ValueError, match="not below"):
        session.get(url)


def test_a_base_is_not_a_prefix(session):
    with pytest.raises(ValueError, match="not below"):
        session.get(session.base + "x/Patient")


def test_next_leads_through_everything_once(session):
    url, ids = f"Observation?patient={PATIENT}&code=K&_count=5", []
    while url:
        bundle = json.loads(session.get(url).body)
        ids += [e["resource"]["id"] for e in bundle["entry"]]
        url = {link["relation"]: link["url"] for link in bundle["link"]}.get("next")
    assert ids == found(session, f"Observation?patient={PATIENT}&code=K&_count=1000")
    assert len(ids) == len(set(ids)) == 14


def test_errors_are_outcomes(session):
    for url, status in [
        ("Patient/nobody", 404),
        ("Observation?legal-sex=F", 400),
        ("Nothing", 404),
        ("Patient?birthdate=x", 400),
    ]:
        response = session.get(url)
        assert response.status == status
        assert not response.ok
        assert json.loads(response.body)["resourceType"] == "OperationOutcome"


def test_what_is_written_is_read_at_once(session):
    before = found(session, VITALS)
    id_ = create(session, observation())
    assert found(session, VITALS) == [*before, id_]
    assert json.loads(session.get(f"Observation/{id_}").body)["valueString"] == "118/77 mmHg"


def test_update_and_delete(session):
    id_ = create(session, observation())
    changed = {**observation("120/80"), "id": id_}
    assert session.put(f"Observation/{id_}", json.dumps(changed)).status == 200
    assert json.loads(session.get(f"Observation/{id_}").body)["valueString"] == "120/80"
    assert session.delete(f"Observation/{id_}").status == 200
    assert session.get(f"Observation/{id_}").status == 410
    assert id_ not in found(session, VITALS)


def test_reset_restores_every_byte(session, backend):
    urls = [VITALS, f"Patient/{PATIENT}", f"Observation?patient={PATIENT}&_sort=-date", "Patient?_summary=count"]
    before = [same(session.get(url).body, backend) for url in urls]
    id_ = create(session, observation())
    patient = json.loads(session.get(f"Patient/{PATIENT}").body)
    session.put(f"Patient/{PATIENT}", json.dumps({**patient, "birthDate": "1900-01-01"}))
    assert same(session.get(f"Patient/{PATIENT}").body, backend) != before[1]
    session.reset()
    assert [same(session.get(url).body, backend) for url in urls] == before
    assert session.get(f"Observation/{id_}").status == 404


def test_sessions_do_not_see_each_other(backend):
    if backend.capacity == 1:
        with backend.open() as one:
            with pytest.raises(BackendError, match="in use"):
                backend.open()
            assert one.get(VITALS).ok
        backend.open().close()
        return
    with backend.open() as one, backend.open() as two:
        before = found(two, VITALS)
        mine = create(one, observation("one"))
        assert found(two, VITALS) == before
        theirs = create(two, observation("two"))
        assert json.loads(one.get(f"Observation/{mine}").body)["valueString"] == "one"
        assert json.loads(two.get(f"Observation/{theirs}").body)["valueString"] == "two"
        assert len(found(one, VITALS)) == len(found(two, VITALS)) == len(before) + 1
        one.reset()
        assert json.loads(two.get(f"Observation/{theirs}").body)["valueString"] == "two"


def test_forks_go_their_own_ways(session, backend):
    common = create(session, observation("common"))
    fork = session.fork()
    assert same(fork.get(VITALS).body, backend) == same(session.get(VITALS).body, backend)
    here = create(session, observation("here"))
    there = create(fork, observation("there"))
    assert json.loads(session.get(f"Observation/{here}").body)["valueString"] == "here"
    assert json.loads(fork.get(f"Observation/{there}").body)["valueString"] == "there"
    assert common in found(session, VITALS)
    assert common in found(fork, VITALS)
    session.delete(f"Observation/{common}")
    assert fork.get(f"Observation/{common}").status == 200
    fork.reset()
    # Forks that share a server by turns can't free the number while another of them holds it.
    assert fork.get(f"Observation/{common}").status in ((404,) if BACKENDS["embedded"].made(backend) else (404, 410))
    fork.close()


def test_pristine_is_the_chart_before(session, backend):
    before = same(session.get(VITALS).body, backend)
    created = create(session, observation())
    with session.pristine() as pristine:
        assert same(pristine.get(VITALS).body, backend) == before
    assert same(session.get(VITALS).body, backend) != before
    assert found(session, VITALS)[-1] == created


def test_changes_name_what_differs_now(session):
    assert session.changes() == []
    payload = json.dumps(observation())
    kept = json.loads(session.post("Observation", payload).body)["id"]
    gone = create(session, observation("gone"))
    session.delete(f"Observation/{gone}")
    patient = json.loads(session.get(f"Patient/{PATIENT}").body)
    session.put(f"Patient/{PATIENT}", json.dumps({**patient, "birthDate": "1900-01-01"}))
    created, undone, updated = session.changes()
    assert (created.kind, created.type, created.id, created.submitted) == ("create", "Observation", kept, payload)
    assert created.stored == {**observation(), "id": kept}
    assert (undone.kind, undone.id, undone.stored) == ("undone", gone, None)
    assert list(undone.versions) == [{**observation("gone"), "id": gone}]
    assert (updated.kind, updated.type, updated.id) == ("update", "Patient", PATIENT)
    assert updated.stored["birthDate"] == "1900-01-01"
    session.put(f"Patient/{PATIENT}", json.dumps(patient))
    assert [(change.kind, change.id) for change in session.changes()] == [
        ("create", kept),
        ("undone", gone),
        ("undone", PATIENT),
    ]
    assert [one["birthDate"] for one in session.changes()[2].versions] == ["1900-01-01"]


def bundle(kind, *entries):
    return json.dumps({"resourceType": "Bundle", "type": kind, "entry": list(entries)})


def entry(method, url, resource=None, **more):
    return {**({} if resource is None else {"resource": resource}), "request": {"method": method, "url": url, **more}}


def tags(session, url):
    return [one["code"] for one in json.loads(session.get(url).body)["meta"].get("tag", [])]


def test_versions_are_counted_whatever_a_request_and_its_answer_look_like(session):
    where = f"Patient/{PATIENT}"
    patient = json.loads(session.get(where).body)
    other = json.dumps({**patient, "birthDate": "1900-01-01"})
    new, known = {**patient, "id": "x"}, f"Patient?identifier={PATIENT}"
    search = f"Observation?patient={PATIENT}"
    refused = entry("POST", "Observation", {**observation(), "subject": {"reference": "Patient/nobody"}})
    for method, url, body, headers, count in [
        ("GET", VITALS, None, {}, 0),
        ("POST", "?_format=json", bundle("transaction", entry("POST", "Observation", observation())), {}, 1),
        ("POST", "", bundle("transaction", *[entry("POST", "Observation", observation(v)) for v in "ab"]), {}, 2),
        ("POST", "", bundle("batch", entry("GET", where), entry("GET", search)), {}, 0),
        ("POST", "", bundle("batch", refused, entry("POST", "Observation", observation())), {}, 1),
        ("POST", "", bundle("transaction", entry("POST", "Observation", observation()), refused), {}, 0),
        ("POST", "", bundle("transaction", entry("POST", "Patient", new, ifNoneExist=known)), {}, 0),
        ("POST", "Patient", json.dumps(new), {"if-none-exist": known}, 0),
        ("POST", "Observation", json.dumps({**observation(), "status": "no status"}), {}, 0),
        ("POST", "Observation", "{}", {}, 0),
        ("POST", "Observation/_search", "", {"content-type": "application/x-www-form-urlencoded"}, 0),
        ("PUT", where, json.dumps(patient), {}, 0),
        ("PUT", where, other, {"prefer": "return=minimal"}, 1),
        ("PUT", known, json.dumps(patient), {}, 1),
        ("PUT", "Basic/mine", json.dumps({"resourceType": "Basic", "id": "mine", "code": {"text": "x"}}), {}, 1),
        ("DELETE", "Basic/mine", None, {}, 1),
        ("DELETE", "Basic/mine", None, {}, 0),
        ("DELETE", "Basic/none", None, {}, 0),
    ]:
        before = session.written
        answer = session.request(method, url, body, headers)
        assert session.written - before == count, (method, url, body, answer.status, answer.body)
    untouched = session.written, tags(session, where)
    added = {"name": "meta", "valueMeta": {"tag": [{"system": "http://x", "code": "t"}]}}
    session.post(f"{where}/$meta-add", json.dumps({"resourceType": "Parameters", "parameter": [added]}))
    now = session.written, tags(session, where)
    assert now in (untouched, (untouched[0] + 1, [*untouched[1], "t"])), "counted just where the server does it"
    with session.fork() as fork, session.pristine() as pristine:
        assert (fork.written, pristine.written) == (session.written, 0)
        fork.delete(f"Observation/{create(fork, observation())}")
        assert fork.written == session.written + 2
        assert json.loads(pristine.get(where).body)["birthDate"] == patient["birthDate"]
    session.reset()
    assert session.written == 0
    assert json.loads(session.get(where).body)["birthDate"] == patient["birthDate"]


def test_what_was_written_and_taken_back_is_told_with_its_versions(session):
    where = f"Patient/{PATIENT}"
    patient = json.loads(session.get(where).body)
    own = create(session, observation("1"))
    session.put(where, json.dumps({**patient, "gender": "other"}))
    session.put(where, json.dumps(patient))
    gone = create(session, observation("wrong"))
    session.put(f"Observation/{own}", json.dumps({**observation("2"), "id": own}))
    session.delete(f"Observation/{gone}")
    last = json.dumps({**observation("3"), "id": own})
    session.put(f"Observation/{own}", last)
    mine, same, nothing = session.changes()
    assert (mine.kind, mine.id, mine.submitted, mine.stored["valueString"]) == ("create", own, last, "3")
    assert [one["valueString"] for one in mine.versions] == ["1", "2"]
    assert (same.kind, same.id, same.stored["gender"]) == ("undone", PATIENT, patient["gender"])
    assert [one["gender"] for one in same.versions] == ["other"]
    assert (nothing.kind, nothing.id, nothing.stored, nothing.submitted) == ("undone", gone, None, None)
    assert [one["valueString"] for one in nothing.versions] == ["wrong"]


@pytest.mark.parametrize("nest", [lambda *entries: [[], *entries, []], lambda *entries: [[entries[0], [entries[1]]]]])
def test_what_was_sent_stays_with_what_was_written_however_entries_are_nested(session, nest):
    own, read = observation("own"), entry("GET", f"Observation?patient={PATIENT}", observation("other"))
    body = {"resourceType": "Bundle", "type": "transaction", "entry": nest(read, entry("POST", "Observation", own))}
    assert session.post("", json.dumps(body)).status == 200
    (change,) = session.changes()
    assert (change.kind, json.loads(change.submitted)) == ("create", own)


@pytest.mark.parametrize("kind", ["transaction", "batch"])
@pytest.mark.parametrize("empty", [{}, None, "text", {"foo": 1}, {"request": {}}, [[None]]])
def test_a_bundle_with_an_empty_entry_is_refused(session, kind, empty):
    body = {"resourceType": "Bundle", "type": kind, "entry": [entry("POST", "Observation", observation()), empty]}
    assert session.post("", json.dumps(body)).status == {"transaction": 400, "batch": 500}[kind]
    assert session.changes() == []


def test_what_a_bundle_of_one_entry_without_a_list_wrote_is_told(session):
    where = f"Patient/{PATIENT}"
    new = {**json.loads(session.get(where).body), "birthDate": "1900-01-01"}
    body = {"resourceType": "Bundle", "type": "transaction", "entry": entry("PUT", where, new)}
    assert session.post("", json.dumps(body)).status == 200
    (change,) = session.changes()
    assert (change.kind, change.id, json.loads(change.submitted)) == ("update", PATIENT, new)
    session.reset()
    assert json.loads(session.get(where).body)["birthDate"] != "1900-01-01"


def test_a_deletion_between_is_told(session):
    lab = found(session, f"Observation?patient={PATIENT}&code=K&_count=1")[0]
    before = json.loads(session.get(f"Observation/{lab}").body)
    session.delete(f"Observation/{lab}")
    session.put(f"Observation/{lab}", json.dumps(before))
    (change,) = session.changes()
    assert (change.kind, change.id, list(change.versions)) == ("undone", lab, [None])
    assert change.stored == {key: value for key, value in before.items() if key != "meta"}


def test_what_a_client_sets_of_meta_is_seen(session):
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    session.post("Observation", json.dumps({**observation(), "meta": {"security": [label], "source": "http://x"}}))
    where = f"Patient/{PATIENT}"
    patient = json.loads(session.get(where).body)
    session.put(where, json.dumps({**patient, "meta": {"tag": [{"system": "http://x", "code": "t"}]}}))
    created, updated = session.changes()
    assert created.stored["meta"] == {"source": "http://x", "security": [label]}
    assert (updated.kind, updated.id) == ("update", PATIENT)
    assert [one["code"] for one in updated.stored["meta"]["tag"]] == ["t"]


def test_numbers_beyond_any_reader_are_told_as_text(session):
    order = {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"text": "x"},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "dosageInstruction": [{"doseAndRate": [{"doseQuantity": {"value": "value"}}]}],
    }
    stored = 0
    for text in ("9" * 5000, f'"{"9" * 5000}"', "1e400", "2.50", "12"):
        stored += session.post("MedicationRequest", json.dumps(order).replace('"value"}', f"{text}}}")).status == 201
    changes = session.changes()
    assert session.written == len(changes) == stored >= 2
    json.dumps([change.stored for change in changes], allow_nan=False)
    found = [one.stored["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] for one in changes]
    assert found[-2:] == [2.5, 12]
    assert all(isinstance(one, str) for one in found[:-2])


def test_what_bundles_do_is_known_and_undone(session):
    lab = found(session, f"Observation?patient={PATIENT}&code=K&_count=1")[0]
    entries = [
        {"resource": observation("one"), "request": {"method": "POST", "url": "Observation"}},
        {"request": {"method": "DELETE", "url": f"Observation/{lab}"}},
        {"request": {"method": "DELETE", "url": f"Condition?_id={found(session, f'Condition?patient={PATIENT}')[0]}"}},
        {"resource": {"resourceType": "Basic", "id": "mine"}, "request": {"method": "PUT", "url": "Basic/mine"}},
    ]
    answer = session.post("", json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}))
    assert answer.ok, answer.body
    kinds = sorted((change.kind, change.type) for change in session.changes())
    assert kinds == [("create", "Basic"), ("create", "Observation"), ("delete", "Condition"), ("delete", "Observation")]
    session.reset()
    assert session.changes() == []
    assert session.get(f"Observation/{lab}").ok
    assert not session.get("Basic/mine").ok
    assert len(found(session, f"Condition?patient={PATIENT}")) > 0


def test_same_requests_same_bytes(backend):
    def run():
        with backend.open() as session:
            create(session, observation())
            return [
                same(session.get(url).body, backend)
                for url in (VITALS, "Patient?name=Kim", f"Observation?patient={PATIENT}")
            ]

    assert run() == run()


def test_fingerprint_and_closing(backend):
    assert "sha256:" in backend.fingerprint
    session = backend.open()
    session.close()
    session.close()
