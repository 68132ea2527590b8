"""Numbers keep their spelling inside, and are plain outside as far as any reader of JSON can hold them."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medenv.fhir import jsontext

SCALARS = (
    st.none()
    | st.booleans()
    | st.text()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(VALUES)
def test_plain_values_are_what_json_reads(value):
    text = json.dumps(value)
    assert jsontext.plain(jsontext.loads(text)) == json.loads(text)


@pytest.mark.parametrize(
    "text", ["9" * 5000, "-" + "9" * 19, "1e999", "-1e999", "1e-999", "0." + "0" * 400 + "1", "NaN", "Infinity"]
)
def test_numbers_that_64_bits_cannot_hold_stay_text(text):
    plain = jsontext.plain(jsontext.loads(f'{{"value": [{text}]}}'))
    assert plain == {"value": [text]}
    assert type(plain["value"][0]) is str
    orjson.dumps(plain)


@pytest.mark.parametrize(
    ("text", "value"), [("0.0", 0.0), ("-0", 0), ("0e5", 0.0), ("4.0", 4.0), ("9" * 18, 10**18 - 1)]
)
def test_other_numbers_are_numbers(text, value):
    plain = jsontext.plain(jsontext.loads(text))
    assert (plain, type(plain)) == (value, type(value))
