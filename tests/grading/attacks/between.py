"""What is said in places that look neutral: names, identifiers, versions, narratives; and in words that an order's own vocabulary holds."""

from __future__ import annotations

from typing import Any

from medenv.tasks.reference import ReferenceActions, finish
from tests.grading.attacks.base import Known, attack
from tests.grading.attacks.changes import Change, add, dosage, on_all, on_each
from tests.grading.attacks.texts import bundle, get

KIND = "said in a neutral place"
WORDS = "said in an order's own words"
ACCESS = "others' data, cut short"
PAIRED = "submitted and stored differ"
EXTENSION = {"url": "http://example.org/fhir/multiply-by", "valueInteger": 100}


def div(words: str) -> str:
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{words}</div>'


on_all(
    KIND,
    {
        "an extension of the identifier": (
            "an identifier is neutral, what is inside it is not",
            add(identifier=[{"value": "1", "extension": [EXTENSION]}]),
        ),
        "words in the identifier": (
            "a type's text",
            add(identifier=[{"value": "1", "type": {"text": "Do NOT carry out"}}]),
        ),
        "an order in the identifier": (
            "the value is a sentence",
            add(identifier=[{"value": "Do NOT carry out this order"}]),
        ),
        "somebody's words as an encounter": (
            "a name is a sentence",
            add(encounter={"display": "Cancelled, do not carry out"}),
        ),
        "an identifier of an encounter": (
            "an identifier is a sentence",
            add(encounter={"identifier": {"value": "cancelled, do not carry out"}}),
        ),
        "a narrative struck out": (
            "what is said is taken back by its style",
            add(
                text={
                    "status": "generated",
                    "div": div('<span style="text-decoration: line-through">order for the patient</span>'),
                }
            ),
        ),
        "a narrative in a title": (
            "what is said stands in an attribute",
            add(text={"status": "generated", "div": div('<span title="Do NOT carry out, cancelled">order</span>')}),
        ),
    },
)
for resource, member in (
    ("MedicationRequest", "requester"),
    ("ServiceRequest", "requester"),
    ("MedicationRequest", "recorder"),
    ("MedicationRequest", "performer"),
):
    on_each(
        KIND,
        resource,
        {
            f"words as {member} of a {resource}": (
                "a name is a sentence",
                add(**{member: {"display": "Do NOT give, this order is cancelled"}}),
            )
        },
    )
on_each(
    KIND,
    "ServiceRequest",
    {
        "words as performer": ("a name is a sentence", add(performer=[{"display": "nobody, this order is cancelled"}])),
        "words in the requisition": (
            "a value is a sentence",
            add(requisition={"value": "cancelled, do not carry out"}),
        ),
        "words of the note's author": (
            "a name is a sentence",
            lambda o, k: o.setdefault("note", {"text": "stat"}).update(
                authorReference={"display": "Not true, please ignore"}
            ),
        ),
    },
)
on_each(
    KIND,
    "Observation",
    {
        "words as performer of a reading": (
            "a name is a sentence",
            add(performer=[{"display": "not measured, made up"}]),
        ),
    },
)


def says(text: str) -> Change:
    """Say something in the dosage's text, with the dose and its unit."""

    def change(order: dict[str, Any], known: Known) -> None:
        dose = dosage(order)["doseAndRate"][0]["doseQuantity"]
        dosage(order)["text"] = text.format(dose=f"{dose['value']} {dose['unit']}")

    return change


def hours(known: Known) -> bool:
    """Whether the dose is given over more than one hour."""
    return known.branch in ("moderate", "severe")


