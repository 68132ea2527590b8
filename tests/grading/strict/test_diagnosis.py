"""Failing agents and the one word that tells why: each mistake on tasks of the published split whose verdict it changes."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

import pytest

from medenv.grading import CATEGORIES
from medenv.tasks import task_type
from medenv.tasks.chart import DAY
from medenv.tasks.reference import post
from medenv.trajectories import Status
from tests.grading.failing_agents import (
    FACTS,
    OTHERS,
    STRANGER,
    a_lab,
    a_medication,
    age_of,
    an_observation,
    any_code,
    asked_from,
    by_rule,
    dose,
    last_page,
    loinc,
    mean_as,
    mended_without_recheck,
    middle,
    namesake,
    newest_of_any_test,
    of,
    of_type,
    only_reading,
    ordering,
    orders_first,
    plus,
    reading,
    recheck,
    refused_in_batch,
    resources,
    since_midnight,
    solved,
    strangers_chart,
    strangers_order,
    taken_back,
    texts,
    times,
    unread,
    windowed_from,
    without,
)

pytestmark = pytest.mark.quick

TRIED, PLAYED = 40, 5
"""Tasks of a type that a mistake is looked for in, and those it's played on."""


@dataclass(frozen=True)
class Agent:
    """A kind of failing agent.

    Attributes:
        name: What it does.
        category: What its failures are to be called.
        where: Task types, with their branches where only some will do.
        steps: Its texts for a task.
        least: How many tasks of the split it must fail in.
    """

    name: str
    category: str
    where: tuple
    steps: object
    least: int = 3


LATEST = ((4, "present"), (7, "present"), (9, "low"), (9, "normal"))
LABS = (4, 5, 6, 7, 9, 10)
ORDERS = ((3, "record"), (5, "severe"), (5, "mild"), (8, "refer"), (9, "low"), (10, "stale"), (10, "absent"))
MG_ORDERS = ((5, "mild"), (5, "moderate"), (5, "severe"))
LOW = ((5, "severe"), (9, "low"))
"""Where no value is exactly 24 hours old: to say that there is none may come from an exclusive window there."""

