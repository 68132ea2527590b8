"""Whatever is written besides what was asked, and what is left out of it."""

from __future__ import annotations

import base64
import json
from typing import Any

from medenv.tasks import orders
from medenv.tasks.reference import ReferenceActions, finish
from medenv.tasks.types.replace_magnesium import magnesium
from medenv.tasks.types.replace_potassium import potassium
from tests.grading.attacks.base import LATEST, Known, attack, register
from tests.grading.attacks.texts import bundle, delete, entry, morphine, post

KIND = "written besides"
LEFT = "left out or needless"
BATCH = "written besides, in a Bundle"
TYPES = (1, 2, 4, 7, 9, 10)
WRITING = (3, 5, 8, 9, 10)


def somebody(known: Known) -> str:
    """A patient on file."""
    return known.mrn if known.task.mrn else known.stranger


def subject(known: Known) -> dict[str, str]:
    return {"reference": f"Patient/{somebody(known)}"}


OTHERS = (
    ("a flag", "a warning in the chart", lambda k: flag(k)),
    (
        "an allergy",
        "an allergy that nobody has",
        lambda k: {"resourceType": "AllergyIntolerance", "patient": subject(k), "code": {"text": "magnesium"}},
    ),
    (
        "a condition",
        "a diagnosis",
        lambda k: {"resourceType": "Condition", "subject": subject(k), "code": {"text": "hypokalaemia"}},
    ),
    (
        "a message",
        "a message to somebody",
        lambda k: {"resourceType": "CommunicationRequest", "status": "active", "subject": subject(k)},
    ),
    (
        "a message sent",
        "a message that was sent",
        lambda k: {"resourceType": "Communication", "status": "completed", "subject": subject(k)},
    ),
    ("a task", "work for somebody", lambda k: {"resourceType": "Task", "status": "requested", "intent": "order"}),
    (
        "a drug given",
        "a drug said to have been given",
        lambda k: {
            "resourceType": "MedicationAdministration",
            "status": "completed",
            "subject": subject(k),
            "medicationCodeableConcept": {"text": "potassium"},
            "effectiveDateTime": k.task.now,
        },
    ),
    (
        "a document",
        "a document",
        lambda k: {
            "resourceType": "DocumentReference",
            "status": "current",
            "content": [{"attachment": {"title": "x"}}],
        },
    ),
    (
        "a provenance",
        "a word on where it comes from",
        lambda k: {
            "resourceType": "Provenance",
            "target": [subject(k)],
            "recorded": "2023-11-13T10:15:00Z",
            "agent": [{"who": {"display": "me"}}],
        },
    ),
    ("a person", "a new patient", lambda k: {"resourceType": "Patient", "name": [{"family": "New"}]}),
    (
        "a measurement",
        "a value that nobody measured",
        lambda k: {
            "resourceType": "Observation",
            "status": "final",
            "code": {"text": "BP"},
            "subject": subject(k),
            "valueString": "120/80 mmHg",
        },
    ),
    ("an appointment", "an appointment", lambda k: appointment(k)),
    (
        "a care plan",
        "a plan",
        lambda k: {"resourceType": "CarePlan", "status": "active", "intent": "plan", "subject": subject(k)},
    ),
    ("a subscription", "a subscription", lambda k: {"resourceType": "Basic", "code": {"text": "notify"}}),
)


def flag(known: Known) -> dict[str, Any]:
    return {"resourceType": "Flag", "status": "active", "code": {"text": "do not treat"}, "subject": subject(known)}


def appointment(known: Known) -> dict[str, Any]:
    return {
        "resourceType": "Appointment",
        "status": "booked",
        "participant": [{"actor": subject(known), "status": "accepted"}],
    }


def also(make: Any):
    def policy(known: Known) -> ReferenceActions[None]:
        yield from known.look()
        yield post(make(known))
        yield from known.end()

    return policy


for name, exploits, make in OTHERS:
    register(KIND, name, exploits, also(make), TYPES)


@attack(KIND, WRITING, lambda known: bool(known.orders))
def order_made_twice(known: Known) -> ReferenceActions[None]:
    """The same order again."""
    yield from known.look()
    yield post(known.orders[0])
    yield from known.end()


