"""Clients over HTTP: a public FHIR library, and a sample of what a running HAPI was recorded to answer."""

import re

import httpx
import pytest
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import ResourceNotFound

from tests.fhir import recordings

PATIENT = "S9000111"


def test_fhirpy_searches_pages_creates_and_reads(host, base):
    client = SyncFHIRClient(base)
    patient = client.resources("Patient").search(_id=PATIENT).get()
    assert patient.id == PATIENT
    found = client.resources("Observation").search(patient=PATIENT, code="K").sort("-date")
    dates = [one["effectiveDateTime"] for one in found.limit(5).fetch_all()]
    assert len(dates) == 14
    assert dates == sorted(dates, reverse=True)
    assert found.count() == 14
    order = client.resource(
        "ServiceRequest",
        status="active",
        intent="order",
        code={"text": "Basic metabolic panel"},
        subject=patient.to_reference(),
    )
    order.save()
    back = client.reference("ServiceRequest", order.id).to_resource()
    assert back["code"]["text"] == "Basic metabolic panel"
    assert back["subject"]["reference"] == f"Patient/{PATIENT}"
    assert client.resources("ServiceRequest").search(patient=PATIENT).fetch_all()[-1].id == order.id
    order["status"] = "revoked"
    order.save()
    assert client.resources("ServiceRequest").search(_id=order.id).get()["meta"]["versionId"] == "2"
    order.delete()
    with pytest.raises(ResourceNotFound):
        client.resources("ServiceRequest").search(_id=order.id).get()


@pytest.mark.parametrize("kind", ["reads", "search"])
def test_recorded_answers_over_http(host, kind):
    """Each tenth of them: the rest is asked in process, where all of it agrees."""
    base, verdicts = f"http://{host}/fhir", []
    with httpx.Client() as client:
        for row in list(recordings.rows(kind))[::10]:
            url = row["request"].removeprefix("GET ")
            got = client.get(f"{base}/{url}".replace("|", "%7C"))
            headers = {name: value.replace(base, "http://localhost:8080/fhir") for name, value in got.headers.items()}
            body = got.text.replace(base, "http://localhost:8080/fhir")
            want = recordings.answer(row["status"], row["headers"], row["body"])
            verdicts.append(recordings.agreement(url, want, recordings.answer(got.status_code, headers, body)))
    assert verdicts.count("different") <= 0.01 * len(verdicts)


def test_recorded_writes_over_http(host, base):
    verdicts = []
    with httpx.Client() as client:
        for row in list(recordings.rows("writes"))[::10]:
            headers = {"Content-Type": "application/fhir+json", **row["headers_sent"]}
            headers = {name: value for name, value in headers.items() if value}
            got = client.post(
                f"{base}/{row['request'].removeprefix('POST ')}", content=row["payload"].encode(), headers=headers
            )
            place = re.search(r"/([^/]+)/_history/1$", got.headers.get("location", ""))
            body, answered = got.text, dict(got.headers)
            if place:
                body = body.replace(f'"{place[1]}"', '"{id}"')
                answered = {name: value.replace(f"/{place[1]}/", "/{id}/") for name, value in answered.items()}
            official = "http://localhost:8080/fhir"
            answered = {name: value.replace(base, official) for name, value in answered.items()}
            ours = recordings.answer(got.status_code, answered, body.replace(base, official), created=True)
            want = recordings.answer(row["status"], row["headers"], row["body"], created=True)
            verdicts.append(recordings.agreement(row["request"], want, ours))
    assert verdicts.count("different") <= 0.01 * len(verdicts)
