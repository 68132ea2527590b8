"""The forms an answer can take: XML, compact, summaries, elements; and operations that read."""

import json
from xml.etree import ElementTree

import pytest

from medenv.fhir.xmltext import write_xml

pytestmark = pytest.mark.quick

PATIENT = "S9000000"


def get(session, url):
    response = session.get(url)
    assert response.status == 200, response.body
    return json.loads(response.body)


def test_compact_and_pretty_say_the_same(recorded):
    url = f"Observation?patient={PATIENT}&code=GLU"
    compact = recorded.get(url + "&_pretty=false").body
    assert "\n" not in compact
    assert json.loads(compact)["entry"] == get(recorded, url)["entry"]


def test_xml_by_format_and_by_accept(recorded):
    by_accept = recorded.get(f"Patient/{PATIENT}", {"Accept": "application/fhir+xml"})
    for response in (recorded.get(f"Patient/{PATIENT}?_format=xml"), by_accept):
        assert response.headers["content-type"] == "application/fhir+xml;charset=UTF-8"
        root = ElementTree.fromstring(response.body)
        assert root.tag == "{http://hl7.org/fhir}Patient"
        assert root.find("{*}id").get("value") == PATIENT
    refused = recorded.get("Patient/nobody?_format=xml")
    assert refused.status == 404
    assert refused.body.startswith("<OperationOutcome")


def test_xml_of_odd_content():
    resource = {
        "resourceType": "Patient",
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">a &amp; b</div>'},
        "extension": [{"url": "urn:a&b", "valueString": 'say "<hi>"'}],
        "active": True,
        "birthDate": "2000",
        "_birthDate": {"id": "b1", "extension": [{"url": "u", "valueBoolean": False}]},
        "contained": [{"resourceType": "Basic", "id": "c"}],
    }
    root = ElementTree.fromstring(write_xml(resource))
    assert root.find("{*}extension").get("url") == "urn:a&b"
    assert root.find("{*}extension/{*}valueString").get("value") == 'say "<hi>"'
    assert root.find("{*}birthDate").get("value") == "2000"
    assert root.find("{*}birthDate/{*}extension/{*}valueBoolean").get("value") == "false"
    assert root.find("{*}contained/{*}Basic/{*}id").get("value") == "c"
    assert ElementTree.tostring(ElementTree.fromstring(write_xml(resource, pretty=False)))


@pytest.mark.parametrize(
    ("control", "kept"),
    [
        ("_elements=gender", {"gender"}),
        ("_elements=name.family,foo", {"name"}),
        ("_elements=Patient.birthDate,Observation.code", {"birthDate"}),
        ("_summary=true", {"identifier", "name", "telecom", "gender", "birthDate", "address"}),
    ],
)
def test_parts_are_tagged(recorded, control, kept):
    whole = get(recorded, f"Patient/{PATIENT}")
    part = get(recorded, f"Patient/{PATIENT}?{control}")
    assert part["meta"]["tag"][-1]["code"] == "SUBSETTED"
    assert set(part) - {"resourceType", "id", "meta"} == kept
    assert all(name == "name" or part[name] == whole[name] for name in kept)
    assert [e["resource"] for e in get(recorded, f"Patient?_id={PATIENT}&{control}")["entry"]] == [part]


def test_included_resources_stay_whole(recorded):
    bundle = get(recorded, f"Observation?patient={PATIENT}&code=GLU&_include=Observation:subject&_elements=code")
    modes = [e["search"]["mode"] for e in bundle["entry"]]
    assert modes == ["match"] * (len(modes) - 1) + ["include"]
    assert bundle["entry"][-1]["resource"] == get(recorded, f"Patient/{PATIENT}")
    assert "valueQuantity" not in bundle["entry"][0]["resource"]


def test_revinclude_and_has(recorded):
    bundle = get(recorded, f"Patient?_id={PATIENT}&_revinclude=MedicationRequest:subject")
    kinds = [e["resource"]["resourceType"] for e in bundle["entry"]]
    assert kinds == ["Patient"] + ["MedicationRequest"] * 5
    with_code = get(recorded, "Patient?_has:Condition:patient:code=I10&_count=100")
    holders = {e["resource"]["subject"]["reference"] for e in get(recorded, "Condition?code=I10&_count=100")["entry"]}
    assert {f"Patient/{e['resource']['id']}" for e in with_code["entry"]} == holders


def test_everything_of_a_patient(recorded):
    total, url, ids = 0, f"Patient/{PATIENT}/$everything?_count=50", []
    while url:
        bundle = get(recorded, url)
        ids += [f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in bundle["entry"]]
        url = {link["relation"]: link["url"] for link in bundle["link"]}.get("next")
    for kind in ("Observation", "Condition", "MedicationRequest", "Procedure"):
        total += get(recorded, f"{kind}?patient={PATIENT}&_summary=count")["total"]
    assert ids[0] == f"Patient/{PATIENT}"
    assert len(ids) == len(set(ids)) == total + 1
    assert recorded.get("Patient/nobody/$everything").status == 404


def test_meta_operation(recorded):
    assert get(recorded, f"Patient/{PATIENT}/$meta")["parameter"][0]["valueMeta"]["versionId"] == "1"


def test_conditional_reads(recorded):
    assert recorded.get(f"Patient/{PATIENT}", {"If-None-Match": 'W/"1"'}).status == 304
    assert recorded.get(f"Patient/{PATIENT}", {"If-None-Match": 'W/"2"'}).status == 200
    assert recorded.get(f"Patient/{PATIENT}", {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}).status == 304
    assert recorded.get(f"Patient/{PATIENT}", {"If-Modified-Since": "rubbish"}).status == 200
    assert recorded.request("HEAD", f"Patient/{PATIENT}").body == ""


def test_page_links_name_includes_only(recorded):
    """HAPI's page links carry ``_include`` and forget ``_revinclude``; the page behind them includes both all the same."""
    bundle = get(recorded, "Patient?_count=2&_include=Patient:general-practitioner&_revinclude=Condition:subject")
    following = next(link["url"] for link in bundle["link"] if link["relation"] == "next")
    assert "_include=Patient%3Ageneral-practitioner" in following
    assert "_revinclude" not in following
    modes = [entry["search"]["mode"] for entry in get(recorded, following)["entry"]]
    assert modes.count("match") == 2
    assert "include" in modes
