"""What an episode writes on a server is taken back, whatever way it was written; and where it can't be, that is said."""

import json

import pytest

from medenv.fhir import BackendError, Response
from medenv.fhir.remote import Client, ClientOptions, RemoteBackend, UnrestoredError
from tests.fhir import recordings
from tests.fhir.backends import served
from tests.fhir.remote.scripted_server import EMPTY, misbehaving

PATIENT = "S9000111"
QUICK = ClientOptions(timeout=0.5, connect_timeout=0.5, retries=0)


@pytest.fixture(scope="module")
def url():
    with served() as url:
        yield url


@pytest.fixture
def backend(url):
    with RemoteBackend(url) as backend:
        yield backend


def held(url):
    """All that the server holds, without what each version gives anew."""
    client, found = Client(url), {}
    for type_ in (
        "Patient",
        "Observation",
        "Condition",
        "Procedure",
        "MedicationRequest",
        "ServiceRequest",
        "Basic",
        "Group",
    ):
        for entry in json.loads(client.fresh(f"{type_}?_count=20000").body).get("entry", []):
            one = entry["resource"]
            kept = {k: v for k, v in one.pop("meta").items() if k not in ("versionId", "lastUpdated", "source")}
            found[type_, one["id"]] = one | {"meta": kept}
    client.close()
    return found


@pytest.fixture(scope="module")
def first(url):
    return held(url)


def observation(**more):
    subject = {"reference": f"Patient/{PATIENT}"}
    return {"resourceType": "Observation", "status": "final", "code": {"text": "BP"}, "subject": subject, **more}


def post(session, resource):
    return json.loads(session.post(resource["resourceType"], json.dumps(resource)).body)["id"]


def transaction(session, *entries):
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}
    answer = session.post("", json.dumps(bundle))
    assert answer.ok, answer.body


def test_rings_of_references(url, first, backend):
    with backend.open() as session:
        one = post(session, observation())
        two = post(session, observation(hasMember=[{"reference": f"Observation/{one}"}]))
        session.put(
            f"Observation/{one}", json.dumps(observation(id=one, derivedFrom=[{"reference": f"Observation/{two}"}]))
        )
    assert held(url) == first
    with backend.open() as session:
        assert session.get(f"Observation/{one}").status == 404


def test_a_patient_deleted_with_the_whole_chart(url, first, backend):
    mine = [key for key, one in first.items() if one.get("subject", {}).get("reference") == f"Patient/{PATIENT}"]
    with backend.open() as session:
        entries = [{"request": {"method": "DELETE", "url": "/".join(key)}} for key in mine]
        transaction(session, *entries, {"request": {"method": "DELETE", "url": f"Patient/{PATIENT}"}})
        assert session.get(f"Patient/{PATIENT}").status == 410
        assert len(session.changes()) == len(mine) + 1
    assert held(url) == first


def test_conditional_writes(url, first, backend):
    with backend.open() as session:
        session.delete(f"Condition?_id={next(i for t, i in first if t == 'Condition')}")
        mine = {"resourceType": "Basic", "identifier": [{"value": "mine"}], "code": {"text": "x"}}
        assert session.put("Basic?identifier=mine", json.dumps(mine)).status == 201
        patch = json.dumps([{"op": "replace", "path": "/gender", "value": "other"}])
        session.request("PATCH", f"Patient/{PATIENT}", patch, {"content-type": "application/json-patch+json"})
        assert {(c.kind, c.type) for c in session.changes()} == {
            ("delete", "Condition"),
            ("create", "Basic"),
            ("update", "Patient"),
        }
    assert held(url) == first


def test_digits_stay_as_they_were(url, backend):
    key = next(one for one in recordings.stored_lines() if '"value":' in one and ".0," in one)
    one = json.loads(key)
    where = f"{one['resourceType']}/{one['id']}"
    client = Client(url)
    before = client.fresh(where).body
    with backend.open() as session:
        session.delete(where)
    assert (
        recordings.mask(client.fresh(where).body, created=True).split('"status"')[1]
        == (recordings.mask(before, created=True).split('"status"')[1])
    )
    client.close()


def test_what_cannot_be_undone_is_not_sent(url, first, backend):
    with backend.open() as session:
        for where in (f"Patient/{PATIENT}/$expunge", "$expunge", "Patient/$expunge"):
            answer = session.post(where, json.dumps({"resourceType": "Parameters"}))
            assert answer.status == 403
            assert "can't be undone" in answer.body
    assert held(url) == first


@pytest.mark.parametrize(
    ("value", "sent"),
    [("1" * 1200, False), (f'"{"1" * 1200}"', False), ("1e1200", False), ('"1e1200"', True), ("1e9", True)],
)
def test_numbers_that_a_server_could_not_read_again_are_not_sent(url, first, backend, value, sent):
    body = json.dumps(observation(valueQuantity={"value": "value"})).replace('"value"}', f"{value}}}")
    inside = json.dumps(
        {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "POST", "url": "Observation"}}]}
    ).replace('{"request"', f'{{"resource": {body}, "request"')
    with backend.open() as session:
        for where, text in (("Observation", body), ("", inside)):
            assert ("never be read again" in session.post(where, text).body) is not sent
    assert held(url) == first


