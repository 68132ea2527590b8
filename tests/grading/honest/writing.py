"""Ways to send orders: one by one in either sequence, in a transaction or a batch, and corrected before the answer."""

from __future__ import annotations

import copy
import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from medenv.tasks import Task
from tests.grading.honest.deciding import Decision, act, finish, post
from tests.grading.honest.looking import ReferenceActions, Resource
from tests.grading.honest.strategy import ORDERING, Strategy, plainly

Send = Callable[[Sequence[Resource], Task], ReferenceActions[None]]
"""Sends a task's orders."""

ACTING = tuple(ORDERING)


def sending(name: str, send: Send, types: tuple[int, ...] = ACTING, kind: str = "writing") -> Strategy:
    """A strategy that reads plainly, sends its orders in some way and answers.

    It is played where there is something to order.
    """

    def policy(task: Task) -> ReferenceActions[None]:
        decision: Decision = yield from plainly(task)
        assert decision.orders
        yield from send(decision.orders, task)
        yield finish(decision.answer)

    return Strategy(f"write: {name}", kind, policy, types, ordering=True)


def entry(resource: Resource | None, method: str, url: str, **request: str) -> Resource:
    """An entry of a Bundle that does something."""
    made: Resource = {"request": {"method": method, "url": url, **request}}
    return made if resource is None else {"resource": resource, **made}


def bundle(entries: Sequence[Resource], url: str = "", kind: str = "transaction") -> str:
    """The text that posts a Bundle."""
    return post({"resourceType": "Bundle", "type": kind, "entry": list(entries)}, url)


def _created(orders: Sequence[Resource], **more: Any) -> list[Resource]:
    return [entry(order, "POST", order["resourceType"], **more) for order in orders]


