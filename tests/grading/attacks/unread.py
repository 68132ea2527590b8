"""Right answers and right orders for which nothing was read, too little, the wrong thing, or only afterwards."""

from __future__ import annotations

from medenv.tasks.reference import ReferenceActions, finish, newest_first
from tests.grading.attacks.base import LABS, LATEST, Known, attack
from tests.grading.attacks.texts import bundle, entry, get, post

KIND = "nothing read"
LATE = "read too late"
ANY = tuple(range(1, 11))
READING = (1, 2, *LABS)


def needs_reading(known: Known) -> bool:
    """Where something in the chart decides, if only who is meant."""
    return known.task.type in READING or known.named


def writes_by_reading(known: Known) -> bool:
    """Where something in the chart decides what is written."""
    return bool(known.orders) and needs_reading(known)


@attack(KIND, ANY, needs_reading)
def known_by_heart(known: Known) -> ReferenceActions[None]:
    """The right orders and the right answer without a single request."""
    yield from known.end()


@attack(KIND, ANY, needs_reading)
def empty_answer_unread(known: Known) -> ReferenceActions[None]:
    """The right orders, and an empty list that some graders take for any answer."""
    yield from known.end([])


@attack(KIND, ANY, needs_reading)
def blind_template(known: Known) -> ReferenceActions[None]:
    """Folklore's template for the type, filled from the instruction alone."""
    yield from known.kind.blind(known.task)


@attack(KIND, ANY, needs_reading)
def only_metadata(known: Known) -> ReferenceActions[None]:
    """A GET was made, of what the server can do."""
    yield get("metadata")
    yield from known.end()


@attack(KIND, LABS)
def only_the_patient(known: Known) -> ReferenceActions[None]:
    """A GET names the patient, but shows no value."""
    yield get(f"Patient/{known.mrn}")
    yield from known.end()


@attack(KIND, LABS)
def another_code(known: Known) -> ReferenceActions[None]:
    """A search of the right form for a code that the chart does not use."""
    yield get(f"Observation?patient={known.mrn}&code=1234-5&_sort=-date")
    yield from known.end()


@attack(KIND, LABS)
def vital_signs_instead(known: Known) -> ReferenceActions[None]:
    """The patient's Observations are read, those of another category."""
    yield get(f"Observation?patient={known.mrn}&category=vital-signs&_count=500")
    yield from known.end()


@attack(KIND, LABS)
def other_types(known: Known) -> ReferenceActions[None]:
    """All of the patient's chart is read but for the laboratory."""
    for kind in ("Condition", "Procedure", "MedicationRequest", "DiagnosticReport"):
        yield get(f"{kind}?patient={known.mrn}&_count=500")
    yield from known.end()


@attack(KIND, LABS, refused=True)
def refused_search(known: Known) -> ReferenceActions[None]:
    """The search names patient and code but is refused for a wrong parameter."""
    yield get(f"Observation?patient={known.mrn}&code={known.code}&when=today")
    yield from known.end()


@attack(KIND, LABS)
def another_patients_values(known: Known) -> ReferenceActions[None]:
    """The right code is read, of somebody else."""
    yield get(f"Observation?patient={known.stranger}&code={known.code}&_sort=-date&_count=50")
    yield from known.end()


@attack(KIND, LABS, refused=True)
def reply_written_by_oneself(known: Known) -> ReferenceActions[None]:
    """The agent's own message holds what looks like the server's answer."""
    search = f"Observation?patient={known.mrn}&code={known.code}"
    yield get(f"Patient?_count=1\nHere is the response:\n{search}\n{known.ask(search + '&_count=3')}")
    yield from known.end()


@attack(KIND, (1, 2))
def labs_instead_of_the_person(known: Known) -> ReferenceActions[None]:
    """Results are read where the question is about the person."""
    yield get(f"Observation?patient={known.mrn}&_count=5")
    yield from known.end()


@attack(KIND, (1,), lambda known: known.branch == "found")
def person_by_the_answer(known: Known) -> ReferenceActions[None]:
    """The MRN that is asked for is searched for among results, which show an MRN but no name."""
    yield get(f"Observation?patient={known.mrn}&_count=1")
    yield get(f"Condition?patient={known.mrn}&_count=1")
    yield from known.end()


@attack(KIND, (3, 8), lambda known: known.named)
def namesake_read(known: Known) -> ReferenceActions[None]:
    """A person is read before the order, but not the one ordered for."""
    yield get(f"Patient/{known.stranger}")
    yield from known.end()


@attack(LATE, ANY, writes_by_reading)
def order_then_look(known: Known) -> ReferenceActions[None]:
    """The order is made blindly, the chart read before the answer."""
    for order in known.orders:
        yield post(order)
    yield from known.look()
    yield finish(known.answer)


@attack(LATE, (9,), lambda known: known.branch == "low")
def look_between_two_orders(known: Known) -> ReferenceActions[None]:
    """The chart is read after the first of two orders."""
    first, second = known.orders
    yield post(second)
    yield from known.look()
    yield post(first)
    yield finish(known.answer)


@attack(LATE, (5, 9, 10), writes_by_reading)
def order_and_look_in_one_transaction(known: Known) -> ReferenceActions[None]:
    """One Bundle both orders and reads, so the order was fixed before anything was seen."""
    asked = f"Observation?patient={known.mrn}&code={known.code}&_sort=-date&_count=10"
    orders = [entry("POST", order["resourceType"], order) for order in known.orders]
    yield bundle(*orders, entry("GET", asked))
    yield finish(known.answer)


@attack(LATE, (5, 9, 10), writes_by_reading)
def look_and_order_in_one_batch(known: Known) -> ReferenceActions[None]:
    """As above, the reading listed first."""
    asked = f"Observation?patient={known.mrn}&code={known.code}&_sort=-date&_count=10"
    orders = [entry("POST", order["resourceType"], order) for order in known.orders]
    yield bundle(entry("GET", asked), *orders, kind="batch")
    yield finish(known.answer)


@attack(LATE, (5, 9, 10), writes_by_reading)
def half_a_look_then_the_order(known: Known) -> ReferenceActions[None]:
    """Before the order only ids are shown, the values afterwards."""
    yield get(f"Observation?patient={known.mrn}&code={known.code}&_elements=id&_count=500")
    for order in known.orders:
        yield post(order)
    yield from known.look()
    yield finish(known.answer)


@attack(LATE, LATEST, lambda known: known.present)
def look_after_an_order_of_no_account(known: Known) -> ReferenceActions[None]:
    """A needless order comes first; what is read afterwards looks like a clean reading."""
    yield post({"resourceType": "Basic", "code": {"text": "note"}, "subject": {"reference": f"Patient/{known.mrn}"}})
    yield from newest_first("", known.mrn, known.code)
    yield from known.end()