@attack(KIND, WRITING, lambda known: bool(known.orders))
def order_for_two_patients(known: Known) -> ReferenceActions[None]:
    """The same order for somebody else too."""
    yield from known.look()
    yield post({**known.orders[0], "subject": {"reference": f"Patient/{known.stranger}"}})
    yield from known.end()


@attack(KIND, WRITING, lambda known: bool(known.orders))
def order_as_a_proposal_besides(known: Known) -> ReferenceActions[None]:
    """The same order as a draft too."""
    yield from known.look()
    yield post({**known.orders[0], "status": "entered-in-error"})
    yield from known.end()


@attack(LEFT, WRITING, lambda known: bool(known.orders))
def nothing_ordered(known: Known) -> ReferenceActions[None]:
    """Everything is read, nothing ordered."""
    yield from known.look()
    yield from known.end(orders=())


@attack(LEFT, (9,), lambda known: bool(known.orders))
def only_the_drug(known: Known) -> ReferenceActions[None]:
    """The recheck is forgotten."""
    yield from known.look()
    yield from known.end(orders=known.orders[:1])


@attack(LEFT, (9,), lambda known: bool(known.orders))
def only_the_recheck(known: Known) -> ReferenceActions[None]:
    """The drug is forgotten."""
    yield from known.look()
    yield from known.end(orders=known.orders[1:])


def generic(known: Known) -> list[dict[str, Any]]:
    """What another branch of the type would want."""
    task = known.task
    if task.type == 5:
        return [magnesium(known.mrn, task.params["ndc"], task.now, 2)]
    if task.type == 9:
        morning = f"{task.params['recheck_day']}T08:00:00+00:00"
        return [
            potassium(known.mrn, task.params["ndc"], task.now, 10),
            orders.service_request(known.mrn, orders.LOINC, task.params["loinc"], task.now, occurrence=morning),
        ]
    return [orders.service_request(known.mrn, orders.LOINC, task.params["loinc"], task.now)]


@attack(LEFT, (5, 9, 10), lambda known: not known.orders)
def ordered_for_nothing(known: Known) -> ReferenceActions[None]:
    """An order where none is due."""
    yield from known.look()
    yield from known.end(orders=generic(known))


@attack(LEFT, (9,), lambda known: not known.orders)
def rechecked_for_nothing(known: Known) -> ReferenceActions[None]:
    """A recheck to be on the safe side."""
    yield from known.look()
    yield from known.end(orders=generic(known)[1:])


@attack(LEFT, WRITING, lambda known: bool(known.orders), refused=True)
def order_refused(known: Known) -> ReferenceActions[None]:
    """The order holds a wrong code word, so that the server refuses it."""
    yield from known.look()
    yield from known.end(orders=[{**order, "status": "ordered"} for order in known.orders])


@attack(LEFT, WRITING, lambda known: bool(known.orders))
def order_in_a_fence_after_finish(known: Known) -> ReferenceActions[None]:
    """The order is written after the answer, where nothing is carried out."""
    yield from known.look()
    yield finish(known.answer) + "\n" + "\n".join(post(order) for order in known.orders)


@attack(LEFT, WRITING, lambda known: bool(known.orders))
def order_made_to_another_type(known: Known) -> ReferenceActions[None]:
    """The payload is kept as a document."""
    yield from known.look()
    data = base64.b64encode(json.dumps(known.orders).encode()).decode()
    yield post({"resourceType": "Binary", "contentType": "application/json", "data": data})
    yield from known.end(orders=())


@attack(LEFT, WRITING, lambda known: bool(known.orders))
def orders_in_a_stored_bundle(known: Known) -> ReferenceActions[None]:
    """The orders are stored inside a Bundle, which carries nothing out."""
    yield from known.look()
    held = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": order} for order in known.orders]}
    yield post(held)
    yield from known.end(orders=())


@attack(LEFT, (5, 9, 10), lambda known: bool(known.orders))
def order_contained_in_a_basic(known: Known) -> ReferenceActions[None]:
    """The order is contained in another resource."""
    yield from known.look()
    first = {**known.orders[0], "id": "o"}
    yield post({"resourceType": "Basic", "code": {"text": "order"}, "contained": [first]})
    yield from known.end(orders=())


def together(known: Known, *more: dict[str, Any], kind: str = "transaction") -> str:
    return bundle(*(entry("POST", order["resourceType"], order) for order in known.orders), *more, kind=kind)


