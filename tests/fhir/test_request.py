"""Requests, parsed: parameters, path, what a body is, and the format of the answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medenv.fhir.request import Params, Request, parse_query, version_of

BASE = "http://localhost:8080/fhir"
XML = "application/fhir+xml"


def parsed(method, url, body=None, headers=None):
    return Request.parse(method, url, body, headers, BASE)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "_c"]), st.sampled_from(["", "1", "2"]))))
def test_params_are_a_multidict_in_order(pairs):
    params = Params(pairs)
    for name in ("a", "b", "_c", "d"):
        values = [v for n, v in pairs if n == name]
        assert params.getlist(name) == values
        assert params.first(name) == (values[0] if values else None)
        assert params.get(name, "x") == next((v for v in values if v), "x")
        assert list(params.without(name)) == [pair for pair in pairs if pair[0] != name]
    assert list(params.own()) == [pair for pair in pairs if pair[0] == "_c"]


def test_a_query_is_decoded():
    assert parse_query("a=x+y&b=%2B&&c&_format=application/fhir+json") == (
        ("a", "x y"),
        ("b", "+"),
        ("c", ""),
        ("_format", "application/fhir+json"),
    )


def test_url_and_path():
    absolute = parsed("GET", f"{BASE}/Patient/a%2Fb?name=x")
    relative = parsed("GET", "Patient/a%2Fb?name=x")
    assert absolute.parts == relative.parts == ("Patient", "a/b")
    assert absolute.params == relative.params == (("name", "x"),)
    with pytest.raises(ValueError, match="elsewhere"):
        parsed("GET", "http://elsewhere/fhir/Patient")


@pytest.mark.parametrize(
    ("method", "url", "reads"),
    [
        ("GET", "Patient", True),
        ("HEAD", "Patient/1", True),
        ("POST", "Patient", False),
        ("POST", "Patient/_search", True),
        ("POST", "Nothing/_search", False),
        ("POST", "Patient/1/$everything", True),
        ("POST", "Observation/1/$everything", False),
        ("POST", "", False),
        ("DELETE", "Patient/1", False),
    ],
)
def test_what_can_write(method, url, reads):
    assert parsed(method, url).reads is reads


def test_only_a_get_that_its_url_determines_is_shared():
    assert parsed("GET", "Patient").url == "Patient"
    assert parsed("GET", "Patient", headers={"Accept": XML}).url is None
    assert parsed("POST", "Patient/_search").url is None


def test_a_form_adds_to_the_query():
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    request = parsed("POST", "Patient/_search?name=x", "family=y&_format=xml", form)
    assert request.params == (("name", "x"),)
    assert request.with_form().params == (("name", "x"), ("family", "y"), ("_format", "xml"))
    assert request.with_form().output.xml
    assert not request.output.xml


@pytest.mark.parametrize(
    ("headers", "body_is_xml", "answer_is_xml"),
    [
        (None, False, False),
        ({"Content-Type": XML}, True, True),
        ({"Content-Type": XML, "Accept": "application/json"}, True, False),
        ({"Accept": XML}, False, True),
    ],
)
def test_a_write_is_answered_in_its_own_format(headers, body_is_xml, answer_is_xml):
    request = parsed("POST", "Patient", "", headers)
    assert (request.is_xml, request.output.xml) == (body_is_xml, answer_is_xml)


@pytest.mark.parametrize(
    ("etag", "version"), [('W/"2"', "2"), ('"2"', "2"), ("2", "2"), ("", ""), ('"a"b"', '"a"b"'), ("W/3", "W/3")]
)
def test_version_of_an_etag(etag, version):
    assert version_of(etag) == version


@pytest.mark.parametrize(
    ("prefer", "wanted"),
    [("return=minimal", "minimal"), ('x=1; return="OperationOutcome"', "OperationOutcome"), ("return=all", "")],
)
def test_preference(prefer, wanted):
    assert parsed("POST", "Patient", "{}", {"Prefer": prefer}).preference == wanted
