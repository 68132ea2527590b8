"""Bundles with conditions, placeholders and filters, as a running HAPI 7.6.0 answered them."""

import json

import pytest

from medenv.fhir import EmbeddedBackend

pytestmark = pytest.mark.quick

FIRST, SECOND = (f"urn:uuid:00000000-0000-4000-8000-00000000000{i}" for i in (1, 2))
WARD = {"resourceType": "Organization", "identifier": [{"value": "ward"}]}
TWIN = {"resourceType": "Patient", "identifier": [{"value": "twin"}], "name": [{"family": "Twin"}]}


@pytest.fixture
def session():
    with EmbeddedBackend.from_resources(
        [json.dumps({"resourceType": "Patient", "id": "ada", "gender": "female"})]
    ) as one:
        yield one.open()


def entry(method, url, resource=None, full=None, condition=None):
    request = {"method": method, "url": url} | ({"ifNoneExist": condition} if condition else {})
    made = {"request": request} | ({"resource": resource} if resource else {})
    return made | ({"fullUrl": full} if full else {})


def send(session, *entries, kind="transaction"):
    bundle = {"resourceType": "Bundle", "type": kind, "entry": list(entries)}
    answer = session.post("", json.dumps(bundle))
    return answer.status, json.loads(answer.body)


def statuses(session, *entries):
    status, bundle = send(session, *entries)
    assert status == 200, bundle
    return [(one["response"]["status"][:3], one["response"]["location"]) for one in bundle["entry"]]


def refusal(session, *entries):
    status, outcome = send(session, *entries)
    return status, outcome["issue"][0]["diagnostics"].partition(":")[0]


def put(full=None, **more):
    return entry("PUT", "Organization?identifier=ward", {**WARD, **more}, full)


def post(full=None, condition="identifier=ward"):
    return entry("POST", "Organization", WARD, full, condition)


class TestWhatIsAskedForTwice:
    @pytest.mark.parametrize("two", [(put(FIRST), put(SECOND, name="other")), (post(FIRST), post(SECOND))])
    def test_with_full_urls_is_done_once_and_answered_once(self, session, two):
        assert statuses(session, *two) == [("201", "Organization/2/_history/1")]

    def test_references_to_what_was_left_out_lead_to_what_was_stored(self, session):
        patient = {"resourceType": "Patient", "managingOrganization": {"reference": SECOND}}
        statuses(session, put(FIRST), put(SECOND), entry("POST", "Patient", patient, None))
        stored = json.loads(session.get("Patient?organization:missing=false").body)["entry"][0]["resource"]
        number = json.loads(session.get("Organization").body)["entry"][0]["resource"]["id"]
        assert stored["managingOrganization"] == {"reference": f"Organization/{number}"}

    @pytest.mark.parametrize(
        "two", [(put(), put()), (post(), post()), (post(), post(None, "Organization?identifier=ward"))]
    )
    def test_without_full_urls_is_refused(self, session, two):
        assert refusal(session, *two) == (400, "HAPI-2008")
        assert json.loads(session.get("Organization?_summary=count").body)["total"] == 0

    @pytest.mark.parametrize("two", [(put(FIRST), put()), (post(FIRST), post()), (post(FIRST), put(SECOND))])
    def test_finds_what_the_first_has_stored(self, session, two):
        assert statuses(session, *two) == [("201", "Organization/2/_history/1"), ("200", "Organization/2/_history/1")]


class TestConditions:
    @pytest.mark.parametrize(
        ("one", "number"),
        [
            (entry("POST", "Patient", TWIN, None, "identifier=twin"), "HAPI-0958"),
            (entry("POST", "Patient", TWIN, None, "Patient?identifier=twin"), "HAPI-2207"),
            (entry("POST", "Patient", TWIN, None, "Patient?name=Twin"), "HAPI-0958"),
            (entry("PUT", "Patient?identifier=twin", TWIN), "HAPI-2207"),
            (entry("PUT", "Patient?family=Twin", TWIN), "HAPI-0988"),
            (entry("PUT", "Patient?identifier=twin&family=Twin", TWIN), "HAPI-0988"),
            (entry("PATCH", "Patient?identifier=twin", {"resourceType": "Binary", "data": "W10="}), "HAPI-2207"),
            (entry("PATCH", "Patient?family=Twin", {"resourceType": "Binary", "data": "W10="}), "HAPI-0972"),
            (entry("DELETE", "Patient?identifier=twin"), "HAPI-0962"),
        ],
    )
    def test_that_find_several(self, session, one, number):
        for _ in range(2):
            session.post("Patient", json.dumps(TWIN))
        assert refusal(session, one) == (412, number)

    def test_that_name_a_placeholder(self, session):
        observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
        of = {**observation, "subject": {"reference": FIRST}}
        two = (
            entry("POST", "Patient", TWIN, FIRST, "identifier=twin"),
            entry("POST", "Observation", of, None, f"status=final&subject={FIRST}"),
        )
        assert [status for status, _ in statuses(session, *two)] == ["201", "201"]
        assert [status for status, _ in statuses(session, *two)] == ["200", "200"]

    def test_that_name_an_unknown_placeholder_fit_nothing(self, session):
        observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}}
        one = entry("POST", "Observation", observation, None, f"status=final&subject={SECOND}")
        assert refusal(session, one) == (412, "HAPI-0539")


