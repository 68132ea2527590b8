"""Odd requests as a running HAPI 7.6.0 answered them: broken escapes, odd paths, and which unknown parameter it names."""

import json
from urllib.parse import quote

import pytest

pytestmark = pytest.mark.quick

HEX = "URLDecoder: Illegal hex characters in escape (%) pattern - Error at index "
END = "URLDecoder: Incomplete trailing escape (%) pattern"


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("Patient?name=a%4&family=%zz", 500, END),
        ("Patient?family=%zz%", 500, f'{HEX}0 in: "zz"'),
        ("Patient?a%zz=1&b", 500, f'{HEX}0 in: "zz"'),
        ("Patient?name=%41%4g", 500, f'{HEX}1 in: "4g"'),
        ("Patient?nam%=4&x", 500, END),
        ("Patient?name=%", 500, END),
        ("Foo?name=%", 500, END),
        ("Patient/S9000000?x=%zz", 500, f'{HEX}0 in: "zz"'),
        ("?_getpages=%zz", 500, f'{HEX}0 in: "zz"'),
        ("Patient/a+b", 404, "HAPI-2001: Resource Patient/a b is not known"),
        ("Patient/a%2Bb", 404, "HAPI-2001: Resource Patient/a b is not known"),
        ("Pat+ient", 404, "HAPI-0302: Unknown resource type 'Pat ient'"),
        ("Patient/_foo", 400, "Invalid request: The FHIR endpoint on this server does not know how to handle GET"),
        ("Foo/_foo", 404, "HAPI-0302: Unknown resource type 'Foo'"),
    ],
)
def test_odd_urls(recorded, url, status, words):
    response = recorded.get(url)
    assert response.status == status
    assert json.loads(response.body)["issue"][0]["diagnostics"].startswith(words)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "path",
    ["%01", "%01/Patient", "Patient/%01", "Patient/%01/_history", "Patient/a/_history/%01"],
)
def test_no_path_of_control_characters_is_too_odd(recorded, method, path):
    body = None if method in ("GET", "DELETE") else json.dumps({"resourceType": "Patient", "id": "a"})
    response = recorded.request(method, path, body)
    assert response.status in (200, 201, 400, 404, 500)
    assert json.loads(response.body)["resourceType"] in ("OperationOutcome", "Patient")


DIGITS = "9" * 5000


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("Patient/http://x", 400, "Invalid request"),
        ("/http://x/Patient", 404, "HAPI-0302: Unknown resource type 'http:'"),
        ("Patient/S9000000/_history/%C2%B2", 404, 'HAPI-0978: Version "²" is not valid'),
        (f"Patient/S9000000/_history/{DIGITS}", 404, f'HAPI-0979: Version "{DIGITS}" is not valid'),
        ("Patient/S9000000/_history/0", 404, 'HAPI-0979: Version "0" is not valid'),
        ("Patient/" + "9" * 19, 404, "HAPI-2001"),
        ("Observation?value-quantity=1e999999999", 500, "Exponent overflow."),
        ("Observation?value-quantity=1e99999999999999999999", 500, ""),
    ],
)
def test_no_number_is_too_large(recorded, url, status, words):
    response = recorded.get(url)
    assert response.status == status
    assert json.loads(response.body)["issue"][0]["diagnostics"].startswith(words)


@pytest.mark.parametrize("count", [DIGITS, "2147483648", "²", "x", "1.5"])
def test_a_count_that_is_no_number_is_refused(recorded, count):
    response = recorded.get(f"Patient/S9000111/$everything?_count={count}")
    assert response.status == 500
    words = f'java.lang.NumberFormatException: For input string: "{count}"'
    assert json.loads(response.body)["issue"][0]["diagnostics"] == words


@pytest.mark.parametrize("count", ["0", "-1"])
def test_a_count_of_nothing_is_the_usual_one(recorded, count):
    usual, odd = (
        json.loads(recorded.get(f"Patient/S9000111/$everything?_count={one}").body)["entry"] for one in (20, count)
    )
    assert [entry["fullUrl"] for entry in odd] == [entry["fullUrl"] for entry in usual]


@pytest.mark.parametrize("id_", ["9" * 19, "9" * 64, "٣"])
def test_ids_of_any_length_can_be_put(recorded, id_):
    entry = {"resource": {"resourceType": "Basic", "id": id_}, "request": {"method": "PUT", "url": f"Basic/{id_}"}}
    bundle = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    assert 400 <= recorded.post("", bundle).status < 500
    assert 400 <= recorded.put(f"Basic/{quote(id_)}", json.dumps(entry["resource"])).status < 500


@pytest.mark.parametrize(
    "value", [DIGITS, "1e9999999999999999999", "0" * 5000 + "7", "07", "-.5", "-007.", "+.5e1", "٣.٥"]
)
@pytest.mark.parametrize("element", ["valueInteger", "valueDecimal", "valueString"])
def test_digits_of_any_number_are_answered_and_told_as_changes(recorded, element, value):
    extension = [{"url": "http://x", element: value}]
    answer = recorded.post(
        "Basic", json.dumps({"resourceType": "Basic", "code": {"text": "x"}, "extension": extension})
    )
    assert answer.status in (201, 400)
    assert len(recorded.changes()) == (answer.status == 201)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("codng=97&patientd=x", "patientd"),
        ("patientd=x&codng=97", "codng"),
        ("patnt=S9&co=vital&limit=x", "patnt"),
        ("limit=x&co=vital&patnt=S9", "patnt"),
        ("legal-sex=F&foo=1", "foo"),
        ("patietus=1&daeq2023-08-24T13:31:00Z", "patietus"),
        ("pant=S9&cod,e=GLU", "pant"),
        ("subje=x&combo-cn?combo-code=nope", "subje"),
    ],
)
def test_which_unknown_parameter_is_named(recorded, query, named):
    """The first in the order of HAPI's hash map, the later of two in one bucket."""
    outcome = json.loads(recorded.get(f"Observation?{query}").body)
    assert outcome["issue"][0]["diagnostics"].startswith(f'HAPI-0524: Unknown search parameter "{named}"')


