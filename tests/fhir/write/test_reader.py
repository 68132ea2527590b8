"""JSON as Jackson takes it; the expected words were given by a running HAPI 7.6.0."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medenv.fhir.write.reader import KEPT_DEPTH, ReadError, read_object

VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=5), children, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "HAPI-1857: Did not find any content to parse"),
        (
            " x",
            "HAPI-1859: Content does not appear to be FHIR JSON, first non-whitespace character was: 'x' (must be '{')",
        ),
        (
            "{",
            "Unexpected end-of-input: expected close marker for Object (start marker at [line: 1, column: 1])\n"
            " at [line: 1, column: 2]",
        ),
        (
            '{"a":1}}',
            "Unexpected close marker '}': expected ']' (for root starting at [line: 1])\n at [line: 1, column: 8]",
        ),
        (
            '{"a":[1}',
            "Unexpected close marker '}': expected ']' (for Array starting at [line: 1, column: 6])\n at [line: 1, column: 8]",
        ),
        ('{"a":True}', f"Unrecognized token 'True': was expecting {VALUES}\n at [line: 1, column: 10]"),
        (
            '{"a":1,}',
            "Unexpected character ('}' (code 125)): was expecting double-quote to start field name\n at [line: 1, column: 8]",
        ),
        (
            '{"a":2 g}',
            "Unexpected character ('g' (code 103)): was expecting comma to separate Object entries\n at [line: 1, column: 8]",
        ),
        ('{"a":01}', "Invalid numeric value: Leading zeroes not allowed\n at [line: 1, column: 7]"),
        (
            '{"a":-Infinity}',
            "Non-standard token '-Infinity': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow\n"
            " at [line: 1, column: 15]",
        ),
        (
            '{\n "a": "b',
            "Unexpected end-of-input: was expecting closing quote for a string value\n at [line: 2, column: 9]",
        ),
    ],
)
def test_refusals_are_worded_as_hapi_words_them(text, message):
    with pytest.raises(ReadError) as caught:
        read_object(text)
    assert str(caught.value) == message


def test_single_quotes_and_a_leading_plus_are_taken():
    assert read_object("{'a': 'it\\'s', \"b\": +1}") == {"a": "it's", "b": "1"}


def test_numbers_keep_their_digits():
    assert read_object('{"a": 4.0, "b": 1e2}') == {"a": "4.0", "b": "1e2"}


def test_deep_nesting_is_refused_not_followed():
    def nested(n):
        return '{"a":' + "[" * n + "]" * n + "}"

    assert read_object(nested(KEPT_DEPTH - 1))
    for depth in (KEPT_DEPTH, 5_000, 200_000):
        with pytest.raises(ReadError, match="nesting depth"):
            read_object(nested(depth))


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), JSON_VALUES, max_size=5))
def test_sound_json_is_read_as_python_reads_it(value):
    text = json.dumps(value, ensure_ascii=False)
    assert read_object(text) == json.loads(text, parse_int=str)


@given(st.text(alphabet="{}[]\",:\\/ntrue0123456789.eE+-'\x00\n é€", max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        value = read_object("{" + text)
    except ReadError:
        return
    assert isinstance(value, dict)