def _in_bundle(url: str = "", kind: str = "transaction", turn: bool = False) -> Send:
    def send(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
        yield bundle(_created(orders[::-1] if turn else orders), url, kind)

    return send


def _if_none_exist(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
    """Each order with an identifier, created unless it is there already."""
    entries = []
    for number, order in enumerate(orders):
        identifier = {"system": "urn:example:orders", "value": f"{task.id}-{number}"}
        condition = f"identifier={identifier['system']}|{identifier['value']}"
        entries.append(
            entry({**order, "identifier": [identifier]}, "POST", order["resourceType"], ifNoneExist=condition)
        )
    yield bundle(entries)


def _with_full_urls(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
    """Entries with a urn:uuid each."""
    entries = _created(orders)
    for number, one in enumerate(entries):
        one["fullUrl"] = f"urn:uuid:05efabf0-4be2-4561-91ce-5154842560{number:02d}"
    yield bundle(entries)


def _with_a_read(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
    """The orders, and a read of the patient in the same transaction."""
    yield bundle([*_created(orders), entry(None, "GET", orders[0]["subject"]["reference"])])


def _conditional_subject(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
    """The patient by number rather than by id, for the server to look up."""
    changed = []
    for order in orders:
        number = order["subject"]["reference"].removeprefix("Patient/")
        changed.append({**order, "subject": {"reference": f"Patient?identifier={number}"}})
    yield bundle(_created(changed))


def _put_anew(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
    """Each order under an id of the agent's own."""
    entries = []
    for number, order in enumerate(orders):
        id_ = f"order-{task.id.replace('_', '-')}-{number}"
        entries.append(entry({**order, "id": id_}, "PUT", f"{order['resourceType']}/{id_}"))
    yield bundle(entries)


def _bundle_each(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
    for order in orders:
        yield bundle(_created([order]))


def _to(pattern: str) -> Send:
    """Each order to a URL of another spelling."""

    def send(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
        for order in orders:
            yield post(order, pattern.format(order["resourceType"]))

    return send


def _turned(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
    for order in reversed(orders):
        yield post(order)


def _indented(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
    for order in orders:
        yield f"POST {order['resourceType']}\n{json.dumps(order, indent=4)}"


def _compact(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
    for order in orders:
        yield f"POST {order['resourceType']}\n{json.dumps(order, separators=(',', ':'))}"


def _blank_line(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
    for order in orders:
        yield f"POST {order['resourceType']}\n\n{json.dumps(order)}\n"


def _looking_between(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
    """A look at each order after it was sent."""
    for order in orders:
        kind, seen = order["resourceType"], (yield post(order))
        yield f"GET {kind}/{made(seen)['id']}"


def made(seen: str) -> Resource:
    """The resource that a POST was answered with."""
    return json.JSONDecoder().raw_decode(seen, seen.index("{"))[0]


def _spoilt(order: Resource, task: Task) -> Resource:
    """An order that the server refuses: its status is no code of FHIR."""
    return {**order, "status": "ordered"}


def _outside(order: Resource, task: Task) -> Resource:
    """An order that the server refuses for its absolute reference."""
    return {**order, "subject": {"reference": f"http://localhost:8080/fhir/{order['subject']['reference']}"}}


def _nobody(order: Resource, task: Task) -> Resource:
    """An order that the server refuses because it has no such patient."""
    return {**order, "subject": {"reference": "Patient/S0000000"}}


def _misplaced(order: Resource, task: Task) -> Resource:
    """An order that the server refuses because a time is no time."""
    element = "effectiveDateTime" if order["resourceType"] == "Observation" else "authoredOn"
    return {**order, element: "today"}


def _refused_first(spoil: Callable[[Resource, Task], Resource]) -> Send:
    """A refused attempt before each order's right one."""

    def send(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
        for order in orders:
            refused = yield post(spoil(copy.deepcopy(order), task))
            assert "HTTP 4" in refused, refused[:200]
            yield post(order)

    return send


def _not_json(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
    """An attempt whose body was cut, then the right one."""
    for order in orders:
        yield post(order)[:-1]
        yield post(order)


def _wrong_place(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
    """An attempt at a type's endpoint that the resource doesn't belong to, then the right one."""
    for order in orders:
        refused = yield post(order, "Procedure")
        assert "HTTP 4" in refused, refused[:200]
        yield post(order)


def _refused_bundle(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
    """A transaction that the server refuses as a whole, then the right one."""
    refused = yield bundle(_created([*orders[:-1], _spoilt(orders[-1], task)]))
    assert "HTTP 4" in refused, refused[:200]
    yield bundle(_created(orders))


def _mistaken(order: Resource) -> Resource:
    """An order of the same type, patient and code with a mistake in it."""
    wrong = copy.deepcopy(order)
    if wrong["resourceType"] == "MedicationRequest":
        amounts = wrong["dosageInstruction"][0]["doseAndRate"][0]
        amounts["doseQuantity"]["value"] += 1
        if "rateQuantity" in amounts:
            amounts["rateQuantity"]["value"] += 1
    elif wrong["resourceType"] == "Observation":
        wrong["valueString"] = "18/77 mmHg"
    else:
        wrong["priority"] = "routine"
    return wrong


def _put_right(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
    """The last order mistaken, noticed and put right."""
    for order in orders[:-1]:
        yield post(order)
    kind, seen = orders[-1]["resourceType"], (yield post(_mistaken(orders[-1])))
    url = f"{kind}/{made(seen)['id']}"
    yield bundle([entry({**orders[-1], "id": made(seen)["id"]}, "PUT", url)])


def _put_right_first(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
    """The first order mistaken, noticed, looked at and put right; then the others."""
    kind, seen = orders[0]["resourceType"], (yield post(_mistaken(orders[0])))
    url = f"{kind}/{made(seen)['id']}"
    yield f"GET {url}"
    yield bundle([entry({**orders[0], "id": made(seen)["id"]}, "PUT", url)])
    for order in orders[1:]:
        yield post(order)


def _points(order: Resource) -> Iterator[tuple[str, Any]]:
    """Where `_mistaken` errs, as JSON pointers, with what should stand there."""
    if order["resourceType"] == "MedicationRequest":
        for name, quantity in order["dosageInstruction"][0]["doseAndRate"][0].items():
            yield f"/dosageInstruction/0/doseAndRate/0/{name}/value", quantity["value"]
    else:
        name = "valueString" if order["resourceType"] == "Observation" else "priority"
        yield f"/{name}", order[name]


def _patched(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
    """The first order mistaken; a JSON patch puts it right.

    A route that is bare text is not stored, and a patch would not bring it back.
    """
    wrong = _mistaken(orders[0])
    for dosage in wrong.get("dosageInstruction", []):
        dosage["route"] = {"text": dosage["route"]}
    kind, seen = orders[0]["resourceType"], (yield post(wrong))
    patch = [{"op": "replace", "path": path, "value": value} for path, value in _points(orders[0])]
    data = b64encode(json.dumps(patch).encode()).decode()
    body = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data}
    yield bundle([entry(body, "PATCH", f"{kind}/{made(seen)['id']}")])
    for order in orders[1:]:
        yield post(order)


def _put_right_in_a_batch(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
    """All orders sent with a mistake in the first, which a batch puts right."""
    kind, seen = orders[0]["resourceType"], (yield post(_mistaken(orders[0])))
    for order in orders[1:]:
        yield post(order)
    id_ = made(seen)["id"]
    yield bundle([entry({**orders[0], "id": id_}, "PUT", f"{kind}/{id_}")], kind="batch")


def _deleted(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
    """The first order mistaken; the right ones are sent, then it goes."""
    kind, seen = orders[0]["resourceType"], (yield post(_mistaken(orders[0])))
    for order in orders:
        yield post(order)
    yield bundle([entry(None, "DELETE", f"{kind}/{made(seen)['id']}")])


def _corrected_twice(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
    """The first order mistaken, mistaken again, and put right."""
    wrong = _mistaken(orders[0])
    kind, seen = orders[0]["resourceType"], (yield post(wrong))
    id_ = made(seen)["id"]
    for version in (_mistaken(wrong), orders[0]):
        yield bundle([entry({**version, "id": id_}, "PUT", f"{kind}/{id_}")])
    for order in orders[1:]:
        yield post(order)


def _replaced(orders: Sequence[Resource], task: Task) -> ReferenceActions[None]:
    """The first order mistaken; in one transaction it goes and the right one comes."""
    kind, seen = orders[0]["resourceType"], (yield post(_mistaken(orders[0])))
    yield bundle([entry(None, "DELETE", f"{kind}/{made(seen)['id']}"), *_created(orders[:1])])
    for order in orders[1:]:
        yield post(order)


def strategies() -> Iterator[Strategy]:
    """One strategy a way."""
    yield sending("either sequence", _turned, (9,))
    yield sending("a transaction", _in_bundle())
    yield sending("a transaction in the other sequence", _in_bundle(turn=True), (9,))
    yield sending("a transaction to ?_format=json", _in_bundle("?_format=json"))
    yield sending("a transaction to /", _in_bundle("/"))
    yield sending("a transaction to the base", _in_bundle("http://localhost:8080/fhir"))
    yield sending("a transaction to the base with a slash", _in_bundle("http://localhost:8080/fhir/"))
    yield sending("a batch", _in_bundle(kind="batch"))
    yield sending("a transaction each", _bundle_each)
    yield sending("a transaction with fullUrls", _with_full_urls)
    yield sending("a transaction with a read", _with_a_read)
    yield sending("the patient by number in a transaction", _conditional_subject)
    yield sending("under ids of one's own", _put_anew)
    yield sending("ifNoneExist", _if_none_exist)
    yield sending("absolute URL", _to("http://localhost:8080/fhir/{}"))
    yield sending("leading slash", _to("/{}"))
    yield sending("server's path", _to("/fhir/{}"))
    yield sending("with a format", _to("{}?_format=json"))
    yield sending("indented", _indented)
    yield sending("compact", _compact)
    yield sending("a blank line before the body", _blank_line)
    yield sending("a look after each", _looking_between)
    for name, spoil in (
        ("status", _spoilt),
        ("absolute reference", _outside),
        ("unknown patient", _nobody),
        ("time", _misplaced),
    ):
        yield sending(f"refused for its {name}, then right", _refused_first(spoil), kind="correction")
    yield sending("not JSON, then right", _not_json, kind="correction")
    yield sending("another endpoint, then right", _wrong_place, kind="correction")
    yield sending("a refused transaction, then right", _refused_bundle, kind="correction")
    yield sending("put right by PUT", _put_right, kind="correction")
    yield sending("first put right by PUT after a look", _put_right_first, kind="correction")
    yield sending("put right by PATCH", _patched, kind="correction")
    yield sending("put right in a batch", _put_right_in_a_batch, kind="correction")
    yield sending("the mistaken one deleted", _deleted, kind="correction")
    yield sending("corrected twice", _corrected_twice, kind="correction")
    yield sending("deleted and created anew at once", _replaced, kind="correction")


__all__ = ["act", "bundle", "entry", "made", "sending", "strategies"]
