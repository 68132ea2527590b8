"""Transactions and batches posted to the base; the expected answers were given by a running HAPI 7.6.0."""

import json

import pytest

from medenv.fhir import EmbeddedBackend

pytestmark = pytest.mark.quick

PATIENT = {"resourceType": "Patient", "id": "S1", "gender": "female"}


@pytest.fixture(scope="module")
def backend():
    with EmbeddedBackend.from_resources([PATIENT]) as backend:
        yield backend


@pytest.fixture
def session(backend):
    return backend.open()


def observation(**members):
    return {"resourceType": "Observation", "status": "final", "subject": {"reference": "Patient/S1"}, **members}


def entry(method, url, resource=None, full_url=None, **request):
    found = {"fullUrl": full_url, "resource": resource, "request": {"method": method, "url": url, **request}}
    return {k: v for k, v in found.items() if v is not None}


def post(session, *entries, kind="transaction", prefer=None):
    headers = {"Prefer": prefer} if prefer else None
    return session.post("", json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries}), headers)


def statuses(response):
    assert response.status == 200, response.body
    return [e["response"]["status"] for e in json.loads(response.body)["entry"]]


def count(session):
    return json.loads(session.get("Observation?_summary=count").body)["total"]


def test_a_transaction_answers_in_the_order_of_its_requests(session):
    response = post(
        session,
        entry("GET", "Observation?patient=S1"),
        entry("POST", "Observation", observation()),
        entry("PUT", "Observation/mine", observation()),
        entry("DELETE", "Observation/none"),
    )
    assert statuses(response) == ["200 OK", "201 Created", "201 Created", "204 No Content"]
    body = json.loads(response.body)
    assert body["type"] == "transaction-response"
    assert body["entry"][0]["resource"]["total"] == 2  # reading comes last, whatever the order
    assert response.headers["location"] == f"{session.base}/Bundle/{body['id']}"


def test_nothing_of_a_refused_transaction_stays(session):
    bad = observation(subject={"reference": "Patient/nope"})
    before = session.get("Patient/S1").body
    response = post(
        session, entry("PUT", "Patient/S1", PATIENT | {"gender": "male"}), entry("POST", "Observation", bad)
    )
    assert response.status == 400
    assert "HAPI-1094: Resource Patient/nope not found" in response.body
    assert session.get("Patient/S1").body == before
    assert count(session) == 0


def test_a_batch_keeps_what_succeeds(session):
    bad = observation(subject={"reference": "Patient/nope"})
    response = post(
        session,
        entry("POST", "Observation", observation()),
        entry("POST", "Observation", bad),
        entry("GET", "Patient/nope"),
        kind="batch",
    )
    assert statuses(response) == ["201 Created", "400 Bad Request", "404 Not Found"]
    assert json.loads(response.body)["entry"][1]["response"]["outcome"]["issue"][0]["code"] == "exception"
    assert count(session) == 1


def test_placeholders_become_ids(session):
    response = post(
        session,
        entry(
            "POST",
            "Observation",
            observation(subject={"reference": "urn:uuid:p"}, hasMember=[{"reference": "urn:uuid:o"}]),
        ),
        entry("POST", "Observation", observation(), "urn:uuid:o"),
        entry("POST", "Patient", {"resourceType": "Patient"}, "urn:uuid:p"),
    )
    places = [e["response"]["location"].split("/_history")[0] for e in json.loads(response.body)["entry"]]
    stored = json.loads(session.get(places[0]).body)
    assert stored["subject"]["reference"] == places[2]
    assert stored["hasMember"] == [{"reference": places[1]}]
    lost = post(session, entry("POST", "Observation", observation(subject={"reference": "urn:uuid:x"})))
    assert "HAPI-0541: Unable to satisfy placeholder ID urn:uuid:x found in element named 'subject'" in lost.body