def test_what_a_conditional_create_finds_stays(url, first, backend):
    with backend.open() as session:
        request = {"method": "POST", "url": "Patient", "ifNoneExist": f"identifier={PATIENT}"}
        transaction(session, {"resource": {"resourceType": "Patient", "gender": "other"}, "request": request})
        assert (session.written, session.changes()) == (0, [])
    assert held(url) == first


def test_a_server_without_history_is_taken_at_its_word(url, first, backend, monkeypatch):
    whole = Client.send

    def send(client, method, target, *more):
        return Response(404, "") if target.startswith("_history") else whole(client, method, target, *more)

    monkeypatch.setattr(Client, "send", send)
    with backend.open() as session:
        patient = json.loads(session.get(f"Patient/{PATIENT}").body)
        kept = post(session, observation())
        session.put(f"Patient/{PATIENT}", json.dumps(patient | {"gender": "other"}))
        session.put(f"Patient/{PATIENT}", json.dumps(patient))
        session.put(f"Patient/{PATIENT}", json.dumps(patient))
        assert session.written == 3
        request = {"method": "POST", "url": "Patient", "ifNoneExist": f"identifier={PATIENT}"}
        created = {"resource": observation(), "request": {"method": "POST", "url": "Observation"}}
        transaction(session, {"resource": {"resourceType": "Patient"}, "request": request}, created)
        gone = post(session, observation())
        session.delete(f"Observation/{gone}")
        session.delete(f"Observation/{gone}")
        session.delete(f"Condition?_id={next(i for t, i in first if t == 'Condition')}")
        assert session.written == 7
        found = {(c.type, c.id): (c.kind, len(c.versions)) for c in session.changes()}
        assert found["Observation", kept] == ("create", 0)
        assert found["Patient", PATIENT] == ("undone", 1)
        assert found["Observation", gone] == ("undone", 1)
        assert sorted(kind for kind, _ in found.values()) == ["create", "create", "delete", "undone", "undone"]
    assert held(url) == first


def test_another_client_is_no_part_of_the_episode(url, backend):
    session, other = backend.open(), Client(url)
    foreign = json.loads(other.send("POST", "Observation", json.dumps(observation())).body)["id"]
    mine = post(session, observation())
    assert (session.written, [change.id for change in session.changes()]) == (1, [mine])
    with pytest.raises(UnrestoredError, match=f"Observation/{foreign}"):
        session.reset()
    everything = {"name": "expungeDeletedResources", "valueBoolean": True}
    other.send("DELETE", f"Observation/{foreign}")
    parameters = json.dumps({"resourceType": "Parameters", "parameter": [everything]})
    other.send("POST", f"Observation/{foreign}/$expunge", parameters)
    other.close()
    session.close()
    backend.open().close()


def test_another_client_is_noticed(url, backend):
    session = backend.open()
    post(session, observation())
    other = Client(url)
    foreign = json.loads(other.send("POST", "Observation", json.dumps(observation())).body)["id"]
    with pytest.raises(UnrestoredError, match=f"Observation/{foreign}"):
        session.reset()
    session.close()
    with pytest.raises(UnrestoredError, match=f"Observation/{foreign}"):
        backend.open()
    other.send("DELETE", f"Observation/{foreign}")
    everything = [{"name": "expungeDeletedResources", "valueBoolean": True}]
    other.send(
        "POST", f"Observation/{foreign}/$expunge", json.dumps({"resourceType": "Parameters", "parameter": everything})
    )
    other.close()
    backend.open().close()


def test_a_view_of_the_chart_before_only_reads(backend):
    with backend.open() as session, session.pristine() as before:
        assert before.get(f"Patient/{PATIENT}").ok
        with pytest.raises(ValueError, match="only reads"):
            before.delete(f"Patient/{PATIENT}")


def test_a_closed_session_says_so(backend):
    session = backend.open()
    session.close()
    with pytest.raises(BackendError, match="closed"):
        session.get("Patient")


def test_a_server_that_does_not_restore_is_found_out():
    body = {"resourceType": "Patient", "id": "S1", "gender": "male"}
    with misbehaving() as server, RemoteBackend(server.url, options=QUICK) as backend:
        server.answer = lambda method, target: (200, EMPTY if "?" in target else json.dumps(body))
        session = backend.open()
        session.put("Patient/S1", json.dumps(body | {"gender": "other"}))
        body["gender"] = "other"  # whatever is put from now on, the server stays with this
        with pytest.raises(UnrestoredError, match="Patient/S1"):
            session.reset()