def test_placeholders_in_uris_are_replaced_and_those_in_text_stay(session):
    media = {
        "resourceType": "Media",
        "meta": {"profile": [FIRST]},
        "extension": [{"url": FIRST, "valueUri": FIRST}],
        "identifier": [{"system": FIRST, "value": FIRST}],
        "status": "completed",
        "content": {"url": FIRST},
        "note": [{"text": FIRST}],
    }
    binary = {"resourceType": "Binary", "contentType": "text/plain", "data": "aGk="}
    place = statuses(session, entry("POST", "Binary", binary, FIRST), entry("POST", "Media", media))[0][1].split("/_")[
        0
    ]
    stored = json.loads(session.get("Media").body)["entry"][0]["resource"]
    assert stored["meta"]["profile"] == [place]
    assert stored["extension"] == [{"url": place, "valueUri": place}]
    assert stored["identifier"] == [{"system": place, "value": FIRST}]
    assert stored["content"] == {"url": place}
    assert stored["note"] == [{"text": FIRST}]


class TestReadingInABundle:
    def answer(self, session, url):
        return send(session, entry("GET", url), kind="batch")[1]["entry"][0]

    def test_a_number_only(self, session):
        found = self.answer(session, "Patient?_id=ada&_summary=count")["resource"]
        assert found["total"] == 1
        assert "entry" not in found

    @pytest.mark.parametrize(
        "url", ["Patient?_id=ada&_summary=true", "Patient/ada?_summary=true", "Patient?_summary=data"]
    )
    def test_a_summary_is_the_same_as_outside(self, session, url):
        inside, outside = self.answer(session, url)["resource"], json.loads(session.get(url).body)
        assert {**inside, "id": ""} == {**outside, "id": ""}

    def test_elements_cut_nothing_but_stand_in_the_link(self, session):
        found = self.answer(session, "Patient?_id=ada&_elements=id")["resource"]
        assert found["entry"][0]["resource"]["gender"] == "female"
        assert found["link"][0]["url"].endswith("Patient?_elements=id&_id=ada")

    def test_a_summary_of_elements_is_refused(self, session):
        answer = self.answer(session, "Patient?_summary=true&_elements=id")["response"]
        assert answer["status"] == "400 Bad Request"

    @pytest.mark.parametrize("url", ["Patient/nope?_format=xml", "Patient?foo=1&_format=xml", "Foo?_format=html/xml"])
    def test_a_refusal_in_another_format_is_the_same_as_without(self, session, url):
        assert self.answer(session, url) == self.answer(session, url.replace("_format=", "_pretty="))
        assert self.answer(session, url)["response"]["status"].startswith("40")

    @pytest.mark.parametrize(
        "url", ["http://other.example/fhir/Patient", f"Patient?name={'x' * 20_000}", "Patient?a%zz=1"]
    )
    def test_no_url_is_too_odd(self, session, url):
        assert "status" in self.answer(session, url)["response"]

    def test_another_format_is_answered_in_json(self, session):
        assert self.answer(session, "Patient/ada?_format=xml")["resource"]["gender"] == "female"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["_history", "Patient/_history", "Patient/ada/_history"])
def test_whatever_is_sent_to_a_history_reads_it(session, method, path):
    answer = session.request(
        method, path, None if method in ("GET", "DELETE") else json.dumps({"resourceType": "Patient"})
    )
    assert json.loads(answer.body)["type"] == "history"
    assert session.get("Patient/ada").status == 200
    assert session.written == 0


@pytest.mark.parametrize(
    ("tag", "status"), [('W/"1"', 304), ('"1"', 304), ("1", 304), ("W/1", 200), ("1, 2", 200), ("*", 200)]
)
def test_if_none_match(session, tag, status):
    assert session.request("GET", "Patient/ada", None, {"If-None-Match": tag}).status == status


@pytest.mark.parametrize("tag", ["W/1", "x"])
def test_if_match_needs_a_number(session, tag):
    body = json.dumps({"resourceType": "Patient", "id": "ada"})
    answer = session.request("PUT", "Patient/ada", body, {"If-Match": tag})
    assert answer.status == 500
    assert json.loads(answer.body)["issue"][0]["diagnostics"] == f'HAPI-2223: For input string: "{tag}"'


@pytest.mark.parametrize(
    ("library", "status"),
    [("Library/nope", 400), ("Foo/nope", 400), ("http://x.example/Library/nope", 201), ("nope", 201), ("#nope", 201)],
)
def test_canonicals_that_are_local_must_be_there(session, library, status):
    activity = {"resourceType": "ActivityDefinition", "status": "draft", "library": [library]}
    assert session.post("ActivityDefinition", json.dumps(activity)).status == status


@pytest.mark.parametrize(("kind", "status"), [("depends-on", 400), ("citation", 201)])
def test_only_what_a_search_parameter_leads_to_is_looked_at(session, kind, status):
    related = {"type": kind, "resource": "Library/nope"}
    library = {"resourceType": "Library", "status": "draft", "relatedArtifact": [related]}
    assert session.post("Library", json.dumps(library)).status == status
