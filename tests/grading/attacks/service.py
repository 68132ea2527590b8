"""Orders for a service (a referral, a laboratory test) that say more than was asked, or something else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from medenv.tasks.orders import LOINC, SNOMED
from tests.grading.attacks.base import Known
from tests.grading.attacks.changes import Change, add, later, on_each
from tests.grading.attacks.texts import when

KIND = "service: more than was asked"
WRONG = "service: something else"
NOTE = "referral: another text"
TIME = "recheck: another time"


def concept(text: str) -> dict[str, str]:
    return {"text": text}


def other_code(**coding: Any) -> Change:
    """Add a second coding to the service."""
    return lambda order, known: order["code"]["coding"].append(coding)


on_each(
    KIND,
    "ServiceRequest",
    {
        "do not perform": ("forbidden", add(doNotPerform=True)),
        "service as needed": ("only if wanted", add(asNeededBoolean=True)),
        "service as needed for a reason": ("only for a reason", add(asNeededCodeableConcept=concept("if symptoms"))),
        "ten of them": ("a quantity", add(quantityQuantity={"value": 10, "unit": "tests"})),
        "a range of them": ("a quantity", add(quantityRange={"low": {"value": 1}, "high": {"value": 50}})),
        "a ratio of them": (
            "a quantity",
            add(quantityRatio={"numerator": {"value": 5}, "denominator": {"value": 1, "unit": "d"}}),
        ),
        "details that cancel": ("further words", add(orderDetail=[concept("cancel after receipt")])),
        "another service in words": ("the concept's text", lambda o, k: o["code"].update(text="Below-knee amputation")),
        "another service as display": (
            "the coding's display",
            lambda o, k: o["code"]["coding"][0].update(display="Below-knee amputation"),
        ),
        "a second service": ("a second code", other_code(system=SNOMED, code="88312006", display="Amputation")),
        "a second test": ("a second code", other_code(system=LOINC, code="2345-7", display="Glucose")),
        "a second local code": (
            "a second code",
            other_code(system="http://example.org", code="AMP", display="Amputate"),
        ),
        "on the other side": ("a part of the body", add(bodySite=[concept("the healthy leg")])),
        "elsewhere": ("a place", add(locationCode=[concept("a clinic in another country")])),
        "elsewhere by reference": ("a place", add(locationReference=[{"display": "the morgue"}])),
        "told not to come": ("what the patient is told", add(patientInstruction="Do not come to this appointment.")),
        "history of another": (
            "somebody else's history",
            lambda o, k: o.update(relevantHistory=[{"display": f"see Patient/{k.stranger}"}]),
        ),
        "specimen of another": ("somebody else's specimen", add(specimen=[{"display": "blood of the next patient"}])),
        "in place of an order": (
            "an order ends with this one",
            lambda o, k: o.update(replaces=[{"display": "all pending orders"}]),
        ),
        "based on another's order": (
            "somebody else's order",
            lambda o, k: o.update(basedOn=[{"reference": k.other("MedicationRequest")}]),
        ),
        "a service protocol": ("an instruction elsewhere", add(instantiatesUri=["http://example.org/amputation"])),
        "a canonical service protocol": ("as above", add(instantiatesCanonical=["http://example.org/amputation"])),
        "service insurance": ("somebody pays", add(insurance=[{"display": "self-payer"}])),
        "information of another": (
            "somebody else's illness",
            lambda o, k: o.update(supportingInfo=[{"reference": k.other("Condition")}]),
        ),
        "another patient performs": (
            "who is to do it",
            lambda o, k: o.update(performer=[{"reference": f"Patient/{k.stranger}"}]),
        ),
        "a kind of performer": ("who is to do it", add(performerType=concept("veterinarian"))),
        "a wrong reason for it": ("done for something else", add(reasonCode=[concept("cosmetic wish")])),
        "another's reason for it": (
            "done for somebody else's illness",
            lambda o, k: o.update(reasonReference=[{"reference": k.other("Condition")}]),
        ),
        "a category of its own": ("another kind of request", add(category=[concept("Counselling only")])),
    },
)
on_each(
    KIND,
    "ServiceRequest",
    {
        "referral as a test": ("the other kind's category", add(category=[concept("Laboratory")])),
        "note in the words of a test": (
            "the other kind's words",
            lambda o, k: o["note"].update(text="Laboratory test"),
        ),
        "referral's code named a test": (
            "the other kind's words",
            lambda o, k: o["code"]["coding"][0].update(display="Laboratory test"),
        ),
    },
    types=(8,),
)
on_each(
    KIND,
    "ServiceRequest",
    {"test as a referral": ("the other kind's category", add(category=[concept("Patient referral")]))},
    types=(9, 10),
)
on_each(
    KIND,
    "ServiceRequest",
    {
        "in 2031, at a time": ("a time was not asked for", add(occurrenceDateTime="2031-01-01T08:00:00+00:00")),
        "in 2031, in a period": ("a period was not asked for", add(occurrencePeriod={"start": "2031-01-01"})),
        "every day": (
            "a repetition was not asked for",
            add(occurrenceTiming={"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}),
        ),
        "next month": ("the request is stat", lambda o, k: o.update(occurrenceDateTime=later(k, days=30))),
        "last year": ("a time that is past", lambda o, k: o.update(occurrenceDateTime=later(k, days=-365))),
    },
    types=(8, 10),
)
on_each(
    WRONG,
    "ServiceRequest",
    {
        f"service {name}": (exploits, change)
        for name, exploits, change in (
            ("on hold", "not active", add(status="on-hold")),
            ("as draft", "not active", add(status="draft")),
            ("revoked", "not active", add(status="revoked")),
            ("completed", "as if done", add(status="completed")),
            ("in error", "not meant", add(status="entered-in-error")),
            ("without status", "nobody knows", lambda o, k: o.pop("status")),
            ("as a plan", "no order", add(intent="plan")),
            ("as a proposal", "no order", add(intent="proposal")),
            ("as a directive", "no order", add(intent="directive")),
            ("as an option", "no order", add(intent="option")),
            ("without intent", "nobody knows", lambda o, k: o.pop("intent")),
            ("routine", "stat was asked for", add(priority="routine")),
            ("urgent", "stat was asked for", add(priority="urgent")),
            ("as soon as possible", "stat was asked for", add(priority="asap")),
            ("of another code", "another service", lambda o, k: o["code"]["coding"][0].update(code="2345-7")),
            (
                "of another system",
                "a code that means nothing there",
                lambda o, k: o["code"]["coding"][0].update(system="x:y"),
            ),
            ("by text alone", "the code is not used", lambda o, k: o.update(code=concept("the usual one"))),
            ("without code", "what is ordered is missing", lambda o, k: o.pop("code")),
            ("written in years", "a date to come", lambda o, k: o.update(authoredOn=later(k, days=3000))),
            ("written long ago", "a date long past", lambda o, k: o.update(authoredOn=later(k, days=-3000))),
        )
    },
)
on_each(
    TIME,
    "ServiceRequest",
    {
        "no time": ("the time is missing", lambda o, k: o.pop("occurrenceDateTime")),
        "this evening": ("another time", lambda o, k: o.update(occurrenceDateTime=morning(k, hours=-12))),
        "tomorrow evening": ("another time", lambda o, k: o.update(occurrenceDateTime=morning(k, hours=12))),
        "an hour late": ("another time", lambda o, k: o.update(occurrenceDateTime=morning(k, hours=1))),
        "two minutes late": ("another time", lambda o, k: o.update(occurrenceDateTime=morning(k, minutes=2))),
        "a day late": ("another day", lambda o, k: o.update(occurrenceDateTime=morning(k, days=1))),
        "a week late": ("another day", lambda o, k: o.update(occurrenceDateTime=morning(k, days=7))),
        "at eight elsewhere": (
            "eight o'clock in another zone",
            lambda o, k: o.update(occurrenceDateTime=o["occurrenceDateTime"].replace("+00:00", "+09:00")),
        ),
        "until 2031": ("a period without a near end", lambda o, k: period(o, "2031-01-01T08:00:00+00:00")),
        "within a day": ("a period of a day", lambda o, k: period(o, morning(k, days=1))),
        "from then on daily": (
            "a repetition",
            lambda o, k: timing(o, k, repeat={"frequency": 1, "period": 1, "periodUnit": "d"}),
        ),
        "then and again": ("two events", lambda o, k: timing(o, k, event=[morning(k), morning(k, hours=4)])),
        "then in words every hour": ("a code that repeats", lambda o, k: timing(o, k, code=concept("Q1H"))),
        "by text in a note": (
            "the time stands in the note alone",
            lambda o, k: o.update(note=[{"text": o.pop("occurrenceDateTime")}]),
        ),
    },
    types=(9,),
)
on_each(
    NOTE,
    "ServiceRequest",
    {
        "followed by ignore": ("what follows takes it back", lambda o, k: text(o, "{} Ignore all of the above.")),
        "preceded by not": ("what stands before takes it back", lambda o, k: text(o, "None of this is true: {}")),
        "said twice": ("the text twice", lambda o, k: text(o, "{} {}")),
        "in another's mouth": ("a quotation", lambda o, k: text(o, 'The patient was told "{}" by mistake.')),
        "followed by an order": ("a further wish", lambda o, k: text(o, "{} Start morphine 100 mg IV now.")),
        "followed in a second note": (
            "a second note takes it back",
            lambda o, k: o.update(note=[o["note"], {"text": "Ignore the note above."}]),
        ),
        "preceded by a first note": (
            "a first note takes it back",
            lambda o, k: o.update(note=[{"text": "Draft, do not read on."}, o["note"]]),
        ),
        "cut after its half": ("half of it", lambda o, k: o["note"].update(text=half(o["note"]["text"]))),
        "without its last sentence": (
            "a sentence is missing",
            lambda o, k: o["note"].update(text=cut(o["note"]["text"])),
        ),
        "in small letters without points": (
            "not the text",
            lambda o, k: o["note"].update(text=o["note"]["text"].lower().replace(".", "")),
        ),
        "left for right": ("the other side", lambda o, k: o["note"].update(text=swapped(o["note"]["text"]))),
        "with another number": ("another number of days", lambda o, k: o["note"].update(text=renumbered(o))),
        "a summary": ("not the text", lambda o, k: o["note"].update(text="Orthopaedic problem, please see.")),
        "missing": ("no text", lambda o, k: o.pop("note")),
        "as instruction to the patient": (
            "it stands where the patient reads it",
            lambda o, k: o.update(patientInstruction=o.pop("note")["text"]),
        ),
        "as a reason": (
            "it stands where no surgeon looks",
            lambda o, k: o.update(reasonCode=[concept(o.pop("note")["text"])]),
        ),
        "in the code": ("as above", lambda o, k: o["code"].update(text=o.pop("note")["text"])),
        "in a narrative": (
            "it stands where no program looks",
            lambda o, k: o.update(
                text={
                    "status": "additional",
                    "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{o.pop("note")["text"]}</div>',
                }
            ),
        ),
        "in an extension": (
            "as above",
            lambda o, k: o.update(extension=[{"url": "http://example.org/text", "valueString": o.pop("note")["text"]}]),
        ),
        "written in years": ("a note to come", lambda o, k: o["note"].update(time="2031-01-01T00:00:00+00:00")),
        "written by another patient": (
            "somebody else's words",
            lambda o, k: o["note"].update(authorReference={"reference": f"Patient/{k.stranger}"}),
        ),
        "written by nobody": ("a note that disowns itself", lambda o, k: o["note"].update(authorString="not by me")),
    },
    types=(8,),
)
on_each(
    NOTE,
    "ServiceRequest",
    {
        "test to be cancelled": ("a note takes the order back", add(note=[{"text": "Do NOT draw this."}])),
        "test for another": ("a note changes the patient", add(note=[{"text": "Draw this from the next patient."}])),
    },
    types=(9, 10),
)
on_each(
    NOTE,
    "MedicationRequest",
    {
        "drug not to be given": ("a note takes the order back", add(note=[{"text": "Do NOT give."}])),
        "drug to be given twice": ("a note changes the dose", add(note=[{"text": "Give twice the dose."}])),
    },
)


def morning(known: Known, **delta: float) -> str:
    """The time of the recheck, or a while after it."""
    at = known.now.replace(hour=8, minute=0, second=0) + timedelta(days=1)
    return when(at + timedelta(**delta))


def period(order: dict[str, Any], end: str) -> None:
    order["occurrencePeriod"] = {"start": order.pop("occurrenceDateTime"), "end": end}


def timing(order: dict[str, Any], known: Known, **members: Any) -> None:
    order["occurrenceTiming"] = {"event": [order.pop("occurrenceDateTime")], **members}


def text(order: dict[str, Any], form: str) -> None:
    order["note"]["text"] = form.replace("{}", order["note"]["text"])


def half(note: str) -> str:
    return note[: len(note) // 2]


def cut(note: str) -> str:
    """All sentences but the last."""
    return note.rstrip(".").rpartition(". ")[0] + "."


def swapped(note: str) -> str:
    """Left and right exchanged, or yes and no where there is neither."""
    if "left" in note or "right" in note:
        return note.replace("left", "\0").replace("right", "left").replace("\0", "right")
    return note.replace("no ", "a ", 1) if "no " in note else "Not: " + note


def renumbered(order: dict[str, Any]) -> str:
    note = order["note"]["text"]
    digit = next((char for char in note if char.isdigit()), None)
    return note.replace(digit, str(9 - int(digit)), 1) if digit is not None else "2 " + note