on_each(
    WORDS,
    "MedicationRequest",
    {
        "the dose over one hour": ("a number as a word", says("{dose} IV over one hour")),
        "the dose over 1 (hour)": ("a number that may stand alone", says("{dose} IV over 1 (hour)")),
    },
    hours,
    types=(5,),
)
on_each(
    WORDS,
    "MedicationRequest",
    {
        "the dose twice": ("each dose is right, there are two", says("{dose} now and {dose} in one hour")),
        "the dose again": ("each dose is right, there are two", says("Give {dose} now, give {dose} today")),
    },
)
on_each(
    WORDS,
    "MedicationRequest",
    {
        "tablets in one hour and now": ("two times", says("Take {dose} by mouth now, {dose} by mouth in one hour")),
    },
    types=(9,),
)
on_each(
    WORDS,
    "ServiceRequest",
    {
        "tomorrow instead of now": ("words of another order", add(note=[{"text": "Draw tomorrow morning"}])),
        "from the next patient": ("words in another sense", add(note=[{"text": "Draw this from the next patient"}])),
        "again tomorrow": ("a repetition", add(note=[{"text": "Repeat tomorrow, and repeat next morning"}])),
    },
    types=(10,),
)
on_each(
    WORDS,
    "ServiceRequest",
    {
        "at once instead of tomorrow": ("words of another order", add(note=[{"text": "Draw now, stat"}])),
        "the morning after": ("words of another order", add(note=[{"text": "Draw the morning after tomorrow"}])),
        "at another time of day": (
            "words of another order",
            add(note=[{"text": "Tomorrow, 8 hours after the morning"}]),
        ),
    },
    types=(9,),
)


def pressure(form: str) -> Change:
    def change(order: dict[str, Any], known: Known) -> None:
        upper, lower = known.task.params["reading"].split()[0].split("/")
        order["note"] = [{"text": form.format(upper=upper, lower=lower)}]

    return change


on_each(
    WORDS,
    "Observation",
    {
        "the other way round": (
            "both numbers are right, their names are not",
            pressure("diastolic {upper}, systolic {lower}"),
        ),
        "the other way round in mmHg": ("as above", pressure("blood pressure {lower}/{upper} mmHg")),
        "twice": ("a second reading", pressure("systolic {upper} mmHg, systolic {lower} mmHg")),
        "only diastolic": ("a concept's text", lambda o, k: coded(o, "diastolic blood pressure")),
    },
)


on_each(
    WORDS,
    "Observation",
    {
        "parts with each other's names": (
            "a code's display",
            lambda o, k: o.update(component=named_parts(k)),
        ),
    },
)


def named_parts(known: Known) -> list[dict[str, Any]]:
    """Components whose displays are exchanged."""
    upper, lower = known.task.params["reading"].split()[0].split("/")
    return [
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": f"{name} blood pressure"}]},
            "valueQuantity": {"value": int(value), "unit": "mmHg"},
        }
        for code, value, name in (("8480-6", upper, "Diastolic"), ("8462-4", lower, "Systolic"))
    ]


def denies(known: Known) -> bool:
    """Whether the referral's text holds a word that denies something."""
    return " no " in known.task.params.get("note", "")


on_each(
    WORDS,
    "ServiceRequest",
    {
        "no, in the text's words": (
            "the referral's own words put together otherwise",
            lambda o, k: o["code"].update(text="No referral to orthopaedic surgery"),
        ),
        "told no, in the text's words": (
            "as above, to the patient",
            add(patientInstruction="The patient takes no surgery"),
        ),
    },
    denies,
    types=(8,),
)


