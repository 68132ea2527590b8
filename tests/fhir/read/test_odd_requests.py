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


@pytest.mark.parametrize("count", [DIGITS, "²", "0", "-1", "x"])
def test_a_count_that_is_none_is_the_usual_one(recorded, count):
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
