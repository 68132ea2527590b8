"""Odd spellings of searches, as a running HAPI 7.6.0 answered them on the same few resources."""

import json

import pytest

from medenv.fhir import EmbeddedBackend

pytestmark = pytest.mark.quick

RESOURCES = [
    {"resourceType": "Organization", "id": "ward", "name": "Ward"},
    {"resourceType": "Practitioner", "id": "ames", "name": [{"family": "Ames"}]},
    {
        "resourceType": "Patient",
        "id": "ada",
        "gender": "female",
        "birthDate": "1950-01-02",
        "name": [{"family": "Aster"}],
        "generalPractitioner": [{"reference": "Practitioner/ames"}],
        "managingOrganization": {"reference": "Organization/ward"},
    },
    {"resourceType": "Patient", "id": "ben", "birthDate": "1940-05-06", "name": [{"family": "Astor"}]},
    {
        "resourceType": "Observation",
        "id": "first",
        "status": "final",
        "code": {"coding": [{"code": "MG"}]},
        "subject": {"reference": "Patient/ada"},
        "effectiveDateTime": "2023-11-12",
        "performer": [{"reference": "Practitioner/ames"}],
    },
    {
        "resourceType": "Observation",
        "id": "second",
        "status": "final",
        "code": {"coding": [{"code": "K"}]},
        "subject": {"reference": "Patient/ada"},
        "effectiveDateTime": "2023-11-11",
    },
    {
        "resourceType": "Group",
        "id": "cohort",
        "type": "person",
        "actual": True,
        "member": [{"entity": {"reference": "Patient/ada"}}],
    },
    {
        "resourceType": "Encounter",
        "id": "visit",
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"reference": "Patient/ada"},
        "reasonReference": [{"reference": "Observation/first"}],
    },
    {
        "resourceType": "Task",
        "id": "call",
        "status": "draft",
        "intent": "order",
        "encounter": {"reference": "Encounter/visit"},
        "owner": {"reference": "Organization/ward"},
    },
]


@pytest.fixture(scope="module")
def session():
    with EmbeddedBackend.from_resources(json.dumps(one) for one in RESOURCES) as backend:
        yield backend.open()


IDS = [
    ("Patient?_id=ben/_history/1", ["ben"]),
    ("Patient?_id=Patient/ben/_history/1", ["ben"]),
    ("Patient?_id=%20ben", []),
    ("Patient?_id=ben,%20ada", ["ben"]),
    ("Patient?_id=|ben", ["ben"]),
    ("Patient?_id=a|ben", []),
    ("Patient?family=Ast&_id=|", ["ada", "ben"]),
]
REFERENCES = [
    ("Observation?patient={base}/Patient/ada", []),
    ("Observation?patient=patient/ada", []),
    ("Observation?patient=Patient/ada/", []),
    ("Observation?patient=Patient/ada/x", []),
    ("Observation?patient=/Patient/ada&code=K", ["second"]),
    ("Observation?patient=http://other.example/fhir/Patient/ada", []),
    ("Observation?patient=Patient/ada/_history/1&code=K", ["second"]),
    ("Observation?subject:Patient=ada/_history/1", []),
    ("Observation?subject:Patient=2023/ada", []),
    ("Observation?subject:Patient=Patient/ada&code=K", ["second"]),
    ("Observation?subject:Patient=ada&code=K", ["second"]),
]
CONTROLS = [
    ("Observation?_sort=Observation:date", ["second", "first"]),
    ("Observation?_sort=-Observation:date", ["first", "second"]),
    ("Patient?_sort=birthdate,", ["ben", "ada"]),
    ("Patient?_sort=foo&_summary=count", []),
    ("Patient?_sort=foo&_count=0", []),
    ("Patient?_summary=COUNT", []),
    ("Patient?family=Aster&_summary=True", ["ada"]),
    ("Patient?family=Aster&_contained=", ["ada"]),
    ("Patient?family=Aster&_contained=false", ["ada"]),
]
CHAINS = [
    ("Observation?subject._has:Group:member:_id=cohort&code=K", ["second"]),
    ("Observation?_has:Encounter:reason-reference:_has:Task:encounter:owner=Organization/ward", ["first"]),
    ("Encounter?_has:Task:encounter:owner.name=Ward", ["visit"]),
    ("Observation?_has:Encounter:reason-reference:_has:Task:encounter:owner.name=Ward", []),
    ("Patient?_has:Observation:subject:date=ge2023-11-12,le2023-11-11", ["ada"]),
    ("Patient?_has:Observation:subject:date=ge2023-11-13,le2023-11-13", []),
]
INCLUDES = [
    ("Observation?_id=first&_include=Patient:*", ["first", "ames", "ada"]),
    ("Observation?_id=first&_include=Observation:*", ["first", "ames", "ada"]),
    (
        "Patient?_id=ada&_include=Patient:organization&_revinclude=Observation:subject",
        ["ada", "first", "second", "ward"],
    ),
    ("Patient?_id=ada&_revinclude=Group:member&_include=Patient:general-practitioner", ["ada", "cohort", "ames"]),
]


