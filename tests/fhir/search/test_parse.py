"""Parsing a search needs no chart: equal ones are one, chains hold searches, and HAPI's first refusal wins."""

import pytest

from medenv.fhir.errors import FhirError
from medenv.fhir.request import parse_query
from medenv.fhir.search.conditions import Condition
from medenv.fhir.search.parse import parse
from medenv.fhir.search.query import Chain, References, ReverseChain

BASE = "http://localhost:8080/fhir"


def parsed(type_, query):
    return parse(type_, parse_query(query), BASE)


def test_equal_values_are_read_once():
    first, second = (parsed("Observation", f"patient=S1&code=K&date=ge2023-01-0{day}") for day in (1, 2))
    shared = [one for one in first.criteria if any(one is other for other in second.criteria)]
    assert len(shared) == 2


def test_what_needs_no_chart_is_a_condition_at_once():
    ready = parsed("Observation", "code=K&date=ge2023&value-quantity=gt4").criteria
    assert all(isinstance(one, Condition) for one in ready)
    assert len(ready) == 3
    assert not isinstance(parsed("Observation", "patient=S1").criteria[0], Condition)


def test_a_reference_is_taken_apart():
    (one,) = parsed(
        "Observation", f"subject={BASE}/Patient/S1,Patient/S2/_history/3,S3,http://x/fhir/Patient/S4"
    ).criteria
    assert isinstance(one, References)
    assert [(r.type, r.id, r.whole) for r in one.values] == [
        ("Patient", "S1", False),
        ("Patient", "S2", False),
        ("", "S3", False),
        ("", "http://x/fhir/Patient/S4", True),
    ]


def test_a_chain_is_a_search_of_each_type_it_can_lead_to():
    (one,) = parsed("Observation", "patient.general-practitioner.name=x").criteria
    assert isinstance(one, Chain)
    (inner,) = one.queries
    assert inner.type == "Patient"
    (link,) = inner.criteria
    assert isinstance(link, Chain)
    assert {query.type for query in link.queries} == {"Organization", "Practitioner"}
    assert one.queries[0] == parsed("Patient", "general-practitioner.name=x")


def test_a_reverse_chain_is_a_search_of_the_other_type():
    (one,) = parsed("Patient", "_has:Observation:patient:code=K").criteria
    assert isinstance(one, ReverseChain)
    assert (one.link.code, one.query) == ("patient", parsed("Observation", "code=K"))


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("date=x&foo=1&_sort=nope", "HAPI-1940"),  # values before names
        ("_count=x&foo=1", "HAPI-0375"),
        ("foo=1&_summary=text,data", "HAPI-0524"),  # names before the rest
        ("_include=x&subject.foo=1", "HAPI-2018"),
        ("subject.foo=1&_sort=nope", "HAPI-1243"),  # conditions before the sort
        ("_sort=nope&_summary=true&_elements=id", "HAPI-1194"),
        ("_summary=true&_elements=id", "HAPI-0304"),
        ("_has:Observation=x&date=y", "HAPI-1942"),
    ],
)
def test_the_first_refusal_wins_each_time(query, number):
    for _ in range(2):
        with pytest.raises(FhirError, match=number):
            parsed("Observation", query)


def test_a_refusal_within_has_is_a_failure():
    with pytest.raises(FhirError, match="HAPI-1940") as refused:
        parsed("Patient", "_has:Observation:patient:date=x")
    assert refused.value.status == 500
