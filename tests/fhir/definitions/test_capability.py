"""The CapabilityStatement: HAPI's shape, made of the definitions."""

import json
from pathlib import Path

import pytest

from medenv.fhir.definitions.capability import capability_statement

pytestmark = pytest.mark.quick

METADATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "hapi" / "metadata.json"
BASE = "http://localhost:8080/fhir"


def test_it_names_what_the_server_does():
    statement = capability_statement(BASE)
    assert statement["fhirVersion"] == "4.0.1"
    assert statement["implementation"]["url"] == BASE
    rows = {r["type"]: r for r in statement["rest"][0]["resource"]}
    assert len(rows) == 146
    assert "Observation:subject" in rows["Observation"]["searchInclude"]
    assert "Observation:subject" in rows["Patient"]["searchRevInclude"]
    assert "everything" in [o["name"] for o in rows["Patient"]["operation"]]


def test_a_client_reads_it(recorded):
    answer = recorded.get("metadata")
    assert answer.status == 200
    assert json.loads(answer.body) == capability_statement(recorded.base)


@pytest.mark.skipif(not METADATA.exists(), reason="../shared/data/hapi is not at hand")
def test_it_agrees_with_a_running_hapi():
    """Interactions, includes and parameters, in any order: HAPI's is that of a hash."""
    theirs = {r["type"]: r for r in json.loads(METADATA.read_text())["rest"][0]["resource"]}
    ours = {r["type"]: r for r in capability_statement(BASE)["rest"][0]["resource"]}
    assert list(ours) == list(theirs)
    for kind, row in theirs.items():
        for name in ("profile", "versioning", "conditionalCreate", "conditionalUpdate", "conditionalDelete"):
            assert ours[kind][name] == row[name]
        assert sorted(i["code"] for i in ours[kind]["interaction"]) == sorted(i["code"] for i in row["interaction"])
        assert sorted(ours[kind]["searchInclude"]) == sorted(row["searchInclude"])
        assert sorted(p["name"] for p in ours[kind]["searchParam"]) == sorted(p["name"] for p in row["searchParam"])
        assert set(ours[kind].get("searchRevInclude", ())) == set(row.get("searchRevInclude", ())), kind
