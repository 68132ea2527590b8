"""Every verdict listed in the benchmark's rules, given by the published graders, on both kinds of conversation."""

import json

import pytest

from tests.grading.harness import (
    BASE,
    NOTE,
    bp,
    facts,
    lab_order,
    magnesium,
    official,
    post,
    potassium,
    recheck,
    referral,
    task,
    text_protocol,
)

pytestmark = pytest.mark.quick

PASS, FAIL = 1.0, 0.0
RECENT = "2023-11-13T08:00:00+00:00"
CLEAN_BP = post(bp())

LOW_MG = facts((RECENT, 1.2))
FRESH = "2023-06-01T09:00:00+00:00"
STALE = "2022-01-01T09:00:00+00:00"


def route_of(route):
    order = magnesium(2)
    order["dosageInstruction"][0]["route"] = route
    return post(order)


def quantities(value=2, dose_extra=None, rate_unit="h"):
    order = magnesium(2)
    quantity = order["dosageInstruction"][0]["doseAndRate"][0]
    quantity["doseQuantity"] = {"value": value, "unit": "g", **(dose_extra or {})}
    quantity["rateQuantity"] = {"value": value, "unit": rate_unit}
    return post(order)


VECTORS = [
    # type, chart, replies, verdict
    (3, None, [CLEAN_BP, "FINISH([])"], PASS),
    (3, None, [CLEAN_BP, "FINISH(garbage"], PASS),
    (3, None, [CLEAN_BP, "FINISH()"], PASS),
    (3, None, [CLEAN_BP, "I am done."], FAIL),
    (3, None, [CLEAN_BP] + ["GET Patient/S1234567"] * 7, FAIL),
    (3, None, [f"```\n{CLEAN_BP}\n```", "FINISH([])"], FAIL),
    (3, None, [" " + CLEAN_BP, "FINISH([])"], FAIL),
    (3, None, [CLEAN_BP, CLEAN_BP, "FINISH([])"], FAIL),
    (3, None, [CLEAN_BP.replace("/Observation\n", "/Observation/\n"), "FINISH([])"], FAIL),
    (3, None, [CLEAN_BP, post(lab_order("1")), "FINISH([])"], FAIL),
    (3, None, [CLEAN_BP.replace("{", "{,", 1), CLEAN_BP, "FINISH([])"], PASS),
    (3, None, [CLEAN_BP, 'FINISH(["POST done"])'], FAIL),
    *[
        (4, facts((RECENT, 2.7)), [f"FINISH({answer}"], verdict)
        for answer, verdict in [
            ("[2.7])", PASS),
            ("[2.70])", PASS),
            ("[27e-1])", PASS),
            ("[2.7],", PASS),
            ("[2.7]) done", FAIL),
            ('[2.7]",', FAIL),
            ('["2.7"])', FAIL),
            ("2.7)", FAIL),
        ]
    ],
    (4, facts(("2022-05-01T00:00:00+00:00", ...), (RECENT, 2.7)), ["FINISH([2.7])"], FAIL),
    (5, [], ["FINISH(lol"], PASS),
    (5, [], ["GET Patient?name=POST", "FINISH(lol"], FAIL),
    (5, facts((RECENT, 1.9)), [post(magnesium(1)), "FINISH([1.9])"], PASS),
    (5, facts((RECENT, 1.9)), ["FINISH([1.9])"], FAIL),
    (5, LOW_MG, [post(magnesium(2)), "FINISH([])"], PASS),
    (5, LOW_MG, [route_of({"text": "IV"}), "FINISH([])"], FAIL),
    (5, LOW_MG, [route_of("iv"), "FINISH([])"], FAIL),
    (5, LOW_MG, [quantities(dose_extra={"system": "x"}), "FINISH([])"], FAIL),
    (5, LOW_MG, [quantities(rate_unit="hour"), "FINISH([])"], FAIL),
    (5, LOW_MG, [quantities(value=2.0), "FINISH([])"], PASS),
    (5, LOW_MG, [post(magnesium(2, authoredOn="2023-11-13T10:15:00Z")), "FINISH([])"], PASS),
    (6, facts((RECENT, 100)), ["FINISH([100.1])"], PASS),
    (6, facts((RECENT, 50)), ["FINISH([50.1])"], FAIL),
    (6, facts((RECENT, 100)), ["FINISH([NaN])"], FAIL),
    (6, [], ["FINISH([-0.9])"], PASS),
    (8, None, [post(referral()), "FINISH([])"], PASS),
    (8, None, [post(referral(note=[{"text": NOTE}])), "FINISH([])"], FAIL),
    (8, None, [post(referral(note={"text": f"Dear colleague. {NOTE} Thank you."})), "FINISH([])"], PASS),
    (9, facts((RECENT, 3.1)), [post(potassium(40)), post(recheck()), "FINISH([3.1])"], PASS),
    (9, facts((RECENT, 3.1)), [post(recheck()), post(potassium(40)), "FINISH([3.1])"], FAIL),
    (9, facts((RECENT, 3.1)), [post(potassium(40, route=" ORAL ")), post(recheck()), "FINISH([])"], PASS),
    (9, facts((RECENT, 3.1)), [post(potassium(40.1)), post(recheck()), "FINISH([])"], FAIL),
    (9, facts((RECENT, 3.1)), [post(potassium(39.95)), post(recheck()), "FINISH([])"], PASS),
    (9, facts((RECENT, 3.1)), [post(potassium(40)), post(recheck("2023-11-14T08:59:00+00:00")), "FINISH([])"], PASS),
    *[
        (9, facts((RECENT, k)), [post(potassium(dose)), post(recheck()), "FINISH([])"], PASS)
        for k, dose in [(2.5, 100.1), (3.3, 20.1), (3.4, 10.1)]
    ],
    (10, facts((FRESH, 6.1)), [f'FINISH([6.1, "{FRESH}"])'], PASS),
    (10, facts((FRESH, 6.1)), ["FINISH([])"], PASS),
    (10, facts((FRESH, 6.1)), ["FINISH([6.1])"], FAIL),
    (10, facts((FRESH, 6.1)), ['FINISH([6.1, "2023-06-01T09:00:00Z"])'], FAIL),
    (10, [], [post(lab_order("4548-4")), "FINISH([-1])"], PASS),
    (10, [], [post(lab_order("4548-4")), "FINISH([])"], PASS),
    (10, [], ["FINISH([-1])"], FAIL),
]
RESOURCES = ("Observation", "MedicationRequest", "ServiceRequest")


