"""What every backend must do, whatever server is behind it; a new one joins by a factory in BACKENDS."""

import json

import pytest

from medenv.fhir import EmbeddedBackend, Session
from tests.fhir import recordings

BACKENDS = {"embedded": lambda: EmbeddedBackend.from_resources(recordings.stored_lines())}
PATIENT = "S9000111"


@pytest.fixture(scope="module", params=sorted(BACKENDS))
def backend(request):
    with BACKENDS[request.param]() as backend:
        yield backend


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
    assert read.headers["etag"] == 'W/"1"'
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


def test_reset_restores_every_byte(session):
    urls = [VITALS, f"Patient/{PATIENT}", f"Observation?patient={PATIENT}&_sort=-date", "Patient?_summary=count"]
    before = [session.get(url).body for url in urls]
    id_ = create(session, observation())
    patient = json.loads(session.get(f"Patient/{PATIENT}").body)
    session.put(f"Patient/{PATIENT}", json.dumps({**patient, "birthDate": "1900-01-01"}))
    assert session.get(f"Patient/{PATIENT}").body != before[1]
    session.reset()
    assert [session.get(url).body for url in urls] == before
    assert session.get(f"Observation/{id_}").status == 404


def test_sessions_do_not_see_each_other(backend):
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


def test_forks_go_their_own_ways(session):
    common = create(session, observation("common"))
    fork = session.fork()
    assert fork.get(VITALS).body == session.get(VITALS).body
    here = create(session, observation("here"))
    there = create(fork, observation("there"))
    assert json.loads(session.get(f"Observation/{here}").body)["valueString"] == "here"
    assert json.loads(fork.get(f"Observation/{there}").body)["valueString"] == "there"
    assert common in found(session, VITALS)
    assert common in found(fork, VITALS)
    session.delete(f"Observation/{common}")
    assert fork.get(f"Observation/{common}").status == 200
    fork.reset()
    assert fork.get(f"Observation/{common}").status == 404
    fork.close()


def test_pristine_is_the_chart_before(session):
    before = session.get(VITALS).body
    create(session, observation())
    with session.pristine() as pristine:
        assert pristine.get(VITALS).body == before
    assert session.get(VITALS).body != before


def test_same_requests_same_bytes(backend):
    def run():
        with backend.open() as session:
            create(session, observation())
            return [session.get(url).body for url in (VITALS, "Patient?name=Kim", f"Observation?patient={PATIENT}")]

    assert run() == run()


def test_fingerprint_and_closing(backend):
    assert backend.fingerprint.startswith("sha256:")
    session = backend.open()
    session.close()
    session.close()
