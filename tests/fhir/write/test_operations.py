"""Creating, updating, patching and deleting in a session; the expected answers were given by a running HAPI 7.6.0."""

import json

import pytest

from medenv.fhir import EmbeddedBackend

pytestmark = pytest.mark.quick

JSON_PATCH = {"Content-Type": "application/json-patch+json"}
PATIENT = {"resourceType": "Patient", "id": "S1", "identifier": [{"value": "S1"}], "gender": "female"}


@pytest.fixture(scope="module")
def backend():
    with EmbeddedBackend.from_resources([PATIENT, {**PATIENT, "id": "S2", "identifier": [{"value": "S2"}]}]) as backend:
        yield backend


@pytest.fixture
def session(backend):
    return backend.open()


def observation(**members):
    return json.dumps(
        {"resourceType": "Observation", "status": "final", "subject": {"reference": "Patient/S1"}, **members}
    )


def created(session, **members):
    response = session.post("Observation", observation(**members))
    assert response.status == 201, response.body
    return json.loads(response.body)["id"]


def said(response):
    return json.loads(response.body)["issue"][0]["diagnostics"]


def test_a_create_answers_with_what_is_stored_and_where(session):
    response = session.post("Observation", observation(id="mine", note={"text": "n"}))
    body = json.loads(response.body)
    place = f"{session.base}/Observation/{body['id']}/_history/1"
    assert response.headers["location"] == response.headers["content-location"] == place
    assert response.headers["etag"] == 'W/"1"'
    assert body["id"] != "mine"
    assert body["note"] == [{"text": "n"}]
    assert session.get(f"Observation/{body['id']}").body == response.body


def test_the_submitted_payload_is_kept_beside_the_resource(session):
    payload = '{"resourceType": "MedicationRequest", "dosageInstruction": [{"route": "IV"}], "foo": 1}'
    response = session.post("MedicationRequest", payload)
    record = session.lookup("MedicationRequest", json.loads(response.body)["id"])
    assert "dosageInstruction" not in record.resource
    assert record.submitted == payload


