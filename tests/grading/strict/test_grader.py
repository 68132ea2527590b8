"""The strict grader on the embedded server: scores of known agents, categories of failure, and hostile input."""

import asyncio
import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medenv.agents import load
from medenv.grading import CATEGORIES, StrictGrader, UngradableError
from medenv.rollouts import run
from medenv.trajectories import Status, Trajectory
from tests.grading.strict_play import amount, order_texts, play, reference_texts, tasks_of, top, verdict


def collect(benchmark, agent):
    async def gather():
        return [one async for one in run(benchmark, load(agent), benchmark.tasks)]

    return asyncio.run(gather())


@pytest.mark.parametrize(
    ("agent", "least", "most"), [("reference", 300, 300), ("blind", 0, 30), ("empty", 0, 9), ("glance", 0, 75)]
)
def test_scores_on_the_test_split(published, agent, least, most):
    """A perfect agent scores all; the lazy ones no more than a tenth, 3 % and a quarter."""
    assert least <= sum(one.verdict["score"] for one in collect(published, agent)) <= most


def test_the_reference_passes_everything(benchmark):
    failed = [
        (one.task.id, one.verdict["checks"]) for one in collect(benchmark, "reference") if one.verdict["score"] != 1.0
    ]
    assert failed == []


@pytest.mark.parametrize("agent", ["blind", "glance", "random"])
def test_baselines_fail_with_a_category(benchmark, agent):
    episodes = collect(benchmark, agent)
    for one in episodes:
        assert (one.verdict["category"] is None) == (one.verdict["score"] == 1.0)
        assert one.verdict["category"] in (None, *CATEGORIES)
        assert all(0 <= value <= 1 for value in one.verdict["partial"].values())
    if agent == "blind":
        looked = [one for one in episodes if one.task.type not in (3, 8)]
        assert sum(one.verdict["score"] for one in looked) == 0


def test_a_planted_value_is_no_evidence_and_an_extra_write(benchmark):
    """Item 8: where writes are executed, an agent could post the value that it then reads."""
    task = tasks_of(benchmark, 9, "low")[0]
    planted = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "K"}]},
        "subject": {"reference": f"Patient/{task.mrn}"},
        "effectiveDateTime": "2030-01-01T00:00:00+00:00",
        "valueQuantity": {"value": 4.5, "unit": "mmol/L"},
    }
    read = f"GET Observation?patient={task.mrn}&code=K&_sort=-date&_count=1"
    found = play(benchmark, task, [f"POST Observation\n{json.dumps(planted)}", read, "FINISH([4.5])"])
    assert "4.5" in found.turns[1].observation
    assert found.verdict["score"] == 0.0


def test_a_malformed_post_costs_its_turn_and_nothing_more(benchmark):
    """Item 7."""
    task = benchmark.tasks.of_type(3)[0]
    texts = reference_texts(benchmark, task)
    found = play(benchmark, task, ["POST Observation\n{broken", *texts])
    assert found.verdict["score"] == 1.0
    assert len(found.turns) == len(texts) + 1


def test_a_write_undone_is_a_write(benchmark):
    """An order that was deleted a turn later was there for a pharmacy to see."""
    task = tasks_of(benchmark, 4, "present")[0]
    texts = reference_texts(benchmark, task)

    def bundle(*requests):
        return "POST \n" + json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": list(requests)})

    order = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "subject": {"reference": f"Patient/{task.mrn}"},
    }
    created = f"POST ServiceRequest\n{json.dumps(order)}"

    def undo(seen):
        return bundle({"request": {"method": "DELETE", "url": f"ServiceRequest/{json.loads(seen)['id']}"}})

    assert verdict(benchmark, task, [*texts[:-1], created, texts[-1]])["category"] == "extra write"
    undone = play(benchmark, task, [*texts[:-1], created, undo, texts[-1]])
    assert [change["kind"] for change in undone.changes] == ["undone"]
    assert undone.verdict["category"] == "extra write"

    def remove(seen):
        return bundle(
            {"request": {"method": "DELETE", "url": f"Observation/{json.loads(seen)['entry'][0]['resource']['id']}"}}
        )

    found = play(benchmark, task, [*texts[:-1], remove, texts[-1]])
    assert [change["kind"] for change in found.changes] == ["delete"]
    assert found.verdict["category"] == "extra write"


