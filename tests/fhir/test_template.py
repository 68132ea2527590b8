"""A resource taken apart into template and values is the same resource again."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from medenv.fhir import jsontext
from medenv.fhir.template import template_of

scalars = st.one_of(
    st.text(max_size=12), st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False, allow_infinity=False)
)
names = st.text("abcdefgXYZ_", min_size=1, max_size=6)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=12
)


@settings(max_examples=200)
@given(st.dictionaries(names, trees, max_size=5), st.text(min_size=1, max_size=8), st.booleans())
def test_template_and_values_are_the_resource(tree, id_, ascii_only):
    resource = {"resourceType": "Basic", "id": id_, **tree}
    text = json.dumps(resource, ensure_ascii=ascii_only)
    template, values = template_of(text)
    parsed = jsontext.loads(text)
    assert template.type == "Basic"
    assert template.text(values) == jsontext.pretty(parsed)
    assert template.text(values, None) == jsontext.compact(parsed)
    assert template.parse(values) == parsed
