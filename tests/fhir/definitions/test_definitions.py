"""HL7's tables as shipped: spot checks against the R4 specification, and HAPI's own list where it is at hand."""

import json
from pathlib import Path

import pytest

from medenv.fhir import definitions

pytestmark = pytest.mark.quick

METADATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "hapi" / "metadata.json"


def test_every_r4_resource_type_is_there():
    assert len(definitions.types()) == 146
    assert definitions.is_resource("MedicationRequest")
    assert not definitions.is_resource("Timing")
    assert not definitions.is_resource("DomainResource")


def test_elements_keep_definition_order_cardinality_and_flags():
    rows = {e.name: e for e in definitions.elements("Observation")}
    names = list(rows)
    assert names[:9] == [
        *("id", "meta", "implicitRules", "language", "text"),
        *("contained", "extension", "modifierExtension", "identifier"),
    ]
    assert names.index("status") < names.index("code") < names.index("value") < names.index("component")
    assert rows["status"].min == 1
    assert rows["status"].modifier
    assert rows["status"].codes == {
        *("registered", "preliminary", "final", "amended", "corrected"),
        *("cancelled", "entered-in-error", "unknown"),
    }
    assert rows["category"].many
    assert not rows["code"].many
    assert rows["code"].summary
    assert not rows["category"].summary
    assert set(rows["subject"].targets) == {"Patient", "Group", "Device", "Location"}


def test_choices_carry_their_type_in_the_json_name():
    names = definitions.json_names("MedicationRequest")
    element, kind = names["medicationCodeableConcept"]
    assert element.name == "medication"
    assert kind == "CodeableConcept"
    assert "medication" not in names
    assert names["dosageInstruction"][1] == "Dosage"
    assert definitions.json_names("Dosage")["timing"][1] == "Timing"
    assert definitions.json_names("Observation.component")["referenceRange"][1] == "Observation.referenceRange"


def test_every_type_that_an_element_names_is_defined():
    seen, todo = set(), [*definitions.types()]
    while todo:
        kind = todo.pop()
        if kind in seen or definitions.is_primitive(kind) or kind == "Resource":
            continue
        seen.add(kind)
        for element in definitions.elements(kind):
            assert element.types
            todo += element.types
    assert len(seen) > 500


def test_bindings_without_a_closed_list_take_any_code():
    assert definitions.json_names("Attachment")["contentType"][0].codes is None
    assert definitions.json_names("Resource")["language"][0].codes is None


def test_search_parameters_are_cut_to_their_own_type():
    rows = definitions.search_parameters("Observation")
    assert rows["code"].expression == "Observation.code"
    assert rows["combo-code"].paths == ("Observation.code", "Observation.component.code")
    assert rows["patient"].targets == ("Patient", "Group")
    assert rows["code-value-quantity"].components == (("code", "code"), ("value-quantity", "value.as(Quantity)"))
    assert list(rows) == sorted(rows)
    with pytest.raises(KeyError):
        definitions.search_parameters("Foo")


def test_patient_compartment():
    assert set(definitions.patient_compartment()["Observation"]) == {"subject", "performer"}


@pytest.mark.skipif(not METADATA.exists(), reason="../shared/data/hapi is not at hand")
def test_search_parameters_are_those_of_a_running_hapi():
    for row in json.loads(METADATA.read_text())["rest"][0]["resource"]:
        ours = definitions.search_parameters(row["type"])
        theirs = {p["name"]: p for p in row["searchParam"]}
        assert set(ours) == set(theirs), row["type"]
        for name, parameter in theirs.items():
            found = (ours[name].type, ours[name].url, ours[name].description)
            assert found == (parameter["type"], parameter.get("definition", ""), parameter.get("documentation", ""))