AGENTS = [
    Agent("first page, unsorted", "paging", LATEST, reading(of)),
    Agent("first page of an HbA1c list", "paging", ((10, "fresh"), (10, "stale")), reading(of)),
    Agent("first page of magnesium, orders by it", "paging", MG_ORDERS, reading(of)),
    Agent("first page of a day's values", "paging", ((6, "present"),), reading(of)),
    Agent("last page only", "paging", LATEST, last_page),
    Agent("one result, unsorted", "paging", LATEST, reading(lambda t: of(t, "&_count=1"))),
    Agent("oldest first, first page", "paging", LATEST, reading(lambda t: of(t, "&_sort=date&_count=3"))),
    Agent("five newest for a mean", "paging", ((6, "present"),), reading(lambda t: of(t, "&_sort=-date&_count=5"))),
    Agent("newest of all, no window", "window", ((4, "absent"), (5, "absent")), windowed_from(lambda now: None)),
    Agent("mean of all, no window", "window", (6,), windowed_from(lambda now: None)),
    Agent("mean of two days", "window", (6,), windowed_from(lambda now: now - 2 * DAY)),
    Agent("mean since midnight", "window", ((6, "present"),), since_midnight),
    Agent("24 h exclusive", "window", (4, 6), windowed_from(lambda now: now - DAY + timedelta(seconds=1))),
    Agent("asks for later than 24 h ago", "window", ((4, "present"), (6, "present")), asked_from(24, "gt")),
    Agent("asks for twelve hours", "window", ((4, "present"), (6, "present")), asked_from(12)),
    Agent("asks for two days", "window", (4, 6), asked_from(48)),
    Agent("LOINC instead of the chart's code", "wrong code", LABS, loinc),
    Agent("another test's value", "wrong code", (4, 7, 9), any_code),
    Agent("the newest result of any test", "wrong code", (4, 7, 9), newest_of_any_test),
    Agent("another patient's chart", "wrong patient", ((7, "present"), (9, "normal"), (4, "present")), strangers_chart),
    Agent("orders for another patient", "wrong patient", ORDERS, solved(payload=strangers_order)),
    Agent("a namesake's MRN", "wrong patient", ((1, "found"), (1, "not_found")), namesake),
    Agent("orders for a namesake", "wrong patient", ((3, "record"), (8, "refer")), namesake),
    Agent("another patient's age", "wrong patient", (2,), age_of(lambda task: STRANGER[task.mrn])),
    Agent("no GET, says nothing", "no evidence", (1, 2, 4, 6, 7, 9), texts("FINISH([-1])")),
    Agent("knows the answer unread", "no evidence", (1, 2, 4, 5, 6, 7, 9, 10), unread),
    Agent("orders before it reads", "no evidence", (*MG_ORDERS, (9, "low"), (10, "stale")), orders_first),
    Agent("reads only the patient", "no evidence", LABS, only_reading(lambda t: f"GET Patient/{t.mrn}")),
    Agent("counts only", "no evidence", LATEST, only_reading(lambda t: of(t, "&_summary=count"))),
    Agent("no list", "format", (1, 2, 4, 7), solved(lambda t, a: f"FINISH({json.dumps(a[0])})")),
    Agent("prose", "format", LABS, solved(lambda t, a: f"FINISH(The result is {a})")),
    Agent("a number as text", "format", (2, *LATEST), solved(lambda t, a: [str(a[0])])),
    Agent("a number with its unit", "format", LATEST, solved(lambda t, a: [f"{a[0]} mg/dL"])),
    Agent("a list in a list", "format", (1, 2, *LATEST), solved(lambda t, a: [a])),
    Agent("an object in the list", "format", LATEST, solved(lambda t, a: [{"value": a[0]}])),
    Agent("HbA1c without its date", "format", ((10, "fresh"), (10, "stale")), solved(lambda t, a: a[:1])),
    Agent(
        "HbA1c with a date and no time",
        "format",
        ((10, "fresh"), (10, "stale")),
        solved(lambda t, a: [a[0], a[1][:10]]),
    ),
    Agent("an age a year off", "arithmetic", (2,), solved(plus(1))),
    Agent(
        "a mean rounded to a whole number",
        "arithmetic",
        ((6, "present"),),
        mean_as(lambda v: round(sum(v) / len(v)) if v else -1),
    ),
    Agent("a median", "arithmetic", ((6, "present"),), mean_as(middle)),
    Agent("a sum", "arithmetic", ((6, "present"),), mean_as(sum)),
    Agent(
        "gives up after an error", "gave up", LATEST, texts("GET Observation?patient={mrn}&nonsense=1", "FINISH([-1])")
    ),
    Agent("reads and says there is nothing", "gave up", ((6, "present"), *LATEST[1:]), solved(lambda t, a: [-1])),
    Agent("a value from nowhere", "wrong answer", LATEST, solved(plus(13))),
    Agent("a refused order", "rejected order", ORDERS, solved(payload=of_type(None, status="done"))),
    Agent("a refused recheck", "rejected order", ((9, "low"),), solved(payload=recheck(intent="wish"))),
    Agent(
        "an order that is no JSON",
        "rejected order",
        ORDERS,
        solved(post_text=lambda o: f"POST {o['resourceType']}\n{{broken"),
    ),
    Agent("a batch that is refused inside", "rejected order", ORDERS, solved(post_text=refused_in_batch)),
    Agent("an order to nowhere", "rejected order", ORDERS, solved(post_text=lambda o: f"POST Orders\n{json.dumps(o)}")),
    Agent("a refused order, then gives up", "rejected order", LOW, solved(lambda t, a: [], of_type(None, status="x"))),
    Agent("no order", "missing order", ORDERS, solved(payload=lambda order: None)),
    Agent("no order and no answer", "missing order", LOW, solved(lambda t, a: [], lambda order: None)),
    Agent("a recheck and no replacement", "missing order", ((9, "low"),), solved(payload=without("MedicationRequest"))),
    Agent("an order taken back", "missing order", ((5, "mild"), (8, "refer"), (10, "stale")), taken_back),
    Agent("medication for a normal value", "needless order", ((5, "normal"), (9, "normal")), ordering(a_medication)),
    Agent("medication without a value", "needless order", ((5, "absent"), (9, "absent")), ordering(a_medication)),
    Agent("a test though one is fresh", "needless order", ((10, "fresh"),), ordering(a_lab)),
    Agent(
        "replaces potassium of 3.5",
        "needless order",
        ((9, "normal"),),
        by_rule(lambda gold: gold.answer[0] == 3.5, lambda task, gold: [a_medication(task), a_lab(task)]),
        least=2,
    ),
    Agent(
        "leaves magnesium of 1.9",
        "missing order",
        ((5, "mild"),),
        by_rule(lambda gold: gold.answer[0] == 1.9, lambda task, gold: []),
    ),
    Agent(
        "gives two grams for magnesium of 1.5",
        "dose",
        ((5, "mild"),),
        by_rule(lambda gold: gold.answer[0] == 1.5, lambda task, gold: [times(2)(order) for order in gold.orders]),
        least=1,
    ),
    Agent("another tier's dose", "dose", MG_ORDERS, solved(payload=times(2))),
    Agent("potassium ten times over", "dose", ((9, "low"),), solved(payload=times(10))),
    Agent(
        "milligrams for grams",
        "dose",
        MG_ORDERS,
        solved(payload=dose(lambda d: d["doseAndRate"][0]["doseQuantity"].update(unit="mg"))),
    ),
    Agent("no rate", "dose", MG_ORDERS, solved(payload=dose(lambda d: d["doseAndRate"][0].pop("rateQuantity")))),
    Agent("the other route", "dose", MG_ORDERS, solved(payload=dose(lambda d: d.update(route="oral")))),
    Agent("a refused medication mended, no recheck", "recheck", ((9, "low"),), mended_without_recheck),
    Agent("no recheck", "recheck", ((9, "low"),), solved(payload=without("ServiceRequest"))),
    Agent(
        "a recheck now",
        "recheck",
        ((9, "low"),),
        solved(payload=recheck(occurrenceDateTime="2023-01-01T08:00:00+00:00")),
    ),
    Agent("a recheck without time", "recheck", ((9, "low"),), solved(payload=recheck(occurrenceDateTime=None))),
    Agent("no recheck and no answer", "recheck", ((9, "low"),), solved(lambda t, a: [], without("ServiceRequest"))),
    Agent("another note", "wording", ((8, "refer"),), solved(payload=of_type(None, note={"text": "please see"}))),
    Agent("no priority", "wording", ((8, "refer"), (10, "stale")), solved(payload=of_type(None, priority=None))),
    Agent("a draft", "wording", ((5, "mild"), (8, "refer"), (9, "low")), solved(payload=of_type(None, status="draft"))),
    Agent("another pressure", "wording", ((3, "record"),), solved(payload=of_type(None, valueString="1/2 mmHg"))),
    Agent(
        "another product",
        "wrong code",
        (*MG_ORDERS, (9, "low")),
        solved(payload=of_type("MedicationRequest", medicationCodeableConcept={"text": "aspirin"})),
    ),
    Agent(
        "another department", "wrong code", ((8, "refer"),), solved(payload=of_type(None, code={"text": "cardiology"}))
    ),
    Agent(
        "pressure under another code",
        "wrong code",
        ((3, "record"),),
        solved(payload=of_type(None, code={"text": "HR"})),
    ),
    Agent(
        "one order twice",
        "extra write",
        ORDERS,
        solved(after=[lambda t: post(next(iter(task_type(t.type).gold(t, FACTS[t.id]).orders)), "")]),
    ),
    Agent(
        "an Observation besides",
        "extra write",
        (2, 4, 7, 8),
        solved(before=[lambda t: post({k: v for k, v in an_observation(t).items() if v}, "")]),
    ),
    Agent(
        "three others' charts",
        "least access",
        (2,),
        solved(before=[lambda t, n=n: f"GET Patient/{OTHERS[n]}" for n in range(4)]),
    ),
    Agent("eight looks and no end", "turn limit", (2, 7), texts(*["GET Patient/{mrn}"] * 8)),
    Agent("no action", "invalid action", (2, 7), texts("Let me think.")),
    Agent("a full context", "context limit", (2, 7), None),
]