def found(session, url):
    response = session.get(url)
    assert response.status == 200, response.body
    return [entry["resource"]["id"] for entry in json.loads(response.body).get("entry", [])]


@pytest.mark.parametrize(("url", "ids"), [*IDS, *REFERENCES, *CONTROLS, *CHAINS, *INCLUDES])
def test_what_is_found(session, url, ids):
    assert found(session, url) == ids


QUOTED = "&quot;Patient"
REFUSED = [
    ("Patient?_id=Patient/", 500, "The validated expression is false"),
    ('Observation?patient={"reference":"Patient/ada"}', 400, 'HAPI-1250: Invalid/unsupported resource type: "{&quot;'),
    ("Observation?patient=:Patient/ada", 400, 'HAPI-1250: Invalid/unsupported resource type: ":Patient"'),
    ("Observation?patient=Foo/ada", 400, 'HAPI-1250: Invalid/unsupported resource type: "Foo"'),
    ("Observation?patient=%22Patient/ada%22", 400, f'HAPI-1250: Invalid/unsupported resource type: "{QUOTED}"'),
    ("Observation?_include=%22x%22", 400, 'HAPI-2018: Invalid _include parameter value: "&quot;x&quot;". '),
    ("Observation?_include=a%3Eb:c", 400, 'HAPI-2017: Invalid _include parameter value: "a&gt;b:c". '),
    ("Observation?_revinclude=a,b", 400, "HAPI-0441: 'OR' query parameters (values containing ',') are not supported"),
    ("Observation?%22x%22=1", 400, 'HAPI-0524: Unknown search parameter "&quot;x&quot;" for resource type'),
    ("Observation?=x", 400, 'HAPI-0524: Unknown search parameter "null" for resource type "Observation"'),
    ("Patient/x%0A", 404, "HAPI-2001: Resource Patient/x&#10; is not known"),
    ("Observation?_sort=date:desc", 400, 'HAPI-1194: Unknown _sort parameter value "desc" for resource type'),
    ("Observation?_sort=%22x%22", 400, 'HAPI-1194: Unknown _sort parameter value "&quot;x&quot;" for resource type'),
    ("Patient?_sort=a.b.c", 400, "HAPI-2286: Invalid _sort expression, can not chain more than once in a sort"),
    ("Patient?_sort=birthdate.x", 400, "HAPI-2285: Invalid chain, birthdate is not a reference SearchParameter"),
    ("Patient?_sort=general-practitioner.family", 400, "HAPI-2287: Unable to sort on a chained parameter from"),
    ("Observation?_contained=true", 405, "HAPI-0984: Searching with _contained mode enabled is not enabled"),
    ("Observation?_contained=both", 405, "HAPI-0983: Contained mode 'both' is not currently supported"),
    ("Observation?_contained=%3Cx", 400, "HAPI-1963: Invalid contained mode: &lt;x"),
    ("Patient?_has:Observation:subject:date=a,b", 500, 'HAPI-1940: Invalid date/time/quantity format: "a"'),
    ("Patient?_has:Observation:foo:date=2023", 400, "HAPI-1209: Unknown parameter name: Observation:foo"),
]


@pytest.mark.parametrize(("url", "status", "words"), REFUSED)
def test_what_is_refused(session, url, status, words):
    response = session.get(url)
    assert response.status == status
    assert json.loads(response.body)["issue"][0]["diagnostics"].startswith(words)


def test_a_search_by_two_slashes_is_linked_with_one(session):
    link = json.loads(session.get("//Observation?code=K").body)["link"][0]["url"]
    assert link.endswith("/fhir/Observation?code=K")


def test_links_to_later_pages_name_includes_in_the_order_of_their_hashes(session):
    url = "Patient?family=Ast&_count=1&_include=Patient:general-practitioner&_include=Patient:organization"
    links = {link["relation"]: link["url"] for link in json.loads(session.get(url).body)["link"]}
    later = links["next"].partition("_bundletype=searchset")[0]
    assert later.index("Patient%3Aorganization") < later.index("Patient%3Ageneral-practitioner")
