"""Every valid FHIR spelling of the right act passes the strict grader."""

import copy
import json

import pytest

from tests.grading.strict_play import (
    amount,
    dosage,
    grams,
    official,
    order_texts,
    play,
    reference_texts,
    tasks_of,
    top,
    verdict,
)

MAGNESIUM_STYLES = {
    "route as text": dosage(route={"text": "IV"}),
    "route in words": dosage(route={"text": "Intravenous"}),
    "route as a coding": dosage(route={"coding": [{"system": "http://snomed.info/sct", "code": "47625008"}]}),
    "route bare, lower case": dosage(route="iv"),
    "dose in words": amount(doseQuantity=lambda a: {"value": grams(a), "unit": "grams"}),
    "dose in mg": amount(
        doseQuantity=lambda a: {"value": grams(a) * 1000, "unit": "mg"},
        rateQuantity=lambda a: {"value": a["rateQuantity"]["value"], "unit": "hours"},
    ),
    "dose with UCUM": amount(
        doseQuantity=lambda a: {
            "value": float(grams(a)),
            "unit": "g",
            "system": "http://unitsofmeasure.org",
            "code": "g",
        }
    ),
    "rate in minutes": amount(rateQuantity=lambda a: {"value": grams(a) * 60, "unit": "min"}),
    "rate per hour": amount(rateQuantity={"value": 1, "unit": "g/h"}),
    "rate as a ratio": amount(
        rateQuantity=None,
        rateRatio=lambda a: {
            "numerator": {"value": grams(a), "unit": "g"},
            "denominator": {"value": grams(a), "unit": "h"},
        },
    ),
    "time in Z": top(authoredOn="2023-11-13T10:15:00Z"),
    "time elsewhere": top(authoredOn="2023-11-13T05:15:00-05:00"),
    "more elements": top(priority="stat", note=[{"text": "Low magnesium level, replaced by protocol."}]),
    "objects for arrays": lambda p: {**p, "dosageInstruction": p["dosageInstruction"][0]},
}


@pytest.mark.parametrize("style", MAGNESIUM_STYLES)
@pytest.mark.parametrize("branch", ["mild", "moderate", "severe"])
def test_magnesium_in_any_spelling(benchmark, style, branch):
    task = tasks_of(benchmark, 5, branch)[0]
    found = verdict(benchmark, task, order_texts(benchmark, task, MAGNESIUM_STYLES[style]))
    assert found["score"] == 1.0, [c for c in found["checks"] if not c["passed"]]


@pytest.mark.parametrize(
    "change",
    [
        dosage(route={"text": "PO"}),
        dosage(route="by mouth"),
        top(occurrenceDateTime="2023-11-14T03:00:00-05:00"),
        top(occurrencePeriod={"start": "2023-11-14T08:00:00+00:00"}),
    ],
)
def test_potassium_in_any_spelling(benchmark, change):
    def only_its_own(payload):
        changed = change(copy.deepcopy(payload))
        if payload["resourceType"] == "MedicationRequest":
            changed.pop("occurrenceDateTime", None), changed.pop("occurrencePeriod", None)
        elif "occurrencePeriod" in changed:
            changed.pop("occurrenceDateTime")
        return changed

    task = tasks_of(benchmark, 9, "low")[0]
    assert verdict(benchmark, task, order_texts(benchmark, task, only_its_own))["score"] == 1.0


def test_the_two_orders_in_either_sequence(benchmark):
    task = tasks_of(benchmark, 9, "low")[0]
    *looks, first, second, finish = reference_texts(benchmark, task)
    found = play(benchmark, task, [*looks, second, first, finish])
    assert found.verdict["score"] == 1.0
    assert official(found) == 0.0


def test_both_orders_in_one_transaction(benchmark):
    task = tasks_of(benchmark, 9, "low")[0]
    *looks, first, second, finish = reference_texts(benchmark, task)
    entries = [
        {
            "resource": json.loads(text.partition("\n")[2]),
            "request": {"method": "POST", "url": text.partition("\n")[0][5:]},
        }
        for text in (first, second)
    ]
    bundle = "POST \n" + json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert verdict(benchmark, task, [*looks, bundle, finish])["score"] == 1.0


@pytest.mark.parametrize("note", [lambda text: [{"text": text}], lambda text: {"text": text.replace(" ", "\n  ")}])
def test_the_note_as_object_or_list(benchmark, note):
    task = benchmark.tasks.of_type(8)[0]
    texts = order_texts(benchmark, task, lambda p: {**p, "note": note(task.params["note"])})
    assert verdict(benchmark, task, texts)["score"] == 1.0


def test_blood_pressure_as_string_or_components(benchmark):
    task = benchmark.tasks.of_type(3)[0]
    systolic, diastolic = (float(part) for part in task.params["reading"].removesuffix(" mmHg").split("/"))

    def part(code, value):
        return {
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "valueQuantity": {"value": value, "unit": "mmHg"},
        }

    def components(payload):
        payload.pop("valueString")
        return {**payload, "component": [part("8480-6", systolic), part("8462-4", diastolic)]}

    assert verdict(benchmark, task, order_texts(benchmark, task, components))["score"] == 1.0
    spaced = top(valueString=task.params["reading"].replace("/", " / "))
    assert verdict(benchmark, task, order_texts(benchmark, task, spaced))["score"] == 1.0

    def contradicting(payload):
        return {**payload, "component": [part("8480-6", systolic + 1), part("8462-4", diastolic)]}

    assert verdict(benchmark, task, order_texts(benchmark, task, contradicting))["score"] == 0.0


def test_hba1c_time_at_any_offset(benchmark):
    task = tasks_of(benchmark, 10, "fresh")[0]
    *looks, finish = reference_texts(benchmark, task)
    value, when = json.loads(finish[7:-1])
    assert verdict(benchmark, task, [*looks, f'FINISH([{value}, "{when.replace("+00:00", "Z")}"])'])["score"] == 1.0


def test_a_mean_to_one_decimal(benchmark):
    task = tasks_of(benchmark, 6, "present")[0]
    *looks, finish = reference_texts(benchmark, task)
    mean = json.loads(finish[7:-1])[0]
    for answer, score in ((round(mean, 1), 1.0), (mean + 0.04, 1.0), (mean + 0.09, 0.0), (mean + 1, 0.0)):
        assert verdict(benchmark, task, [*looks, f"FINISH([{answer}])"])["score"] == score


def test_reading_in_other_ways(benchmark):
    task = next(t for t in tasks_of(benchmark, 7, "present"))
    finish = reference_texts(benchmark, task)[-1]
    ways = (
        f"GET Observation?patient={task.mrn}&code=GLU&_count=5000",
        f"GET Observation?subject=Patient/{task.mrn}&code=http://loinc.org|GLU&_count=1000",
        f"GET Observation?patient={task.mrn}&_sort=-date&code=GLU&_count=1",
        f"GET Observation?patient={task.mrn}&_count=5000",
    )
    for way in ways:
        assert verdict(benchmark, task, [way, finish])["score"] == 1.0, way