@pytest.mark.parametrize(("number", "chart", "texts", "score"), VECTORS)
def test_vector(number, chart, texts, score):
    assert official(task(number), chart, texts).score == score


@pytest.mark.parametrize(("number", "chart", "texts", "score"), VECTORS)
def test_vector_in_the_text_protocol(number, chart, texts, score):
    assert text_protocol(task(number), chart, texts).score == score


@pytest.mark.parametrize(("number", "chart", "texts", "score"), [v for v in VECTORS if any("POST" in t for t in v[2])])
def test_relative_urls_are_resolved_in_the_text_protocol_only(number, chart, texts, score):
    relative = [t.replace(f"POST {BASE}", "POST /") for t in texts]
    assert text_protocol(task(number), chart, relative).score == score
    if score and any(t.startswith("POST /") and not t.startswith("POST /Observation\n{,") for t in relative):
        assert official(task(number), chart, relative).score == FAIL


def test_a_raised_harness_error_is_graded():
    """Its result is an object, which only the types that never look at the answer accept."""
    error = {"error": "the harness raised"}
    assert official(task(3), None, [CLEAN_BP], result=error).score == PASS
    assert official(task(8), None, [post(referral())], result=error).score == PASS
    assert official(task(5), [], [], result=error).score == PASS
    assert official(task(5), LOW_MG, [post(magnesium(2))], result=error).score == FAIL
    assert official(task(4), [], [], result=error).score == FAIL


def test_without_a_result_nothing_passes():
    for number, payload in ((3, bp()), (8, referral())):
        for status in ("task limit reached", "agent context limit", "agent invalid action"):
            verdict = text_protocol(task(number), None, [post(payload)] + ["GET Patient/S1"] * 7, status=status)
            assert verdict.score == FAIL
            assert [c.name for c in verdict.failures] == ["the episode has a result"]


def test_null_as_latest_value():
    null = facts((RECENT, None))
    assert official(task(4), null, ["FINISH([-1])"]).score == PASS
    assert official(task(7), null, ["FINISH([-1])"]).score == PASS
    assert official(task(6), null, ["FINISH([-1])"]).score == FAIL
    assert official(task(6), facts(("2023-01-01T00:00:00+00:00", None)), ["FINISH([-1])"]).score == PASS


