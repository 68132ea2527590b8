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
    created, updated = session.changes()
    assert (created.kind, created.type, created.id, created.submitted) == ("create", "Observation", kept, payload)
    assert created.stored == {**observation(), "id": kept}
    assert (updated.kind, updated.type, updated.id) == ("update", "Patient", PATIENT)
    assert updated.stored["birthDate"] == "1900-01-01"
    session.put(f"Patient/{PATIENT}", json.dumps(patient))
    assert [change.id for change in session.changes()] == [kept]


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
    assert backend.fingerprint.startswith("sha256:")
    session = backend.open()
    session.close()
    session.close()