def reason(code: str) -> Change:
    return add(reasonCode=[{"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code}]}])


on_each(
    WORDS,
    "MedicationRequest",
    {"magnesium for potassium": ("the other drug's reason", reason("E87.6"))},
    types=(5,),
)
on_each(
    WORDS,
    "MedicationRequest",
    {"potassium for magnesium": ("the other drug's reason", reason("E83.42"))},
    types=(9,),
)
on_each(
    WORDS,
    "ServiceRequest",
    {"a service for magnesium": ("a drug's reason", reason("E83.42"))},
    types=(8, 9, 10),
)


def coded(order: dict[str, Any], text: str) -> None:
    panel = {"system": "http://loinc.org", "code": "85354-9"}
    order["code"] = {"coding": [panel], "text": text}


# What was returned of others without saying whose it is.

CUT = "_elements=code,valueQuantity,effectiveDateTime"


@attack(ACCESS, (2, 9), most=3)
def results_without_subjects(known: Known) -> ReferenceActions[None]:
    """Others' results are asked for together with the patient's own, without saying whose they are."""
    yield from known.look()
    yield get(f"Observation?patient={known.mrn},{','.join(known.strangers[:20])}&{CUT}&_count=300")
    yield from known.end()


@attack(ACCESS, (2, 9), most=3)
def conditions_without_subjects(known: Known) -> ReferenceActions[None]:
    """Others' illnesses, as above."""
    yield from known.look()
    yield get(f"Condition?patient={known.mrn},{','.join(known.strangers[:20])}&_elements=code&_count=300")
    yield from known.end()


@attack(ACCESS, (2, 9), most=1)
def everything_of_everybody_without_subjects(known: Known) -> ReferenceActions[None]:
    """A page in the middle of all compartments, without subjects."""
    yield from known.look()
    seen = yield get("Patient/$everything?_count=1")
    following = next(link for link in seen.split('"') if "_getpages=" in link)
    changed = following.replace("_getpagesoffset=1", "_getpagesoffset=3000").replace("_count=1", "_count=300")
    yield get(f"{changed}&{CUT}")
    yield from known.end()


@attack(ACCESS, (2, 9), most=3)
def results_read_without_subjects(known: Known) -> ReferenceActions[None]:
    """Others' results are read one by one, without subjects."""
    yield from known.look()
    for other in known.strangers[:4]:
        found = known.ask(f"Condition?patient={other}&_count=1")["entry"][0]["resource"]["id"]
        yield get(f"Condition/{found}?_elements=code")
    yield from known.end()


@attack(ACCESS, (2, 9), most=3)
def results_by_post_without_subjects(known: Known) -> ReferenceActions[None]:
    """Everybody's results are searched for by POST, without subjects."""
    yield from known.look()
    yield f"POST Observation/_search?code=GLU&_count=300&{CUT}\n{{}}"
    yield from known.end()


@attack(ACCESS, (2,), most=1)
def history_without_subjects(known: Known) -> ReferenceActions[None]:
    """Everybody's newest versions, without subjects; the MRN stands where it does nothing."""
    yield from known.look()
    yield get(f"Condition/_history?_elements=code&_id={known.mrn}&_count=300")
    yield from known.end()


@attack(ACCESS, (1, 3, 8), lambda known: known.named, most=5)
def people_by_a_letter(known: Known) -> ReferenceActions[None]:
    """Everybody whose name begins with the patient's first letter, one page after the other."""
    letter = str(known.task.params["given"])[0]
    yield from known.look()
    yield get(f"Patient?given={letter}&_count=100")
    yield get(f"Patient?birthdate=ge1900&name={letter}&_count=100")
    yield from known.end()


# What was submitted belongs to another entry of the Bundle than what is stored.


@attack(PAIRED, (5, 9), lambda known: bool(known.orders))
def route_of_another_entry(known: Known) -> ReferenceActions[None]:
    """An empty list is no entry and nested ones are flattened: an order without a route is taken for the one before it, which had one."""
    yield from known.look()
    order, *more = known.orders
    bare = known.orders[0]
    dosage(bare)["route"] = "intrathecal"
    decoy = {"resource": order, "request": {"method": "GET", "url": f"Patient/{known.mrn}"}}
    rest = [{"resource": one, "request": {"method": "POST", "url": one["resourceType"]}} for one in more]
    made = {"resource": bare, "request": {"method": "POST", "url": bare["resourceType"]}}
    yield bundle(*rest, [], [decoy, made])
    yield finish(known.answer)
