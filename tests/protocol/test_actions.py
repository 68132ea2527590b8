"""The action parser against the official harness's rules, and against anything at all."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medenv.protocol import Finish, Get, Invalid, Post, parse

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("GET http://localhost:8080/fhir/Patient?name=A B", Get("http://localhost:8080/fhir/Patient?name=A B")),
        ("  \nGET /Patient/S1  \n", Get("/Patient/S1")),
        ("```tool_code\nGET Patient\n```", Get("Patient")),
        ("```\nGET Patient```", Get("Patient")),
        ("GETPatient", Get("Patient")),
        ("GET", Get("")),
        ("GET Patient\nand so on", Get("Patient\nand so on")),
        ("FINISH([1, 2])", Finish("[1, 2]")),
        ("FINISH()", Finish("")),
        ("FINISH([2.7]) done", Finish("[2.7]) don")),
        ("FINISH([2.7]", Finish("[2.7")),
        ("FINISH(", Finish("")),
        ("FINISH([1])```", Finish("[1]")),
        ('POST X\n{"a": 1}', Post("X", '{"a": 1}', {"a": 1})),
        ('POST X \n\n{"a":\n1}', Post("X", '\n{"a":\n1}', {"a": 1})),
        ('```\nPOST X\n{"a": 1, "a": 2}\n```', Post("X", '{"a": 1, "a": 2}', {"a": 2})),
    ],
)
def test_well_formed(text, action):
    assert parse(text) == action


@pytest.mark.parametrize("body", ["", "{", "{'a': 1}", '{"a": 1} extra', "[" * 100_000, "9" * 5_000])
def test_a_post_without_json_says_why(body):
    action = parse(f"POST Observation\n{body}")
    assert isinstance(action, Post)
    assert action.problem
    assert action.payload is None


def test_python_json_is_accepted():
    action = parse("POST X\n[NaN, Infinity]")
    assert isinstance(action, Post)
    assert action.problem is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "empty"),
        (" \n```\n``` ", "empty"),
        ("get Patient/S1", "lower case"),
        ("Finish([1])", "lower case"),
        ("FINISH [1]", "FINISH without parentheses"),
        ("I will look.\nGET Patient/S1", "action after other text"),
        ("The answer is 5.", "no action"),
        ("DELETE Patient/S1", "no action"),
    ],
)
def test_invalid_says_what_was_wrong(text, kind):
    action = parse(text)
    assert isinstance(action, Invalid)
    assert action.kind == kind
    assert action.message


def test_ten_megabytes_and_nul_bytes():
    assert isinstance(parse("x" * 10_000_000), Invalid)
    assert len(parse("\0" * 10_000_000).message) < 1_000
    assert parse("GET \0").url == "\0"
    assert isinstance(parse("FINISH(" + "[" * 10_000_000), Finish)


def official(text):
    """The harness's own steps, as its rules describe them."""
    r = text.strip().replace("```tool_code", "").replace("```", "").strip()
    if r.startswith("GET"):
        return "get", r[3:].strip()
    if r.startswith("POST"):
        try:
            return "post", json.loads("\n".join(r.split("\n")[1:]))
        except Exception:
            return "bad post", None
    if r.startswith("FINISH("):
        return "finish", r[len("FINISH(") : -1]
    return "invalid", None


PIECES = st.sampled_from(
    [
        "GET",
        "POST",
        "FINISH(",
        "FINISH",
        ")",
        "```",
        "```tool_code",
        "\n",
        " ",
        "{",
        "}",
        '"a":',
        "1",
        "[",
        "]",
        "\0",
        "\r",
        "é",
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES).map("".join)))
def test_agrees_with_the_harness_on_anything(text):
    action, (kind, value) = parse(text), official(text)
    if isinstance(action, Get):
        assert (kind, value) == ("get", action.url)
    elif isinstance(action, Post):
        assert kind == ("bad post" if action.problem else "post")
        assert repr(value) == repr(action.payload)
    elif isinstance(action, Finish):
        assert (kind, value) == ("finish", action.result)
    else:
        assert kind == "invalid"
