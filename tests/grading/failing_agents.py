"""Agents that fail in one way each, as generators of texts: what they get wrong is retrieval, answer, or order."""

import json
from datetime import timedelta
from urllib.parse import quote

from medenv.tasks import task_type
from medenv.tasks.chart import DAY, instant, readings, since
from medenv.tasks.reference import act, finish, observations, post, search

STRANGER, OTHERS, FACTS = {}, [], {}
"""What some know from elsewhere: another patient for each, some patients, and by task what decides it."""


def bundle(text):
    return json.loads(text[text.index("{") :])


def resources(text):
    return [entry["resource"] for entry in bundle(text).get("entry", [])]


def of(task, extra="", code=None, mrn=None):
    return f"GET Observation?patient={mrn or task.mrn}&code={code or task.params['code']}{extra}"


def ids(found):
    return sorted(found, key=lambda one: (len(one["id"]), one["id"]))


def concluding(task, found):
    """Does what follows from a set of resources."""
    gold = task_type(task.type).gold(task, ids(found))
    yield from act(gold.orders, gold.answer, "")


def reading(url):
    """Reads one page and concludes from it."""

    def steps(task):
        yield from concluding(task, resources((yield url(task))))

    return steps


def whole(task):
    return observations("", task.mrn, task.params["code"], "&_count=200")


def last_page(task):
    found, text = [], of(task)
    while text:
        page = bundle((yield text))
        found = [entry["resource"] for entry in page.get("entry", [])]
        text = next((f"GET {link['url']}" for link in page["link"] if link["relation"] == "next"), None)
    yield from concluding(task, found)


def windowed_from(start):
    """Reads everything and minds another window."""

    def steps(task):
        found = yield from whole(task)
        at = start(instant(task.now))
        kept = [one for one in found if at is None or since(readings([one]), at)]
        values = readings(ids(kept))
        if task.type == 6:
            yield finish([sum(one.value for one in values) / len(values)] if values else [-1])
        elif values:
            yield finish([max(values, key=lambda one: one.at).value])
        else:
            yield finish([-1])

    return steps


def since_midnight(task):
    """Takes the past 24 hours for the day so far, unless there is nothing yet."""
    values = readings(ids((yield from whole(task))))
    today = since(values, instant(task.now).replace(hour=0, minute=0))
    values = today or since(values, instant(task.now) - DAY)
    yield finish([sum(one.value for one in values) / len(values)])


def asked_from(hours, prefix="ge"):
    def steps(task):
        start = quote((instant(task.now) - timedelta(hours=hours)).isoformat(), safe="")
        found = yield from observations("", task.mrn, task.params["code"], f"&date={prefix}{start}&_count=200")
        values = readings(ids(found))
        if task.type == 6:
            yield finish([sum(one.value for one in values) / len(values)] if values else [-1])
        else:
            yield finish([max(values, key=lambda one: one.at).value] if values else [-1])

    return steps


def other_code(task):
    return {"MG": "K", "K": "MG", "GLU": "A1C", "A1C": "GLU"}[task.params["code"]]


def any_code(task):
    found = yield from observations("", task.mrn, other_code(task), "&_count=200")
    values = readings(ids(found))
    yield finish([max(values, key=lambda one: one.at).value] if values else [0])


def newest_of_any_test(task):
    found = resources((yield f"GET Observation?patient={task.mrn}&_sort=-date&_count=1"))
    values = readings(found)
    yield finish([values[0].value] if values else [-1])


def loinc(task):
    yield of(task, code={"MG": "2601-3", "K": "2823-3", "GLU": "2345-7", "A1C": "4548-4"}[task.params["code"]])
    yield from concluding(task, [])


def strangers_chart(task):
    found = resources((yield of(task, "&_sort=-date&_count=50", mrn=STRANGER[task.mrn])))
    values = readings(found)
    yield finish([max(values, key=lambda one: one.at).value] if values else [-1])


def solved(change=lambda task, answer: answer, payload=lambda one: one, post_text=None, before=(), after=()):
    """Solves a task with something else in the answer or the orders."""

    def steps(task):
        kind = task_type(task.type)
        facts = yield from kind.read(task, "")
        gold = kind.gold(task, facts)
        yield from (text(task) for text in before)
        for order in gold.orders:
            changed = payload(json.loads(json.dumps(order)))
            if changed is not None:
                yield post_text(changed) if post_text else post(changed, "")
        for text in after:
            yield text(task)
        answer = change(task, list(gold.answer))
        yield answer if isinstance(answer, str) else finish(answer)

    return steps


def texts(*written):
    def steps(task):
        for text in written:
            yield text(task) if callable(text) else text.format(mrn=task.mrn)

    return steps


def ordering(order, answer=None):
    """Solves a task, and orders besides what nobody needs."""

    def steps(task):
        kind = task_type(task.type)
        facts = yield from kind.read(task, "")
        gold = kind.gold(task, facts)
        yield post(order(task), "")
        yield finish(gold.answer if answer is None else answer)

    return steps