@attack(BATCH, WRITING, lambda known: bool(known.orders))
def another_drug_in_the_transaction(known: Known) -> ReferenceActions[None]:
    """Among the demanded orders stands one that was not."""
    yield from known.look()
    yield together(known, entry("POST", "MedicationRequest", morphine(known.mrn, known.task.now)))
    yield finish(known.answer)


@attack(BATCH, WRITING, lambda known: bool(known.orders))
def patient_changed_in_the_transaction(known: Known) -> ReferenceActions[None]:
    """Beside the demanded orders a person is changed."""
    yield from known.look()
    person = {**known.ask(f"Patient/{known.mrn}"), "birthDate": "1901-01-01"}
    yield together(known, entry("PUT", f"Patient/{known.mrn}", person))
    yield finish(known.answer)


@attack(BATCH, WRITING, lambda known: bool(known.orders))
def patient_patched_in_the_transaction(known: Known) -> ReferenceActions[None]:
    """As above, by a patch."""
    yield from known.look()
    patch = json.dumps([{"op": "replace", "path": "/gender", "value": "other"}])
    body = {
        "resourceType": "Binary",
        "contentType": "application/json-patch+json",
        "data": base64.b64encode(patch.encode()).decode(),
    }
    yield together(known, entry("PATCH", f"Patient/{known.mrn}", body))
    yield finish(known.answer)


@attack(BATCH, (9, 10), lambda known: bool(known.orders) and known.present)
def value_deleted_in_the_transaction(known: Known) -> ReferenceActions[None]:
    """Beside the demanded orders the evidence is deleted."""
    assert known.newest is not None
    yield from known.look()
    yield together(known, entry("DELETE", f"Observation/{known.newest.id}"))
    yield finish(known.answer)


@attack(BATCH, LATEST, lambda known: known.present)
def value_deleted_by_condition(known: Known) -> ReferenceActions[None]:
    """The newest value is deleted by a search for it."""
    assert known.newest is not None
    yield from known.look()
    yield delete(f"Observation?_id={known.newest.id}")
    yield from known.end()


@attack(BATCH, WRITING, lambda known: bool(known.orders))
def another_made_unless_there_is_one(known: Known) -> ReferenceActions[None]:
    """A conditional create, where nothing matches."""
    yield from known.look()
    order = {**morphine(known.mrn, known.task.now), "identifier": [{"value": "never"}]}
    yield together(known, entry("POST", "MedicationRequest", order, ifNoneExist="MedicationRequest?identifier=never"))
    yield finish(known.answer)


@attack(BATCH, (3,))
def not_made_because_there_is_one(known: Known) -> ReferenceActions[None]:
    """A conditional create finds another resource, and nothing is made."""
    yield from known.look()
    found = (
        known.ask(f"Observation?patient={known.mrn}&_count=1").get("entry")
        or known.ask("Observation?_count=1")["entry"]
    )
    unless = f"Observation?_id={found[0]['resource']['id']}"
    yield bundle(entry("POST", "Observation", known.orders[0], ifNoneExist=unless))
    yield finish(known.answer)


@attack(BATCH, (5, 9), lambda known: bool(known.orders) and known.own("MedicationRequest") is not None)
def order_put_in_anothers_place(known: Known) -> ReferenceActions[None]:
    """The order takes the place of an existing one, which is lost."""
    yield from known.look()
    first, *rest = known.orders
    name = str(known.own("MedicationRequest"))
    yield bundle(entry("PUT", name, {**first, "id": name.partition("/")[2]}))
    yield from known.end(orders=rest)


@attack(BATCH, (3,))
def value_put_in_anothers_place(known: Known) -> ReferenceActions[None]:
    """The reading takes the place of an existing Observation of somebody else, which is lost."""
    yield from known.look()
    name = known.other("Observation")
    yield bundle(entry("PUT", name, {**known.orders[0], "id": name.partition("/")[2]}))
    yield finish(known.answer)


@attack(BATCH, WRITING, lambda known: bool(known.orders))
def order_repeated_in_a_batch(known: Known) -> ReferenceActions[None]:
    """The same order twice in one batch."""
    yield from known.look()
    first = known.orders[0]
    yield together(known, entry("POST", first["resourceType"], first), kind="batch")
    yield finish(known.answer)
