"""Where an agent's URL may lead, and that quoting is what ``requests`` does."""

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from medenv.fhir.backend import below_base
from medenv.fhir.remote import Client
from medenv.protocol.urls import ForeignURLError, absolute, quote_url, relative

pytestmark = pytest.mark.quick

BASE = "http://localhost:8080/fhir"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("Patient/S1", "Patient/S1"),
        ("/Patient/S1", "Patient/S1"),
        ("/fhir/Patient/S1", "Patient/S1"),
        ("http://localhost:8080/fhir/Patient?name=A B", "Patient?name=A%20B"),
        ("HTTP://LOCALHOST:8080/fhir/Patient", "Patient"),
        ("http://localhost:8080/fhir?_getpages=x", "?_getpages=x"),
        ("http://localhost:8080/fhir", ""),
        ("http://localhost:8080/fhir/", ""),
        ("/fhir?_getpages=x", "?_getpages=x"),
        ("Observation?code=http://loinc.org|K", "Observation?code=http://loinc.org%7CK"),
        ("Patient/a/../S1", "Patient/S1"),
        ("./Patient", "Patient"),
        ("Patient?name=Müller#top", "Patient?name=M%C3%BCller"),
        ("", ""),
    ],
)
def test_below_the_base(url, expected):
    assert relative(url, BASE) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/fhir/Patient",
        "https://localhost:8080/fhir/Patient",
        "http://localhost:8081/fhir/Patient",
        "http://localhost/fhir/Patient",
        "http://localhost:8080/",
        "http://localhost:8080/fhirx/Patient",
        "http://localhost:8080@example.org/fhir/Patient",
        "http://user@localhost:8080/fhir/Patient",
        "http://localhost:8080\\@example.org/fhir/",
        "http://loc\nalhost:8080/fhir/Patient",
        "http://[::1/fhir",
        "http://localhost:99999/fhir/",
        "//example.org/fhir/Patient",
        "ftp://localhost:8080/fhir/Patient",
        "file:///etc/passwd",
        "../admin",
        "Patient/../../admin",
        "%2e%2e/admin",
        "http://localhost:8080/fhir/../admin",
    ],
)
def test_elsewhere_is_refused(url):
    with pytest.raises(ForeignURLError):
        relative(url, BASE)


@given(st.text())
def test_whatever_is_let_through_stays_below_the_base(url):
    try:
        there = relative(url, BASE)
    except ForeignURLError:
        return
    assert there.isascii()
    sent = requests.Request("GET", f"{BASE}/{there}").prepare().url
    assert sent.startswith((f"{BASE}/", f"{BASE}?"))
    assert not there.startswith("/")


PARTS = st.lists(
    st.sampled_from(
        [
            "http",
            "://",
            ":",
            "/",
            "//",
            "x",
            "Patient",
            "..",
            ".",
            "%2e",
            "%",
            "?",
            "#",
            "\\",
            "\0",
            "\ud800",
            "²",
            "@",
            BASE,
            "/fhir",
        ]
    ),
    max_size=8,
).map("".join)


@given(PARTS)
def test_what_is_let_through_is_below_the_base_for_every_reader(url):
    try:
        there = relative(url, BASE)
    except ForeignURLError:
        return
    assert below_base(there, BASE) == there
    assert not there.startswith("/")
    client = Client(BASE)
    assert client.target(there) == there
    client.close()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("Patient/http://x", "Patient/http://x"),
        ("/http://x/y", "http%3A//x/y"),
        (f"{BASE}/http://x", "http%3A//x"),
        ("a/..//http://x", "http%3A//x"),
        ("?url=http://x", "?url=http://x"),
    ],
)
def test_a_scheme_further_on_is_part_of_the_path(url, expected):
    assert relative(url, BASE) == expected


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="#?"))


@given(TEXT, TEXT)
def test_quoting_is_that_of_requests(path, query):
    if path.startswith("/") or any(part in (".", "..") for part in quote_url(path).split("/")):
        return  # dots are resolved, and slashes folded, elsewhere
    url = f"{path}?x={query}"
    assert requests.Request("GET", f"{BASE}/{url}").prepare().url == f"{BASE}/{quote_url(url)}"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("Observation", f"{BASE}/Observation"),
        ("/Observation", f"{BASE}/Observation"),
        ("/fhir/Observation", f"{BASE}/Observation"),
        (f"{BASE}/Observation", f"{BASE}/Observation"),
        ("Observation/", f"{BASE}/Observation/"),
        ("http://example.org/Observation", "http://example.org/Observation"),
    ],
)
def test_absolute(url, expected):
    assert absolute(url, BASE + "/") == expected