@pytest.mark.parametrize(
    ("query", "total", "relations"),
    [
        ("Observation?_elements=id&subject=S9000481&_count=0", 633, ["self", "next"]),
        ("MedicationRequest?patient=S9000481&_count=0&_elements=id", 11, ["self"]),
        ("MedicationRequest?intent=order&_offset=5&_count=0&_elements=id", 321, ["self", "next", "previous"]),
        ("MedicationRequest?intent=order&_offset=500&_count=0&_elements=id", 321, ["self", "previous"]),
        ("MedicationRequest?intent=order&_offset=5&_count=0", 321, []),
    ],
)
def test_links_of_a_page_of_nothing(recorded, query, total, relations):
    bundle = json.loads(recorded.get(query).body)
    assert bundle["total"] == total
    assert "entry" not in bundle
    links = {link["relation"]: link["url"] for link in bundle.get("link", [])}
    assert list(links) == relations
    if "_offset" not in query and "next" in links:
        following = json.loads(recorded.get(links["next"]).body)
        assert len(following["entry"]) == 20
        assert set(following["entry"][0]["resource"]) == {"resourceType", "id", "meta"}


PATIENT = "Patient/S9000111"


def ids(response):
    return [entry["resource"]["id"] for entry in json.loads(response.body).get("entry", [])]


class TestEverything:
    def test_a_time_since_which_is_ignored(self, recorded):
        assert ids(recorded.get(f"{PATIENT}/$everything?_since=2035-01-01")) == ids(
            recorded.get(f"{PATIENT}/$everything")
        )

    def test_elements_cut_the_patient_alone(self, recorded):
        whole = json.loads(recorded.get(f"{PATIENT}/$everything").body)["entry"]
        patient, *rest = json.loads(recorded.get(f"{PATIENT}/$everything?_elements=id").body)["entry"]
        assert set(patient["resource"]) == {"resourceType", "id", "meta"}
        assert rest == whole[1:]

    def test_a_number_only(self, recorded):
        found = json.loads(recorded.get(f"{PATIENT}/$everything?_summary=count").body)
        assert found["total"] > 1
        assert not {"entry", "link"} & set(found)

    def test_the_link_to_itself_is_sorted(self, recorded):
        links = json.loads(recorded.get(f"{PATIENT}/$everything?start=2021&_format=json&_count=2").body)["link"]
        assert links[0]["url"].endswith("$everything?_count=2&_format=json&start=2021")
        assert "&_format=json&" in links[1]["url"]

    @pytest.mark.parametrize(("query", "words"), [("_content=a", "HAPI-1192"), ("_lastUpdated=abc", "HAPI-1940")])
    def test_what_cannot_be_read(self, recorded, query, words):
        response = recorded.get(f"{PATIENT}/$everything?{query}")
        assert response.status == 400
        assert json.loads(response.body)["issue"][0]["diagnostics"].startswith(words)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("_since=abc", 'HAPI-1882: Invalid date/time format: "abc"'),
        ("_since=ge2020-01-01T00:00:00Z", 'HAPI-1882: Invalid date/time format: "ge2020-01-01T00:00:00Z"'),
        ("_since=2020-01-01T00:00", "HAPI-1885: Invalid date/time string (datatype InstantDt does not support MINUTE"),
        ("_at=abc", 'HAPI-1940: Invalid date/time/quantity format: "abc"'),
    ],
)
def test_histories_refuse_what_is_no_time(recorded, query, words):
    response = recorded.get(f"{PATIENT}/_history?{query}")
    assert response.status == 400
    assert json.loads(response.body)["issue"][0]["diagnostics"].startswith(words)


@pytest.mark.parametrize(("at", "shown"), [("ge2020", 1), ("gt2035", 1), ("le2020", 0), ("lt2035", 1), ("2035", 1)])
def test_histories_at_a_time(recorded, at, shown):
    assert len(ids(recorded.get(f"{PATIENT}/_history?_at={at}"))) == shown


@pytest.mark.parametrize("query", ["_summary=count", "_count=0"])
def test_a_history_as_a_number(recorded, query):
    found = json.loads(recorded.get(f"{PATIENT}/_history?{query}").body)
    assert found["total"] == 1
    assert found["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert not {"entry", "link"} & set(found)


def test_a_whole_type_comes_in_the_order_of_the_last_updates(recorded):
    for id_, status in (("flag-a", "active"), ("flag-b", "active"), ("flag-a", "inactive")):
        flag = {"resourceType": "Flag", "id": id_, "status": status, "code": {"text": id_}, "subject": {"display": "x"}}
        assert recorded.put(f"Flag/{id_}", json.dumps(flag)).status in (200, 201)
    assert ids(recorded.get("Flag")) == ["flag-b", "flag-a"]