def test_conditions_are_looked_up_before_anything_is_written(session):
    mine = observation(identifier=[{"value": "1"}])
    response = post(
        session,
        entry("POST", "Observation", mine),
        entry("POST", "Observation", mine, ifNoneExist="identifier=1"),
        entry("PUT", "Observation?identifier=2", observation(identifier=[{"value": "2"}])),
    )
    assert statuses(response) == ["201 Created"] * 3
    again = post(
        session,
        entry("PUT", "Observation?identifier=2", observation(identifier=[{"value": "2"}], note=[{"text": "n"}])),
    )
    assert statuses(again) == ["200 OK"]
    unfit = post(session, entry("POST", "Observation", observation(), ifNoneExist="identifier=3"))
    assert "HAPI-0539" in unfit.body
    several = post(session, entry("PUT", "Observation?identifier=1", mine))
    assert "HAPI-2207" in several.body
    assert count(session) == 3


def test_a_patient_and_its_records_can_go_together(session):
    id_ = json.loads(session.post("Observation", json.dumps(observation())).body)["id"]
    assert post(session, entry("DELETE", "Patient/S1")).status == 409
    assert session.get("Patient/S1").status == 200
    assert (
        statuses(post(session, entry("DELETE", "Patient/S1"), entry("DELETE", f"Observation/{id_}")))
        == ["204 No Content"] * 2
    )


@pytest.mark.parametrize(
    ("entries", "kind", "status", "text"),
    [
        (
            [{"resource": observation()}],
            "transaction",
            400,
            "HAPI-0529: Transaction bundle entry has missing or invalid",
        ),
        ([entry("POST", "Observation")], "transaction", 400, "HAPI-0543: Missing required resource in Bundle.entry[0]"),
        ([entry("DELETE", "")], "transaction", 400, "HAPI-0545: Unable to perform DELETE, no URL provided."),
        ([entry("GET", "Foo/1")], "transaction", 404, "HAPI-0302: Unknown resource type 'Foo'"),
        ([entry("GET", "")], "transaction", 400, "HAPI-0545: Unable to perform GET, no URL provided."),
        ([entry("HEAD", "Patient/S1")], "transaction", 400, "HAPI-0538: Unable to handle verb in transaction: HEAD"),
        ([entry("FOO", "Patient")], "transaction", 400, "HAPI-0450"),
        (
            [entry("PUT", "Patient/S2", PATIENT | {"id": "S2"})] * 2,
            "transaction",
            400,
            "HAPI-0535: Transaction bundle contains",
        ),
        ([], "history", 400, "HAPI-0527: Unable to process transaction where incoming Bundle.type = history"),
    ],
)
def test_bundles_that_are_refused(session, entries, kind, status, text):
    response = post(session, *entries, kind=kind)
    assert response.status == status
    assert json.loads(response.body)["issue"][0]["diagnostics"].startswith(text)


def test_what_was_sent_is_kept(session):
    sent = observation(note={"text": "n"}, foo=1)
    response = post(session, entry("POST", "Observation", sent), prefer="return=representation")
    answer = json.loads(response.body)["entry"][0]
    assert answer["resource"]["note"] == [{"text": "n"}]
    record = session.lookup("Observation", answer["resource"]["id"])
    assert json.loads(record.submitted) == sent


@pytest.mark.parametrize("nest", [lambda one: one, lambda one: [[one]], lambda one: [[], [one, []]]])
def test_what_was_sent_is_kept_however_the_entry_is_nested(session, nest):
    sent = observation(valueString="own", foo=1)
    body = {"resourceType": "Bundle", "type": "transaction", "entry": nest(entry("POST", "Observation", sent))}
    assert statuses(session.post("", json.dumps(body))) == ["201 Created"]
    assert [json.loads(change.submitted) for change in session.changes()] == [sent]


def test_a_bundle_may_be_xml(session):
    body = """<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/><entry>
      <resource><Observation><status value="final"/><valueString value="own"/></Observation></resource>
      <request><method value="POST"/><url value="Observation"/></request></entry></Bundle>"""
    answer = session.post("", body, {"content-type": "application/fhir+xml", "accept": "application/fhir+json"})
    assert statuses(answer) == ["201 Created"]
    (change,) = session.changes()
    assert (change.stored["valueString"], "own" in change.submitted) == ("own", True)


def test_a_stored_bundle_is_not_carried_out(session):
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": observation()}]}
    assert session.post("Bundle", json.dumps(bundle)).status == 201
    assert count(session) == 0
    assert "HAPI-0522" in session.post("Bundle", json.dumps(bundle | {"type": "transaction"})).body