def test_equal_sessions_give_equal_bytes(backend):
    def play():
        session = backend.open()
        answers = [
            session.post("Observation", observation()),
            session.put("Patient/S3", json.dumps({**PATIENT, "id": "S3"})),
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": []}
        answers.append(session.post("", json.dumps(bundle)))
        return [(a.status, a.body, dict(a.headers)) for a in answers]

    assert play() == play()


@pytest.mark.parametrize(
    ("reference", "status", "text"),
    [
        ("Patient/nope", 400, "HAPI-1094: Resource Patient/nope not found, specified in path: Observation.subject"),
        (
            "nope",
            400,
            "HAPI-0505: Invalid resource reference found at path[Observation.subject] - Does not contain resource type",
        ),
        (
            "Encounter/1",
            422,
            "HAPI-0931: Invalid reference found at path 'Observation.subject'. Resource type 'Encounter' is not",
        ),
        ("http://x/Patient/1", 400, 'HAPI-0507: Resource contains external reference to URL "http://x/Patient/1" but'),
        ("Group/1", 422, "HAPI-1095: Resource contains reference to unknown resource ID Group/1"),
        (
            "Patient/",
            400,
            "HAPI-0508: Invalid resource reference found at path[Observation.subject] - Does not contain resource ID",
        ),
        ("Patient?identifier=nope", 404, 'HAPI-1091: Invalid match URL "Patient?identifier=nope" - No resources match'),
        (
            "Patient?gender=female",
            412,
            'HAPI-1092: Invalid match URL "Patient?gender=female" - Multiple resources match',
        ),
        (
            "Patient?foo=1",
            400,
            "HAPI-0488: Failed to parse match URL[Patient?foo=1] - Resource type Patient does not have",
        ),
    ],
)
def test_broken_references_are_refused(session, reference, status, text):
    response = session.post("Observation", observation(subject={"reference": reference}))
    assert response.status == status
    assert said(response).replace(".where(resolve() is Patient)", "").startswith(text)
    assert json.loads(session.get("Observation").body)["total"] == 0


@pytest.mark.parametrize(
    "reference", ["Patient?identifier=S1", "/Patient/S1", "Patient/S1/_history/1", "http://x/Patient?_id=S1"]
)
def test_references_are_resolved_and_spelt_plainly(session, reference):
    body = json.loads(session.post("Observation", observation(subject={"reference": reference})).body)
    assert body["subject"] == {"reference": "Patient/S1"}


def test_an_update_makes_a_version_unless_nothing_changes(session):
    id_ = created(session)
    first = session.put(f"Observation/{id_}", observation(id=id_, note=[{"text": "n"}]))
    same = session.put(f"Observation/{id_}", observation(id=id_, note=[{"text": "n"}]))
    assert [r.headers["etag"] for r in (first, same)] == ['W/"2"', 'W/"2"']
    assert "source" not in json.loads(same.body)["meta"]
    assert len(session.workspace.history("Observation", id_)) == 2


@pytest.mark.parametrize(
    ("url", "members", "headers", "status", "text"),
    [
        ("Observation/{id}", {}, {}, 400, "HAPI-0419"),
        ("Observation/{id}", {"id": "other"}, {}, 400, "HAPI-0420"),
        ("Observation", {}, {}, 400, "HAPI-0418"),
        ("Observation/9999999", {"id": "9999999"}, {}, 400, "HAPI-0960"),
        ("Observation/a_b", {"id": "a_b"}, {}, 400, "HAPI-0521"),
        ("Observation/{id}", {"id": "{id}"}, {"If-Match": 'W/"7"'}, 409, "HAPI-0550: HAPI-0989"),
        ("Patient/{id}", {"id": "{id}"}, {}, 400, "HAPI-0450"),
    ],
)
def test_updates_that_are_refused(session, url, members, headers, status, text):
    id_ = created(session)
    body = observation(**members).replace("{id}", id_)
    response = session.put(url.replace("{id}", id_), body, headers)
    assert response.status == status
    assert said(response).startswith(text)


def test_deleted_gone_and_brought_back(session):
    id_ = created(session)
    assert session.delete(f"Observation/{id_}").headers["content-location"].endswith(f"/{id_}/_history/2")
    assert session.get(f"Observation/{id_}").status == 410
    assert said(session.delete(f"Observation/{id_}")).endswith("was already deleted.")
    back = session.put(f"Observation/{id_}", observation(id=id_))
    assert back.status == 201
    assert back.headers["etag"] == 'W/"4"'  # the references that come back with it count as a version of their own
    assert session.get(f"Observation/{id_}").status == 200


def test_a_patient_with_records_is_not_deleted(session):
    id_ = created(session)
    refused = session.delete("Patient/S1")
    assert refused.status == 409
    assert f"First reference found was resource Observation/{id_} in path Observation.subject" in said(refused)
    session.delete(f"Observation/{id_}")
    assert session.delete("Patient/S1").status == 200
    assert said(session.post("Observation", observation())).startswith("HAPI-1096: Resource Patient/S1 is deleted")


def test_conditional_create(session):
    mine = {"identifier": [{"system": "urn:x", "value": "1"}]}
    when = {"If-None-Exist": "identifier=urn:x|1"}
    first = session.post("Observation", observation(**mine), when)
    second = session.post("Observation", observation(**mine), when)
    assert (first.status, second.status) == (201, 200)
    assert first.body == second.body
    created(session, **mine)
    assert session.post("Observation", observation(**mine), when).status == 412
    unfit = session.post("Observation", observation(), {"If-None-Exist": "identifier=urn:x|2"})
    assert said(unfit).startswith("HAPI-0929")
    assert json.loads(session.get("Observation").body)["total"] == 2


def test_conditional_update_and_delete(session):
    mine = {"identifier": [{"value": "9"}]}
    first = session.put("Observation?identifier=9", observation(**mine))
    second = session.put("Observation?identifier=9", observation(**mine, note=[{"text": "n"}]))
    assert (first.status, second.status) == (201, 200)
    assert second.headers["etag"] == 'W/"2"'
    assert said(session.delete("Observation?identifier=none")).endswith("Nothing has been deleted.")
    assert session.delete("Observation?identifier=9").status == 200
    assert session.get("Observation?identifier=9").body.count('"total": 0') == 1
    assert said(session.delete("Observation")).startswith("HAPI-0967")


def test_patches(session):
    id_ = created(session)

    def patch(*operations):
        return session.request("PATCH", f"Observation/{id_}", json.dumps(operations), JSON_PATCH)

    done = patch({"op": "replace", "path": "/status", "value": "amended"})
    assert json.loads(done.body)["status"] == "amended"
    assert "etag" not in done.headers
    assert said(patch({"op": "remove", "path": "/nope"})) == "HAPI-1272: no such path in target JSON document"
    assert said(patch({"op": "test", "path": "/status", "value": "x"})) == "HAPI-1272: value differs from expectations"
    assert said(patch({"op": "replace", "path": "/status", "value": "x"})).startswith(
        "HAPI-1271: Failed to apply JSON patch"
    )
    other = session.request("PATCH", f"Observation/{id_}", "{}", {"Content-Type": "application/merge-patch+json"})
    assert said(other).startswith("HAPI-1965")
    assert session.lookup("Observation", id_).version == 2


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [("minimal", None), ("representation", "Observation"), ("OperationOutcome", "OperationOutcome")],
)
def test_prefer(session, wanted, kind):
    response = session.post("Observation", observation(), {"Prefer": f"return={wanted}"})
    assert (json.loads(response.body)["resourceType"] if response.body else None) == kind


@pytest.mark.parametrize(
    ("content_type", "number"), [("text/plain", "0449"), ("application/x-www-form-urlencoded", "0446"), ("", "0448")]
)
def test_bodies_that_are_not_fhir(session, content_type, number):
    assert said(session.post("Observation", observation(), {"Content-Type": content_type})).startswith(f"HAPI-{number}")


def test_xml_in_xml_out(session):
    body = (
        '<Observation xmlns="http://hl7.org/fhir"><note><text value="a"/></note><status value="final"/></Observation>'
    )
    response = session.post("Observation", body, {"Content-Type": "application/fhir+xml"})
    assert response.headers["content-type"].startswith("application/fhir+xml")
    id_ = response.headers["location"].split("/")[-3]
    assert session.lookup("Observation", id_).resource["note"] == [{"text": "a"}]


def test_other_types_and_unknown_ones(session):
    response = session.post("Encounter", '{"resourceType": "Encounter", "subject": {"reference": "Patient/S1"}}')
    assert response.status == 201
    assert json.loads(session.get("Encounter?patient=S1").body)["total"] == 1
    assert said(session.post("Foo", "{}")).startswith("HAPI-0302: Unknown resource type 'Foo'")


def test_expunge(session):
    id_ = created(session)
    session.delete(f"Observation/{id_}")
    asked = {"resourceType": "Parameters", "parameter": [{"name": "expungeDeletedResources", "valueBoolean": True}]}
    done = session.post(f"Observation/{id_}/$expunge", json.dumps(asked))
    assert json.loads(done.body)["parameter"] == [{"name": "count", "valueInteger": 2}]
    assert session.get(f"Observation/{id_}").status == 404