def a_medication(task):
    product = {"coding": [{"system": "http://hl7.org/fhir/sid/ndc", "code": task.params["ndc"]}]}
    route, unit = ("IV", "g") if task.type == 5 else ("oral", "mEq")
    dosage = {"route": route, "doseAndRate": [{"doseQuantity": {"value": 1, "unit": unit}}]}
    return {**a_service(task), "resourceType": "MedicationRequest", "medicationCodeableConcept": product} | {
        "dosageInstruction": [dosage]
    }


def a_service(task):
    return {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "subject": {"reference": f"Patient/{task.mrn}"},
        "authoredOn": task.now,
    }


def a_lab(task):
    code = {"coding": [{"system": "http://loinc.org", "code": task.params["loinc"]}]}
    return {**a_service(task), "code": code, "priority": "stat"}


def an_observation(task):
    return {**a_service(task), "resourceType": "Observation", "status": "final", "code": {"text": "X"}} | {
        "intent": None,
        "authoredOn": None,
    }


def dose(change):
    def payload(order):
        if order["resourceType"] == "MedicationRequest":
            change(order["dosageInstruction"][0])
        return order

    return payload


def times(factor):
    def change(dosage):
        dosage["doseAndRate"][0]["doseQuantity"]["value"] *= factor

    return dose(change)


def of_type(kind, **changes):
    def payload(order):
        if kind in (None, order["resourceType"]):
            order.update(changes)
        return {name: value for name, value in order.items() if value is not None}

    return payload


def recheck(**changes):
    return of_type("ServiceRequest", **changes)


def without(kind):
    return lambda order: None if order["resourceType"] == kind else order


def strangers_order(order):
    mrn = order["subject"]["reference"].partition("/")[2]
    return {**order, "subject": {"reference": f"Patient/{STRANGER.get(mrn, STRANGER[None])}"}}


def orders_first(task):
    """Knows from elsewhere what to do, does it, and looks afterwards."""
    kind = task_type(task.type)
    gold = kind.gold(task, FACTS[task.id])
    for order in gold.orders:
        yield post(order, "")
    yield from kind.read(task, "")
    yield finish(gold.answer)


def unread(task):
    yield from act((gold := task_type(task.type).gold(task, FACTS[task.id])).orders, gold.answer, "")


def only_reading(url):
    """Reads something else, and says what is right."""

    def steps(task):
        yield url(task)
        yield from unread(task)

    return steps


def taken_back(task):
    kind = task_type(task.type)
    gold = kind.gold(task, (yield from kind.read(task, "")))
    for order in gold.orders:
        made = bundle((yield post(order, "")))
        request = {"method": "DELETE", "url": f"{made['resourceType']}/{made['id']}"}
        yield "POST \n" + json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [{"request": request}]})
    yield finish(gold.answer)


def namesake(task):
    """Takes the first patient of that family name, whoever it is."""
    found = yield from search(f"Patient?family={task.params['family']}")
    born = task.params["birthdate"]
    wrong = [
        one["id"] for one in found if one["birthDate"] != born or task.params["given"] not in one["name"][0]["given"]
    ]
    if task.type == 1:
        yield finish(wrong[:1] or task_type(1).gold(task, FACTS[task.id]).answer)
        return
    order = next(iter(task_type(task.type).gold(task, FACTS[task.id]).orders))
    yield post({**order, "subject": {"reference": f"Patient/{wrong[0] if wrong else task.mrn}"}}, "")
    yield finish([])


def age_of(mrn):
    def steps(task):
        found = yield from search(f"Patient?identifier={mrn(task)}")
        yield from concluding(task, found)

    return steps


def mean_as(of_values):
    def steps(task):
        facts = yield from task_type(6).read(task, "")
        yield finish([of_values([one.value for one in since(readings(facts), instant(task.now) - DAY)])])

    return steps


def plus(amount):
    return lambda task, answer: [answer[0] + amount, *answer[1:]]


def middle(values):
    return sorted(values)[len(values) // 2] if values else -1


def by_rule(branch_of, orders_of):
    """Minds another limit: what a value calls for is up to this agent's own rule."""

    def steps(task):
        kind = task_type(task.type)
        facts = yield from kind.read(task, "")
        gold = kind.gold(task, facts)
        orders = orders_of(task, gold) if branch_of(gold) else gold.orders
        yield from act(orders, gold.answer, "")

    return steps


def mended_without_recheck(task):
    """Is refused once, orders rightly then, and forgets the second order."""
    kind = task_type(task.type)
    gold = kind.gold(task, (yield from kind.read(task, "")))
    yield post({**gold.orders[0], "status": "done"}, "")
    yield from act(gold.orders[:1], gold.answer, "")


def refused_in_batch(order):
    request = {"method": "POST", "url": order["resourceType"]}
    entry = {"resource": {**order, "subject": {"reference": "Patient/nobody"}}, "request": request}
    return "POST \n" + json.dumps({"resourceType": "Bundle", "type": "batch", "entry": [entry]})