def test_first_listed_of_equal_times_counts():
    assert official(task(7), facts((RECENT, 90), (RECENT, 110)), ["FINISH([90])"]).score == PASS
    assert official(task(7), facts((RECENT, 90), (RECENT, 110)), ["FINISH([110])"]).score == FAIL


def test_window_has_no_upper_bound_and_begins_24_hours_before():
    assert official(task(4), facts(("2030-01-01T00:00:00+00:00", 2.1), (RECENT, 1.9)), ["FINISH([2.1])"]).score == PASS
    assert official(task(4), facts(("2023-11-12T10:15:00+00:00", 2.1)), ["FINISH([2.1])"]).score == PASS
    assert official(task(4), facts(("2023-11-12T10:14:59+00:00", 2.1)), ["FINISH([-1])"]).score == PASS


@pytest.mark.parametrize(
    ("born", "age"), [("1970-11-13", 53), ("1970-11-14", 52), ("1970-11-12", 53), ("2000-02-29", 23)]
)
def test_age_counts_todays_birthday(born, age):
    assert official(task(2), [{"birthDate": born}], [f"FINISH([{age}])"]).score == PASS
    assert official(task(2), [{"birthDate": born}], [f"FINISH([{age + 1}])"]).score == FAIL


@pytest.mark.parametrize("chart", [[], [{}], [{"birthDate": "1970"}]])
def test_age_fails_where_the_chart_has_no_birth_date(chart):
    assert official(task(2), chart, ["FINISH([53])"]).score == FAIL


@pytest.mark.parametrize("value", [0.9, 1.0, 1.49, 1.5, 1.9])
def test_magnesium_tiers(value):
    dose = 4 if value < 1 else 2 if value < 1.5 else 1
    for given in (1, 2, 4):
        verdict = official(task(5), facts((RECENT, value)), [post(magnesium(given)), f"FINISH([{value}])"])
        assert verdict.score == (PASS if given == dose else FAIL)


@pytest.mark.parametrize(("when", "orders"), [("2022-11-13T10:15:00+00:00", 0), ("2022-11-13T10:14:59+00:00", 1)])
def test_hba1c_is_stale_after_one_year(when, orders):
    finish = f'FINISH([5.5, "{when}"])'
    order = post(lab_order("4548-4"))
    chart = facts((when, 5.5))
    assert official(task(10), chart, [order, finish]).score == (PASS if orders else FAIL)
    assert official(task(10), chart, [finish]).score == (FAIL if orders else PASS)


def test_parameters_come_from_the_task():
    assert (
        official(task(3, reading="131/80 mmHg"), None, [post(bp(valueString="131/80 mmHg")), "FINISH([])"]).score
        == PASS
    )
    assert official(task(3, reading="131/80 mmHg"), None, [CLEAN_BP, "FINISH([])"]).score == FAIL
    other_day = task(9, recheck_day="2024-02-02")
    texts = [post(potassium(40)), post(recheck("2024-02-02T08:00:00+00:00")), "FINISH([3.1])"]
    assert official(other_day, facts((RECENT, 3.1)), texts).score == PASS


def test_numbers_and_truth_values_compare_as_in_python():
    assert official(task(5), facts((RECENT, 1.7)), [post(magnesium(True)), "FINISH([1.7])"]).score == PASS
    assert official(task(4), facts((RECENT, 1)), ["FINISH([true])"]).score == PASS


@pytest.mark.parametrize("payload", ["[]", '"text"', "3", "null", "NaN", '{"category": "x"}', '{"category": {"0": 1}}'])
def test_payloads_that_are_no_resource_count_and_fail(payload):
    for number, resource in ((3, "Observation"), (8, "ServiceRequest")):
        verdict = official(task(number), None, [f"POST {BASE}{resource}\n{payload}", "FINISH([])"])
        assert verdict.score == FAIL
        assert verdict.checks[0].passed, "it is an accepted POST all the same"


def test_every_check_is_named_and_verdicts_are_deterministic():
    for number, chart, texts, _ in VECTORS:
        first, second = (official(task(number), chart, texts) for _ in range(2))
        assert first == second
        names = [check.name for check in first.checks]
        assert names
        assert len(set(names)) == len(names)
        assert first.score == (PASS if all(c.passed for c in first.checks) else FAIL)
        json.dumps(first.to_dict())
