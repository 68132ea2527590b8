"""The ten types: what a chart demands, how the reference reads it, and what the blind policy does without reading."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from medenv.fhir.jsontext import Number
from medenv.tasks import DEFAULT_NOW, TYPES, Task, UnexpectedObservationError, UnknownNameError, builtin, task_type

pytestmark = pytest.mark.quick

MRN = "S7654321"
BASE = "http://localhost:8080/fhir/"


def observation(value, at: str, id: str = "1", code: str = "K") -> dict:
    return {
        "resourceType": "Observation",
        "id": id,
        "code": {"text": code},
        "subject": {"reference": f"Patient/{MRN}"},
        "effectiveDateTime": at,
        **({} if value is None else {"valueQuantity": {"value": value}}),
    }


def person(given: str, family: str, born: str, mrn: str = MRN) -> dict:
    return {
        "resourceType": "Patient",
        "id": mrn,
        "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": mrn}],
        "name": [{"family": family, "given": [given]}],
        "birthDate": born,
    }


def make(number: int, **params) -> Task:
    known = TYPES[number]
    branch = known.branches[0].name
    return known.make(f"task{number}_1", MRN, split="test", branch=branch, now=DEFAULT_NOW, params=params)


def gold(number: int, *facts: dict, **params):
    return TYPES[number].gold(make(number, **params), facts)


def test_ten_types_with_names_of_their_own():
    assert list(TYPES) == list(range(1, 11))
    assert len({known.name for known in TYPES.values()}) == 10
    assert [n for n, known in TYPES.items() if known.kind == "action"] == [3, 5, 8, 9, 10]
    assert task_type("mean-glucose") is task_type(6) is task_type("6")
    with pytest.raises(UnknownNameError, match=r"'lastest-glucose'; did you mean 'latest-glucose'"):
        task_type("lastest-glucose")
    with pytest.raises(UnknownNameError, match="11"):
        task_type(11)


def test_a_branch_the_type_does_not_have_is_refused():
    with pytest.raises(ValueError, match=r"no branch 'low'; it has: present, absent"):
        TYPES[4].make("task4_1", MRN, split="test", branch="low", now=DEFAULT_NOW)


@pytest.mark.parametrize(
    ("born", "age", "branch"),
    [
        ("1950-11-12", 73, "ordinary"),
        ("1950-11-13", 73, "birthday"),
        ("1950-11-14", 72, "eve"),
        ("1948-02-29", 75, "ordinary"),
        ("2000-12-31", 22, "ordinary"),
    ],
)
def test_age_counts_completed_years(born, age, branch):
    found = gold(2, person("A", "B", born))
    assert (found.answer, found.branch) == ([age], branch)


@pytest.mark.parametrize(
    ("today", "age", "branch"),
    [
        ("2023-02-28", 74, "eve"),
        ("2023-03-01", 75, "birthday"),
        ("2023-03-02", 75, "ordinary"),
        ("2024-02-28", 75, "eve"),
        ("2024-02-29", 76, "birthday"),
        ("2024-03-01", 76, "ordinary"),
    ],
)
def test_who_is_born_on_a_leap_day_turns_older_on_the_first_of_march_of_other_years(today, age, branch):
    task = replace(make(2), now=f"{today}T10:15:00+00:00")
    found = TYPES[2].gold(task, [person("A", "B", "1948-02-29")])
    assert (found.answer, found.branch) == ([age], branch)


def test_age_of_nobody_is_an_error():
    with pytest.raises(ValueError, match=MRN):
        gold(2)


def test_a_longer_name_or_another_birthday_is_somebody_else():
    who = {"given": "Leo", "family": "Oakhurst", "birthdate": "1970-01-02", "sol": ["unused"]}
    others = [person("Leopold", "Oakhurst", "1970-01-02", "S1"), person("Leo", "Oakhurst", "1970-01-03", "S2")]
    assert gold(1, *others, **who).answer == ["Patient not found"]
    assert gold(1, *others, person("LEO", "Oakhurst", "1970-01-02", "S3"), **who).answer == ["S3"]


@pytest.mark.parametrize(
    ("value", "branch", "grams"),
    [
        (2.0, "normal", None),
        (1.91, "normal", None),
        (1.9, "mild", 1),
        (1.5, "mild", 1),
        (1.49, "moderate", 2),
        (1.0, "moderate", 2),
        (0.99, "severe", 4),
        (0.4, "severe", 4),
    ],
)
def test_magnesium_tiers(value, branch, grams):
    found = gold(5, observation(value, "2023-11-13T08:00:00+00:00"))
    assert (found.branch, found.answer) == (branch, [value])
    if grams is None:
        assert not found.orders
        return
    (order,) = found.orders
    assert order == {
        "resourceType": "MedicationRequest",
        "medicationCodeableConcept": {
            "coding": [{"system": "http://hl7.org/fhir/sid/ndc", "code": "0338-1715-40"}],
        },
        "authoredOn": DEFAULT_NOW,
        "dosageInstruction": [
            {
                "route": "IV",
                "doseAndRate": [
                    {"doseQuantity": {"value": grams, "unit": "g"}, "rateQuantity": {"value": grams, "unit": "h"}}
                ],
            }
        ],
        "status": "active",
        "intent": "order",
        "subject": {"reference": f"Patient/{MRN}"},
    }


@pytest.mark.parametrize(
    ("at", "inside"),
    [
        ("2023-11-12T10:15:00+00:00", True),
        ("2023-11-12T10:14:59+00:00", False),
        ("2023-11-12T11:15:00+01:00", True),
        ("2023-11-12T10:15:00Z", True),
        ("2023-11-14T00:00:00+00:00", True),
        ("2023-11-12", False),
    ],
)
def test_the_window_is_24_hours_and_open_to_the_future(at, inside):
    assert gold(4, observation(2.2, at)).answer == ([2.2] if inside else [-1])
    assert gold(5, observation(1.2, at)).branch == ("moderate" if inside else "absent")
    assert gold(6, observation(100, at)).answer == ([100] if inside else [-1])


def test_the_mean_is_over_the_window_only():
    values = [observation(v, f"2023-11-13T0{i}:00:00+00:00") for i, v in enumerate((90, 100, 125.5))]
    assert gold(6, *values, observation(900, "2023-11-12T10:00:00+00:00")).answer == [pytest.approx(105.1666666)]


def test_of_equal_times_the_first_listed_counts_and_values_without_a_number_do_not():
    at = "2023-11-13T08:00:00+00:00"
    listed = [observation(3.9, at, "5"), observation(4.4, at, "6"), observation(None, "2023-11-13T09:00:00+00:00")]
    assert gold(7, *listed).answer == [3.9]


def test_numbers_that_keep_their_spelling_are_numbers():
    assert gold(7, observation(Number("4.0"), "2023-11-13T08:00:00+00:00")).answer == [4.0]
    assert gold(7, observation(Number("12"), "2023-11-13T08:00:00+00:00")).answer == [12]


@pytest.mark.parametrize(("value", "dose"), [(3.4, 10), (3.1, 40), (2.5, 100), (3.25, 25), (3.14, 36)])
def test_potassium_dose_and_recheck(value, dose):
    found = gold(9, observation(value, "2023-11-01T08:00:00+00:00"))
    replacement, recheck = found.orders
    assert found.answer == [value]
    assert replacement["dosageInstruction"] == [
        {"route": "oral", "doseAndRate": [{"doseQuantity": {"value": dose, "unit": "mEq"}}]}
    ]
    assert recheck["code"] == {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]}
    assert recheck["occurrenceDateTime"] == "2023-11-14T08:00:00+00:00"
    assert recheck["priority"] == "stat"


def test_potassium_of_exactly_the_goal_is_normal():
    found = gold(9, observation(3.5, "2023-11-01T08:00:00+00:00"))
    assert (found.branch, found.answer, list(found.orders)) == ("normal", [3.5], [])
    assert gold(9).answer == [-1]


@pytest.mark.parametrize(
    ("at", "branch"),
    [
        ("2022-11-13T10:15:00+00:00", "fresh"),
        ("2022-11-13T10:14:00+00:00", "stale"),
        ("2023-11-12T10:15:00+00:00", "fresh"),
    ],
)
def test_hba1c_is_renewed_after_a_year(at, branch):
    found = gold(10, observation(6.1, at))
    assert (found.branch, found.answer) == (branch, [6.1, at])
    assert len(found.orders) == (branch == "stale")
    assert gold(10).branch == "absent"
    assert gold(10).orders[0]["code"]["coding"][0]["code"] == "4548-4"


def test_a_referral_carries_its_text_as_an_object():
    (order,) = gold(8, note="Some words.").orders
    assert order["note"] == {"text": "Some words."}
    assert order["code"]["coding"][0]["code"] == "306181000000106"


def test_a_blood_pressure_as_the_flowsheet_wants_it():
    (order,) = gold(3, reading="131/80 mmHg").orders
    assert order["valueString"] == "131/80 mmHg"
    assert order["code"] == {"text": "BP"}
    assert order["effectiveDateTime"] == DEFAULT_NOW


# the reference solution


def test_ties_at_the_latest_time_are_read_to_the_end_and_the_lowest_id_counts(make_chart):
    at = "2023-11-13T08:00:00+00:00"
    values = [observation(3.6 + i / 10, at, str(100 + i)) for i in range(9)]
    older = observation(9.9, "2023-11-13T07:00:00+00:00", "99")

    class Unfair(make_chart):
        """Lists ties of a sorted search backwards, as a server may."""

        def search(self, url):
            found = super().search(url)
            return found[::-1] if "_sort" in url and len(found) > 1 else found

    chart = Unfair([*values, older])
    chart._observations[f"Patient/{MRN}", "K"].sort(key=lambda one: one["effectiveDateTime"])
    actions = chart.run(TYPES[9].solve(make(9)))
    assert actions[-1] == "FINISH([3.6])"
    assert sum(action.startswith("GET") for action in actions) == 2


def test_many_values_are_paged_through(make_chart):
    values = [
        observation(100 + i, f"2023-11-13T{i // 12:02}:{i % 12 * 5:02}:00+00:00", str(i), "GLU") for i in range(120)
    ]
    actions = make_chart(values).run(TYPES[6].solve(make(6)))
    assert actions[-1] == "FINISH([159.5])"
    assert 2 < len(actions) <= 8


def test_urls_are_put_below_the_base(make_chart):
    chart = make_chart([observation(3.0, "2023-11-13T08:00:00+00:00")])
    actions = chart.run(TYPES[9].solve(make(9), BASE), BASE)
    assert [action.split("\n")[0].split("?")[0] for action in actions[:-1]] == [
        f"GET {BASE}Observation",
        f"POST {BASE}MedicationRequest",
        f"POST {BASE}ServiceRequest",
    ]


def test_posts_are_one_line_of_json_after_the_url(make_chart):
    post, _ = make_chart([]).run(TYPES[8].solve(make(8, note="A\nB")))
    head, body = post.split("\n")
    assert head == "POST ServiceRequest"
    assert json.loads(body)["note"]["text"] == "A\nB"


def test_the_reference_does_not_look_at_the_expected_answer(builtin_chart):
    for task in builtin.tasks():
        if task.type == 1:
            without = replace(task, params={**task.params, "sol": ["S0000000"]}, branch=None, mrn=None)
            actions = builtin_chart.run(TYPES[1].solve(without))
            assert actions[-1] == f"FINISH({json.dumps(task.params['sol'])})"


@pytest.mark.parametrize("seen", ["HTTP 500\n", "", "HTTP 404\n{}", '{"resourceType": "OperationOutcome"}', "{" * 9000])
def test_an_answer_that_is_no_bundle_is_an_error_and_not_an_empty_chart(seen):
    solution = TYPES[7].solve(make(7))
    next(solution)
    with pytest.raises(UnexpectedObservationError, match="GET Observation"):
        solution.send(seen)


def test_words_around_the_body_do_not_matter():
    solution = TYPES[7].solve(make(7))
    next(solution)
    body = json.dumps({"resourceType": "Bundle", "entry": [{"resource": observation(88, DEFAULT_NOW)}]})
    assert solution.send(f"Here it comes:\n{body}. Please go on {{or not}}") == "FINISH([88])"


# the blind policy


def blind(task: Task) -> list[str]:
    actions = []
    solution = TYPES[task.type].blind(task)
    try:
        action = next(solution)
        while True:
            actions.append(action)
            action = solution.send("HTTP 404")
    except StopIteration:
        return actions


BLIND = {
    1: ['FINISH(["Patient not found"])'],
    2: ["FINISH([])"],
    4: ["FINISH([-1])"],
    5: ["FINISH([])"],
    6: ["FINISH([-1])"],
    7: ["FINISH([])"],
    9: ["FINISH([])"],
}


def check_blind(task: Task) -> None:
    """It never reads, and knows only the two texts."""
    actions = blind(replace(task, params={}, mrn=None, branch=None, now="1900-01-01T00:00:00+00:00"))
    if task.type in BLIND or "birthdate" in task.params:
        assert actions == BLIND.get(task.type, ["FINISH([])"])
        return
    post, finish = actions
    head, body = post.split("\n")
    payload = json.loads(body)
    assert payload["subject"]["reference"] == f"Patient/{task.mrn}"
    if task.type == 3:
        assert head == "POST Observation"
        assert (payload["valueString"], payload["effectiveDateTime"]) == (task.params["reading"], task.now)
    elif task.type == 8:
        assert payload["note"] == {"text": task.params["note"]}
        assert payload["code"]["coding"][0]["code"] == task.params["snomed"]
    else:
        assert payload["code"]["coding"][0]["code"] == task.params["loinc"]
    if task.type in (8, 10):
        assert head == "POST ServiceRequest"
        assert payload["authoredOn"] == task.now
    assert finish == "FINISH([])"


def test_blind_on_our_wording():
    for task in builtin.tasks():
        check_blind(task)


def test_blind_and_reference_on_the_official_rows(official):
    from medenv.tasks import load_rows

    for task in load_rows(official.folder):
        check_blind(task)
        actions = official.chart.run(TYPES[task.type].solve(task))
        assert len(actions) <= 8
        assert re.fullmatch(r"FINISH\(\[.*\]\)", actions[-1])
        if task.type == 1:
            assert actions[-1] == f"FINISH({json.dumps(task.params['sol'])})"


def test_official_branches_are_those_of_the_published_analysis(official):
    from collections import Counter

    from medenv.tasks import load_rows

    counts: Counter[tuple[int, str]] = Counter()
    for task in load_rows(official.folder):
        query = TYPES[task.type].reference_query(task)
        counts[task.type, TYPES[task.type].gold(task, official.chart.search(query) if query else []).branch] += 1
    assert counts == {
        (1, "found"): 28,
        (1, "not_found"): 2,
        (2, "ordinary"): 30,
        (3, "record"): 30,
        (4, "present"): 11,
        (4, "absent"): 19,
        (5, "absent"): 16,
        (5, "normal"): 12,
        (5, "mild"): 2,
        (6, "present"): 28,
        (6, "absent"): 2,
        (7, "present"): 30,
        (8, "refer"): 30,
        (9, "normal"): 29,
        (9, "low"): 1,
        (10, "absent"): 13,
        (10, "stale"): 4,
        (10, "fresh"): 13,
    }
