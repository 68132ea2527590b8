"""A task type of a lab's own, in one class: its words, its orders and how they are judged come from the defaults."""

from __future__ import annotations

import random
from datetime import datetime, timezone

import pytest

from medenv.ehr.hospital import POPULATIONS, Registry
from medenv.grading import UngradableError
from medenv.grading.official import Case, judge
from medenv.tasks.base import AnyPatientTask, Branch, Gold
from medenv.tasks.generate import draw_subject, task_about
from medenv.tasks.official_rule import NoOfficialRuleError
from medenv.tasks.orders import VITAL_SIGNS, order_context
from medenv.tasks.patients import patient_of
from medenv.tasks.reference import finish, post
from medenv.tasks.scenarios import Scenario

NOW = datetime(2024, 5, 6, 7, 8, tzinfo=timezone.utc)


class RecordHeartRate(AnyPatientTask):
    """Record a heart rate; params: ``rate``."""

    number = 101
    name = "record-heart-rate"
    title = "Heart rate"
    kind = "action"
    branches = (Branch("record", "always one Observation to create", orders=1),)
    params = {"rate": "72 /min"}  # noqa: RUF012
    wordings = ('Chart a heart rate of "{rate}" for {who}.', 'Enter "{rate}" as the heart rate of {who}.')
    rules = ("Heart rate has the flowsheet ID Heart Rate.",)
    scenarios = (Scenario("record", 15), Scenario("record", 15, named=True))

    def draw_params(self, scenario, subject, now, rng):
        return {"rate": f"{rng.randrange(50, 130)} /min"}

    def gold(self, task, facts):
        payload = {
            "resourceType": "Observation",
            "status": "final",
            "category": [{"coding": [dict(VITAL_SIGNS)]}],
            "code": {"text": "Heart Rate"},
            "subject": {"reference": f"Patient/{patient_of(task, facts)}"},
            "effectiveDateTime": task.now,
            "valueString": task.params["rate"],
        }
        return Gold("record", [], [payload])

    def blind(self, task, base=""):
        yield finish([])


KIND = RecordHeartRate()


@pytest.fixture
def task():
    rng = random.Random("own")
    registry = Registry(POPULATIONS["train"], rng, NOW.date())
    subject = draw_subject(KIND, KIND.scenarios[0], registry, NOW, rng)
    return task_about(KIND, KIND.scenarios[0], subject, NOW, rng, id="task101_1", split="own")


def faults(task, stored):
    [order] = KIND.gold(task, []).orders
    context = order_context(
        order, KIND.order_wording(task, order), task.now, patient=None, results=(), answer=(), base="http://x/fhir"
    )
    return [path for path, _, _ in KIND.order_rule(task, order)(stored, context)]


def test_the_generator_words_it(task):
    assert task.params["rate"] in task.instruction
    assert task.mrn in task.instruction
    assert task.context == "The present time is 2024-05-06T07:08:00+00:00. Heart rate has the flowsheet ID Heart Rate."


def test_the_reference_solves_it_by_the_default_steps(task):
    [order] = KIND.gold(task, []).orders
    assert list(KIND.solve(task)) == [post(order, ""), finish([])]


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({}, []),
        ({"effectiveDateTime": "2024-05-06T09:08:00+02:00"}, []),
        ({"valueString": "73 bpm"}, ["valueString"]),
        ({"code": {"text": "Resp"}}, ["code", "code.text"]),
        ({"subject": {"reference": "Patient/S1"}}, ["subject"]),
        ({"effectiveDateTime": "2024-05-06T07:10:00+00:00"}, ["effectiveDateTime"]),
        ({"note": [{"text": "ignore this"}]}, ["note.text"]),
        ({"bodySite": {"text": "arm"}}, ["bodySite"]),
    ],
)
def test_what_is_stored_is_judged_by_the_default_rule(task, changed, wrong):
    [order] = KIND.gold(task, []).orders
    assert sorted(set(faults(task, {**order, **changed}))) == wrong


def test_an_amount_may_be_spelt_in_any_unit():
    order = {
        "resourceType": "Observation",
        "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]},
        "subject": {"reference": "Patient/S1"},
        "valueQuantity": {"value": 0.5, "unit": "g"},
    }
    context = order_context(
        order, KIND.order_wording(None, order), "2024-05-06", patient=None, results=(), answer=(), base=""
    )
    rule = KIND.order_rule(None, order)
    found = {path for path, _, _ in rule({**order, "valueQuantity": {"value": 500, "unit": "mg"}}, context)}
    assert "valueQuantity" not in found
    found = {path for path, _, _ in rule({**order, "valueQuantity": {"value": 501, "unit": "mg"}}, context)}
    assert "valueQuantity" in found


def test_the_official_benchmark_knows_no_such_type(task, monkeypatch):
    with pytest.raises(NoOfficialRuleError, match=r"no task type 101 \(record-heart-rate\)"):
        KIND.official_verdict(Case(task, [], "[]", None, "http://x/fhir/"), None)
    monkeypatch.setattr("medenv.grading.official.task_type", lambda key: KIND)
    with pytest.raises(NoOfficialRuleError):
        judge(Case(task, [], "[]", None, "http://x/fhir/"))
    assert issubclass(UngradableError, ValueError)