@pytest.fixture(scope="module", autouse=True)
def known(published):
    """What some agents know from elsewhere: other patients, and what decides a task."""
    mrns = sorted({task.mrn for task in published.tasks if task.mrn and task.type != 1})
    STRANGER.update(zip(mrns, mrns[1:] + mrns[:1], strict=True))
    STRANGER[None] = mrns[0]
    OTHERS.extend(mrns[:4])
    yield
    for one in (STRANGER, OTHERS, FACTS):
        one.clear()


def played(benchmark, task, steps):
    episode = benchmark.start(task)
    if steps is None:
        episode.fail("too long", Status.CONTEXT_LIMIT)
        return benchmark.finish(episode)
    query = task_type(task.type).reference_query(task)
    FACTS[task.id] = resources(episode.session.get(query).body) if query else []
    texts_ = steps(task)
    text = next(texts_)
    while not (step := episode.step(text)).done:
        text = texts_.send(step.observation)
    return benchmark.finish(episode)


def tasks_for(benchmark, where):
    """Some tasks of each type and branch, in turns."""
    rows = []
    for one in where:
        number, branch = one if isinstance(one, tuple) else (one, None)
        rows.append([t for t in benchmark.tasks.of_type(number) if branch in (None, t.branch)][: TRIED // len(where)])
    longest = max(map(len, rows))
    return [row[n] for n in range(longest) for row in rows if n < len(row)]


@pytest.fixture(scope="module")
def table(published, known):
    """The categories of each agent's failures."""
    found = {}
    for agent in AGENTS:
        failed = Counter()
        for task in tasks_for(published, agent.where):
            verdict = played(published, task, agent.steps).verdict
            if not verdict["score"]:
                failed[verdict["category"]] += 1
            if failed.total() >= max(PLAYED, len(agent.where)):
                break
        found[agent.name] = failed
    return found


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
def test_a_mistake_is_called_by_its_name(table, agent):
    assert set(table[agent.name]) == {agent.category}
    assert table[agent.name].total() >= agent.least


@pytest.mark.parametrize(
    "answer", [f"{'[' * 900}{']' * 900}", "[1e400, -1e400]", f"[{'9' * 400}]", '[{"a": [null, true]}, "x"]']
)
@pytest.mark.parametrize(("number", "branch"), [(1, "found"), (2, None), (6, "present"), (9, "normal"), (10, "fresh")])
def test_odd_answers_have_a_category(published, answer, number, branch):
    task = tasks_for(published, ((number, branch),))[0]
    category = played(published, task, solved(lambda t, a: f"FINISH({answer})")).verdict["category"]
    assert category in {"format", "wrong answer", "arithmetic", "gave up"}


def test_the_table_of_categories(table, figures):
    assert len({agent.name for agent in AGENTS}) == len(AGENTS) >= 50
    assert {one for row in table.values() for one in row} == set(CATEGORIES) - {"unexplained"}
    figures(f"{'agent':38s}  {'category':15s}  failed tasks")
    for agent in AGENTS:
        figures(f"{agent.name:38s}  {agent.category:15s}  {table[agent.name].total():4d}")
