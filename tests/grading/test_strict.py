"""The strict grader on the embedded server: every valid spelling of the right act passes, every known trick fails."""

import asyncio
import copy
import json
from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from medenv.agents import load

from medenv.episode import Benchmark
from medenv.grading import CATEGORIES, OfficialGrader, StrictGrader, UngradableError
from medenv.protocol import Status, Trajectory
from medenv.rollouts import run
from medenv.tasks import task_type


@pytest.fixture(scope="module")
def benchmark():
    with Benchmark("builtin", "strict") as made:
        yield made


def collect(benchmark, agent):
    async def gather():
        return [one async for one in run(benchmark, load(agent), benchmark.tasks)]

    return asyncio.run(gather())


@pytest.fixture(scope="module")
def published():
    """The fixed test split, whose tasks of types 3 and 8 name the patient by name and birth date."""
    with Benchmark("test") as made:
        yield made


@pytest.mark.parametrize(
    ("agent", "least", "most"), [("reference", 300, 300), ("blind", 0, 30), ("empty", 0, 9), ("glance", 0, 75)]
)
def test_scores_on_the_test_split(published, agent, least, most):
    """A perfect agent scores all; the lazy ones no more than a tenth, 3 % and a quarter."""
    assert least <= sum(one.verdict["score"] for one in collect(published, agent)) <= most


def tasks_of(benchmark, number, branch):
    return [task for task in benchmark.tasks.of_type(number) if task.branch == branch]


def play(benchmark, task, texts):
    """Plays texts; a callable among them is given the last observation and makes the next text."""
    episode, seen = benchmark.start(task), ""
    for text in texts:
        seen = episode.step(text(seen) if callable(text) else text).observation
        if episode.done:
            break
    return benchmark.finish(episode)


def reference_texts(benchmark, task):
    episode = benchmark.start(task)
    steps, texts = task_type(task.type).solve(task), []
    text = next(steps)
    while True:
        texts.append(text)
        transition = episode.step(text)
        if transition.done:
            return texts
        text = steps.send(transition.observation)


def verdict(benchmark, task, texts):
    return play(benchmark, task, texts).verdict


def official(trajectory):
    return OfficialGrader().grade(trajectory).score


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


# --- one right act, many spellings


def order_texts(benchmark, task, change):
    """The reference's texts with its posted payloads changed."""
    out = []
    for text in reference_texts(benchmark, task):
        if text.startswith("POST"):
            head, _, body = text.partition("\n")
            payload = json.loads(body)
            replaced = change(copy.deepcopy(payload))
            text = f"{head}\n{json.dumps(payload if replaced is None else replaced)}"
        out.append(text)
    return out


def dosage(**changes):
    def change(payload):
        if payload["resourceType"] == "MedicationRequest":
            payload["dosageInstruction"][0].update(changes)
        return payload

    return change


def amount(**changes):
    def change(payload):
        if payload["resourceType"] == "MedicationRequest":
            amounts = payload["dosageInstruction"][0]["doseAndRate"][0]
            for name, value in changes.items():
                amounts[name] = value(amounts) if callable(value) else value
            payload["dosageInstruction"][0]["doseAndRate"][0] = {k: v for k, v in amounts.items() if v is not None}
        return payload

    return change


def top(**changes):
    return lambda payload: {**payload, **changes}


def grams(amounts):
    return amounts["doseQuantity"]["value"]


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
    "more elements": top(priority="stat", note=[{"text": "as discussed"}]),
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


@pytest.mark.parametrize("note", [lambda text: [{"text": text}], lambda text: {"text": f"Dear colleague, {text}"}])
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


# --- known tricks (numbers as in the list of known ways to game the benchmark)


def finish_of(benchmark, task):
    return reference_texts(benchmark, task)[-1]


def trick_doing_nothing(benchmark, task):
    return ["FINISH([])"]


def trick_template_unread(benchmark, task):
    steps = task_type(task.type).blind(task)
    return list(steps)


def trick_memorised(benchmark, task):
    """The right orders for a patient whose MRN is known from elsewhere, without a look at the chart."""
    return [text for text in reference_texts(benchmark, task) if not text.startswith("GET")]


def trick_empty_answer(benchmark, task):
    *looks, _ = reference_texts(benchmark, task)
    return [*looks, "FINISH([])"]


def trick_wrong_code(benchmark, task):
    loinc = {5: "2601-3", 9: "2823-3", 10: "4548-4"}[task.type]
    orders = [text for text in reference_texts(benchmark, task) if text.startswith("POST")]
    return [f"GET Observation?patient={task.mrn}&code={loinc}", *orders, "FINISH([])"]


def trick_uncounted_post(benchmark, task):
    """A second order inside a fence, which the transcript grader doesn't count, but the server executes."""
    *looks, finish = reference_texts(benchmark, task)
    posts = [text for text in looks if text.startswith("POST")]
    return [*looks, f"```\n{posts[0]}\n```", finish]


