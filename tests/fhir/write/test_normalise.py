"""What becomes of a payload: HAPI's leniency and its refusals, each row asked of a running HAPI 7.6.0."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medenv.fhir import definitions, jsontext
from medenv.fhir.errors import FhirError
from medenv.fhir.write.normalise import ParseError, normalise, parse

KINDS = ("Observation", "MedicationRequest", "ServiceRequest", "Patient")


def stored(**members):
    kind = members.pop("kind", "Observation")
    found = parse(json.dumps({"resourceType": kind, **members}), kind)
    assert found.pop("resourceType") == kind
    return found


def refusal(**members):
    with pytest.raises(FhirError) as caught:
        stored(**members)
    assert caught.value.status == 400
    prefix = "HAPI-0450: Failed to parse request body as JSON resource. Error was: "
    assert caught.value.diagnostics.startswith(prefix)
    return caught.value.diagnostics.removeprefix(prefix)


def test_elements_come_back_in_definition_order():
    assert list(stored(valueString="x", code={"text": "y"}, status="final")) == ["status", "code", "valueString"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"note": {"text": "n"}}, {"note": [{"text": "n"}]}),
        ({"note": "n"}, {}),
        ({"note": ["n", {"text": "m"}]}, {"note": [{"text": "m"}]}),
        ({"method": "IV"}, {}),
        ({"method": [{"text": "a"}, {"text": "b"}]}, {"method": {"text": "a"}}),
        ({"status": {"a": 1}}, {}),
        ({"status": ["final", "amended"]}, {"status": "final"}),
        ({"foo": {"bar": 1}}, {}),
        ({"code": {"text": "", "coding": [{"code": None}]}}, {}),
        ({"valueString": 5}, {"valueString": "5"}),
        ({"valueString": True}, {"valueString": "true"}),
        ({"valueBoolean": " false "}, {"valueBoolean": False}),
        ({"valueInteger": "05"}, {"valueInteger": "5"}),
        ({"valueString": "", "valueQuantity": {"value": 1}}, {}),
        ({"valueQuantity": {"value": 1}, "valueString": "x"}, {"valueQuantity": {"value": "1"}}),
        ({"_status": {"extension": [{"url": "u", "valueCode": "x"}]}},) * 2,
        ({"extension": [{"url": "u"}]}, {}),
        ({"extension": [{"valueString": "s"}]}, {"extension": [{"url": None, "valueString": "s"}]}),
        ({"effectiveDateTime": "2023-11-13T10:15:00"},) * 2,
        ({"effectiveDateTime": "2023-11"},) * 2,
        ({"issued": "2023-11-13"},) * 2,
    ],
)
def test_what_hapi_makes_of_it(sent, kept):
    assert stored(**sent) == kept


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("1e2", "100"),
        ("-0", "0"),
        ("4.0", "4.0"),
        ("-0.0", "0.0"),
        ("+1", "1"),
        ('"1e2"', "1e2"),
        ('".5"', "0.5"),
        ('"1."', "1"),
    ],
)
def test_decimals_keep_what_hapi_keeps(sent, kept):
    text = f'{{"resourceType": "Observation", "valueQuantity": {{"value": {sent}}}}}'
    found = parse(text, "Observation")["valueQuantity"]["value"]
    assert isinstance(found, jsontext.Number)
    assert found == kept


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (
            {"status": "done"},
            '[element="status"] Invalid attribute value "done": Unknown ObservationStatus code \'done\'',
        ),
        (
            {"effectiveDateTime": "2023-11-13T10:15"},
            '[element="effectiveDateTime"] Invalid attribute value "2023-11-13T10:15": '
            'Invalid date/time format: "2023-11-13T10:15"',
        ),
        (
            {"effectiveDateTime": "2023-11-13 10:15:00"},
            '[element="effectiveDateTime"] Invalid attribute value "2023-11-13 10:15:00": '
            "Invalid date/time format: \"2023-11-13 10:15:00\": Expected character 'T' at index 10 but found  ",
        ),
        (
            {"valueQuantity": {"value": "2 g"}},
            '[element="value"] Invalid attribute value "2 g": Character   is neither a decimal digit number, decimal point, '
            'nor "e" notation exponential mark.',
        ),
        (
            {"valueInteger": 1.5},
            '[element="valueInteger"] Invalid attribute value "1.5": '
            'java.lang.NumberFormatException: For input string: "1.5"',
        ),
        (
            {"valueBoolean": "yes"},
            '[element="valueBoolean"] Invalid attribute value "yes": Invalid boolean string: \'yes\'',
        ),
    ],
)
def test_what_hapi_refuses(sent, why):
    assert refusal(**sent) == f"HAPI-1821: {why}"


def test_resource_types_must_fit():
    with pytest.raises(FhirError, match="HAPI-1838"):
        parse("{}", "Observation")
    with pytest.raises(FhirError, match='HAPI-1814: Incorrect resource type found, expected "Patient" but found "Foo"'):
        parse('{"resourceType": "Foo"}', "Patient")
    assert refusal(contained=[{"resourceType": "Foo"}]).startswith('HAPI-1684: Unknown resource name "Foo"')
    assert "similar name: 'Patient'" in refusal(contained=[{"resourceType": "patient"}])


def test_a_patch_is_read_strictly():
    for sent, number in (
        ({"foo": 1}, "1825"),
        ({"note": {"text": "x"}}, "1820"),
        ({"method": "IV"}, "1820"),
        ({"method": [{"text": "a"}, {"text": "b"}]}, "1823"),
        ({"contained": [{"resourceType": "Patient"}]}, "1819"),
        ({"extension": [{"valueString": "x"}]}, "1822"),
    ):
        with pytest.raises(ParseError, match=f"HAPI-{number}"):
            normalise({"resourceType": "Observation", **sent}, "Observation", strict=True)


def test_a_narrative_gets_its_namespace_and_loses_its_entities():
    text = stored(text={"status": "generated", "div": "<div>a&nbsp;<br></br></div>"})["text"]
    assert text["div"] == '<div xmlns="http://www.w3.org/1999/xhtml">a\u00a0<br/></div>'
    assert refusal(text={"div": "<div><b>x</div>"}).startswith(
        "HAPI-1755: String does not appear to be valid XML/XHTML"
    )


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.sampled_from(["", " ", "x", "final", "2023", "2023-11-13", "1.50"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["text", "coding", "code", "value", "unit", "foo", "reference", "start"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@st.composite
def payloads(draw):
    kind = draw(st.sampled_from(KINDS))
    names = st.sampled_from(
        sorted(set(definitions.json_names(kind)) - {"extension", "modifierExtension", "contained", "text"})
    )
    return {"resourceType": kind, **draw(st.dictionaries(names, VALUES, max_size=6))}


@given(payloads())
def test_what_is_stored_is_stored_again_unchanged(payload):
    """Reading back and putting the same is no change, and only defined elements are left, in order."""
    try:
        once = parse(json.dumps(payload), payload["resourceType"])
    except FhirError:
        return
    again = parse(jsontext.compact(once), payload["resourceType"])
    assert jsontext.compact(again) == jsontext.compact(once)
    order = [n for e in definitions.elements(payload["resourceType"]) for n in e.names]
    assert [k for k in once if k != "resourceType"] == [n for n in order if n in once]


XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (f'<div {XHTML} xml:lang="en" lang="en">x</div>', f'<div xml:lang="en" {XHTML} lang="en">x</div>'),
        (f'<div {XHTML}><p xml:lang="en">x</p></div>', f'<div {XHTML}><p xml:lang="en">x</p></div>'),
        ('<div id="a">x</div>', f'<div {XHTML} id="a">x</div>'),
        (f'<div {XHTML}><p title="a" class="c" id="i"/></div>', f'<div {XHTML}><p id="i" title="a" class="c"/></div>'),
        (f"<div {XHTML}>a<!--b--><!-- c --></div>", f"<div {XHTML}>a  <!-- b -->  <!-- c --></div>"),
        (f"<div {XHTML}><!-- only --></div>", f"<div {XHTML}>  <!-- only --></div>"),
        (f"<div {XHTML}><?pi x?></div>", f"<div {XHTML}>  <!-- ?pi x? --></div>"),
        (f"<div {XHTML}><![CDATA[a<b]]></div>", f"<div {XHTML}>  <!-- [CDATA[a<b]] --></div>"),
        (f"<div {XHTML} class='a\n\tb'>a\nb</div>", f'<div {XHTML} class="a\n\tb">a\nb</div>'),
        (f'<div {XHTML} xmlns:x="u"><x:b/></div>', f'<div {XHTML} xmlns:x="u"><b xmlns="u"/></div>'),
        (f'<div {XHTML}><svg xmlns="u"><g/></svg></div>', f'<div {XHTML}><svg xmlns="u"><g/></svg></div>'),
    ],
)
def test_a_narrative_keeps_what_it_holds(sent, kept):
    assert stored(text={"status": "generated", "div": sent})["text"]["div"] == kept


def test_a_narrative_has_no_document_type():
    bomb = f'<!DOCTYPE div [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><!-- --><div {XHTML}>&b;</div>'
    assert "HAPI-1755" in refusal(text={"status": "generated", "div": bomb})


def test_resources_within_contained_ones_come_before_them():
    inner = {"resourceType": "Patient", "id": "in", "contained": [{"resourceType": "Patient", "id": "most"}]}
    outer = {
        "resourceType": "Organization",
        "id": "out",
        "contained": [inner, {"resourceType": "Patient", "id": "two"}],
    }
    contained = stored(contained=[outer, {"resourceType": "Organization", "id": "last"}])["contained"]
    assert [one["id"] for one in contained] == ["most", "in", "two", "out", "last"]
    assert not any("contained" in one for one in contained)