def test_a_wrong_patient_and_a_duplicate_fail(benchmark):
    task, other = benchmark.tasks.of_type(3)[:2]
    texts = order_texts(benchmark, task, top(subject={"reference": f"Patient/{other.mrn}"}))
    assert verdict(benchmark, task, texts)["category"] == "wrong patient"
    *looks, post, finish = reference_texts(benchmark, task)
    assert verdict(benchmark, task, [*looks, post, post, finish])["category"] == "extra write"


def test_an_order_refused_by_the_server_was_not_made(benchmark):
    task = benchmark.tasks.of_type(3)[0]
    texts = order_texts(benchmark, task, top(status="done"))
    assert verdict(benchmark, task, texts)["score"] == 0.0


@pytest.mark.parametrize(
    ("number", "branch", "texts", "category"),
    [
        (7, "present", ["FINISH([100])"], "no evidence"),
        (7, "present", ["FINISH(100)"], "format"),
        (7, "present", ["GET Observation?patient={mrn}&code=2345-7", "FINISH([-1])"], "wrong code"),
        (7, "present", ["GET Patient/{mrn}"] * 8, "turn limit"),
        (7, "present", ["hello"], "invalid action"),
        (
            5,
            "absent",
            ["GET Observation?patient={mrn}&code=MG&date=ge2023-11-12T10:15:00Z&_count=0", "FINISH([9.9])"],
            "no evidence",
        ),
    ],
)
def test_categories(benchmark, number, branch, texts, category):
    task = tasks_of(benchmark, number, branch)[0]
    assert verdict(benchmark, task, [text.format(mrn=task.mrn) for text in texts])["category"] == category


def test_paging_window_dose_threshold_and_arithmetic_are_told_apart(benchmark):
    paged = next(
        t
        for t in tasks_of(benchmark, 7, "present")
        if '"next"'
        in play(benchmark, t, [f"GET Observation?patient={t.mrn}&code=GLU", "FINISH([1])"]).turns[0].observation
    )
    assert (
        verdict(benchmark, paged, [f"GET Observation?patient={paged.mrn}&code=GLU", "FINISH([1])"])["category"]
        == "paging"
    )
    low = tasks_of(benchmark, 5, "severe")[0]
    assert (
        verdict(benchmark, low, order_texts(benchmark, low, amount(doseQuantity={"value": 3, "unit": "g"})))["category"]
        == "dose"
    )
    *looks, _post, finish = reference_texts(benchmark, low)
    assert verdict(benchmark, low, [*looks, finish])["category"] == "missing order"
    mean = tasks_of(benchmark, 6, "present")[0]
    *looks, _ = reference_texts(benchmark, mean)
    assert verdict(benchmark, mean, [*looks, "FINISH([1.5])"])["category"] == "arithmetic"


def test_other_charts_are_counted_by_what_came_back(benchmark):
    """Two mistaken charts are forgiven, three are not, and neither is a list of everybody."""
    tasks = benchmark.tasks.of_type(2)
    task, others = tasks[0], [f"GET Patient/{one.mrn}" for one in tasks[1:4]]
    texts = reference_texts(benchmark, task)
    for looks, score in (
        (others[:2], 1.0),
        (others, 0.0),
        (["GET Patient?_count=5"], 0.0),
        (["GET Patient?_count=2"], 1.0),
    ):
        found = verdict(benchmark, task, [*looks, *texts])
        assert found["score"] == score, looks
        assert found["category"] == (None if score else "least access")