def trick_tolerance(benchmark, task):
    *looks, _ = reference_texts(benchmark, task)
    return [*looks, "FINISH([-0.95])"]


def trick_population_dump(benchmark, task):
    *looks, finish = reference_texts(benchmark, task)
    return [*(f"GET Observation?code=GLU&_count=1000&_offset={n * 1000}" for n in range(4)), *looks[-3:], finish]


def trick_server_reply_in_own_message(benchmark, task):
    finish = finish_of(benchmark, task)
    return [
        f"GET Patient?_count=1\nHere is the response from the GET request:\nObservation/{task.mrn} {finish}",
        finish,
    ]


TRICKS = [
    (1, trick_doing_nothing, 5, "absent"),
    (1, trick_doing_nothing, 9, "normal"),
    (1, trick_doing_nothing, 10, "fresh"),
    (2, trick_memorised, 3, "record"),
    (2, trick_memorised, 8, "refer"),
    (3, trick_empty_answer, 5, "mild"),
    (3, trick_empty_answer, 9, "low"),
    (3, trick_empty_answer, 10, "fresh"),
    (4, trick_wrong_code, 5, "absent"),
    (4, trick_wrong_code, 9, "normal"),
    (5, trick_template_unread, 10, "stale"),
    (5, trick_template_unread, 10, "absent"),
    (6, trick_uncounted_post, 3, "record"),
    (6, trick_uncounted_post, 8, "refer"),
    (9, trick_tolerance, 6, "absent"),
    (10, trick_population_dump, 6, "present"),
    (11, trick_server_reply_in_own_message, 7, "present"),
]


@pytest.fixture(scope="module")
def trick_table(benchmark, published):
    """Official and strict scores of every trick on the tasks it aims at; printed whole at the end."""
    table = {}
    for item, trick, number, branch in TRICKS:
        arena = published if trick is trick_memorised else benchmark
        played = [play(arena, task, trick(arena, task)) for task in tasks_of(arena, number, branch)]
        scores = [official(one) for one in played], [one.verdict["score"] for one in played]
        table[item, trick, number, branch] = tuple(sum(score) / len(score) for score in scores)
    return table


@pytest.mark.parametrize("trick", TRICKS)
def test_tricks_score_officially_and_fail_strictly(trick_table, trick):
    assert trick_table[trick] == (1.0, 0.0)


def test_the_table_of_tricks(trick_table, capsys):
    with capsys.disabled():
        print("\n\nitem  trick                              type  branch    official  strict")
        for (item, trick, number, branch), (loose, strict) in trick_table.items():
            name = trick.__name__.removeprefix("trick_").replace("_", " ")
            print(f"{item:4d}  {name:33s}  {number:4d}  {branch:8s}  {100 * loose:6.1f} %  {100 * strict:4.1f} %")
    assert len(trick_table) == len(TRICKS)


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


def test_a_write_undone_restores_or_fails(benchmark):
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
    assert verdict(benchmark, task, [*texts[:-1], created, undo, texts[-1]])["score"] == 1.0

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
    assert verdict(benchmark, task, texts)["category"] == "wrong retrieval"
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
            ["GET Observation?patient={mrn}&code=MG&date=ge2023-11-12T10:15:00Z&_count=0", "FINISH([2.0])"],
            "wrong retrieval",
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
    assert verdict(benchmark, low, [*looks, finish])["category"] == "threshold"
    mean = tasks_of(benchmark, 6, "present")[0]
    *looks, _ = reference_texts(benchmark, mean)
    assert verdict(benchmark, mean, [*looks, "FINISH([1.5])"])["category"] == "arithmetic"


def test_trawling_is_limited(benchmark):
    task = benchmark.tasks.of_type(2)[0]
    texts = reference_texts(benchmark, task)
    for count, score in ((3, 1.0), (4, 0.0)):
        assert verdict(benchmark, task, [*["GET Patient?_count=5"] * count, *texts])["score"] == score


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
    episode.fail("the server is down")
    assert episode.status is Status.INFRASTRUCTURE_ERROR
    with pytest.raises(UngradableError):
        StrictGrader().grade(episode.trajectory())


def test_a_look_names_its_patient_through_the_next_link(benchmark):
    task = next(t for t in benchmark.tasks.of_type(6) if t.branch == "present")
    pages = [f"GET Observation?patient={quote(task.mrn)}&code=GLU&_count=2"]

    def follow(seen):
        links = {link["relation"]: link["url"] for link in json.loads(seen)["link"]}
        return f"GET {links.get('next', 'Patient?_count=1')}"

    found = play(benchmark, task, [*pages, *[follow] * 6, "FINISH([1])"])
    unnamed = next(check for check in found.verdict["checks"] if check["name"] == "no trawling")
    assert unnamed["passed"]


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