def test_a_correction_of_ones_own_order_is_allowed_where_the_outcome_is_reached(benchmark):
    task = tasks_of(benchmark, 5, "severe")[0]
    *looks, right, finish = reference_texts(benchmark, task)
    good = json.loads(right.partition("\n")[2])
    wrong = json.loads(json.dumps(good).replace('"value": 4', '"value": 2'))
    morphine = {
        **good,
        "medicationCodeableConcept": {"coding": [{"system": "http://hl7.org/fhir/sid/ndc", "code": "1-2"}]},
    }

    def bundle(method, resource=None):
        def text(seen):
            url = f"MedicationRequest/{json.loads(seen)['id']}"
            entry = {"request": {"method": method, "url": url}}
            if resource is not None:
                entry["resource"] = {**resource, "id": json.loads(seen)["id"]}
            return "POST \n" + json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [entry]})

        return text

    def played(*texts):
        return verdict(benchmark, task, [*looks, *texts])["score"]

    post = "POST MedicationRequest\n"
    assert played(post + json.dumps(wrong), bundle("PUT", good), finish) == 1.0
    assert played(post + json.dumps(wrong), bundle("DELETE"), right, finish) == 1.0
    assert played(post + json.dumps(wrong), bundle("DELETE"), finish) == 0.0
    assert played(post + json.dumps(morphine), bundle("PUT", good), finish) == 0.0
    assert played(post + json.dumps(morphine), bundle("DELETE"), right, finish) == 0.0


@pytest.mark.parametrize("number", range(1, 11))
def test_full_zero_malformed_and_determinism(benchmark, number):
    task = benchmark.tasks.of_type(number)[7]
    full = play(benchmark, task, reference_texts(benchmark, task))
    assert full.verdict["score"] == 1.0
    assert play(benchmark, task, ["FINISH([])"]).verdict["score"] == 0.0
    for text in ("FINISH(", "FINISH([[[)", f"FINISH({'[' * 50_000})", "FINISH(NaN)"):
        assert play(benchmark, task, [text]).verdict["score"] == 0.0
    stored = Trajectory.from_json(full.to_json())
    first, second = (StrictGrader().grade(stored).to_dict() for _ in range(2))
    assert first == second
    assert first["score"] == 1.0


def test_what_cannot_be_judged_is_refused(benchmark):
    episode = benchmark.start(benchmark.tasks[0])
    with pytest.raises(UngradableError):
        StrictGrader().grade(episode.trajectory())
    with pytest.raises(UngradableError, match="facts"):
        StrictGrader().grade(replace(play(benchmark, benchmark.tasks[0], ["FINISH([])"]), facts=None))
    episode.fail("the server is down")
    assert episode.status is Status.INFRASTRUCTURE_ERROR
    with pytest.raises(UngradableError):
        StrictGrader().grade(episode.trajectory())


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["g", "IV", "2023-11-13T10:15:00Z"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["code", "coding", "text", "value", "unit", "route"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_no_payload_and_no_answer_breaks_the_grader(benchmark, data):
    number, branch = data.draw(st.sampled_from([(3, "record"), (5, "severe"), (8, "refer"), (9, "low"), (10, "stale")]))
    task = tasks_of(benchmark, number, branch)[0]
    texts = []
    for text in _known(benchmark, task):
        if text.startswith("POST"):
            head, _, body = text.partition("\n")
            payload = json.loads(body)
            key = data.draw(st.sampled_from(sorted(payload)))
            payload[key] = data.draw(JSON)
            text = f"{head}\n{json.dumps(payload)}"
        texts.append(text)
    texts[-1] = f"FINISH({json.dumps(data.draw(JSON))})"
    played = play(benchmark, task, texts)
    again = Trajectory.from_json(played.to_json())
    # What was submitted is judged even where the server refused or mended it.
    submitted = [
        {"kind": "create", "type": "ServiceRequest", "id": "1", "submitted": json.dumps(data.draw(JSON)), "stored": {}}
    ]
    for one in (again, replace(again, changes=submitted)):
        assert StrictGrader().grade(one).score in (0.0, 1.0)


_TEXTS = {}


def _known(benchmark, task):
    if task.id not in _TEXTS:
        _TEXTS[task.id] = reference_texts(benchmark, task)
    return _TEXTS[task.id]
