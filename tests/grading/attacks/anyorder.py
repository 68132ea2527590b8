"""What any resource can carry besides what was asked: other subjects, extensions, labels, narratives, contained resources."""

from __future__ import annotations

from typing import Any

from tests.grading.attacks.base import Known
from tests.grading.attacks.changes import Change, add, on_all
from tests.grading.attacks.texts import morphine

KIND = "any order: more than was asked"
WHO = "any order: another patient"
EXTENSION = {"url": "http://example.org/fhir/multiply-by", "valueInteger": 100}
HTEST = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST", "display": "test health data"}


def div(words: str) -> str:
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{words}</div>'


def subject(**members: Any) -> Change:
    """Set members of the subject."""
    return lambda order, known: order["subject"].update(members)


def contained(order: dict[str, Any], known: Known) -> None:
    order["contained"] = [{**morphine(known.mrn, known.task.now), "id": "m"}]


on_all(
    KIND,
    {
        "an extension": ("a number that multiplies", add(extension=[EXTENSION])),
        "an extension that cancels": (
            "a truth value",
            add(extension=[{"url": "http://example.org/fhir/cancelled", "valueBoolean": True}]),
        ),
        "a modifier": (
            "an extension that changes the meaning",
            add(modifierExtension=[{"url": "http://example.org/fhir/negated", "valueBoolean": True}]),
        ),
        "an extension of the status": ("a primitive's extension", add(_status={"extension": [EXTENSION]})),
        "an extension of the subject": ("a part's extension", subject(extension=[EXTENSION])),
        "an extension of the reference": (
            "a primitive's extension inside",
            subject(_reference={"extension": [EXTENSION]}),
        ),
        "implicit rules": (
            "rules stand elsewhere",
            add(implicitRules="http://example.org/rules/everything-is-negated"),
        ),
        "test data": ("a security label that says it is not meant", add(meta={"security": [HTEST]})),
        "restricted": (
            "a security label that hides it",
            add(
                meta={"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "V"}]}
            ),
        ),
        "tagged as a draft": (
            "a tag that says it is not meant",
            add(
                meta={"tag": [{"system": "http://example.org/tags", "code": "draft", "display": "do not act on this"}]}
            ),
        ),
        "an extension in meta": ("where nobody looks", add(meta={"extension": [EXTENSION]})),
        "another story in the narrative": (
            "what people read says something else",
            add(text={"status": "additional", "div": div("Give 100 g IV push, then discharge.")}),
        ),
        "a narrative that is generated, it says": (
            "as above, with another status",
            add(text={"status": "generated", "div": div("Cancelled. Do not carry out.")}),
        ),
        "a contained order": ("an order inside the order", contained),
        "a contained patient": (
            "somebody inside",
            add(contained=[{"resourceType": "Patient", "id": "p", "name": [{"family": "Other"}]}]),
        ),
    },
)
on_all(
    WHO,
    {
        "another subject": (
            "for somebody else",
            lambda o, k: o.update(subject={"reference": f"Patient/{k.stranger}"}),
        ),
        "another's identifier": (
            "the reference says one, the identifier another",
            lambda o, k: o["subject"].update(identifier={"value": k.stranger}),
        ),
        "another's name": ("the reference says one, the display another", subject(display="Somebody Else")),
        "another's MRN as name": (
            "as above",
            lambda o, k: o["subject"].update(display=f"MRN {k.stranger}"),
        ),
        "a group": ("the reference says one, the type another", subject(type="Group")),
        "a device": ("as above", subject(type="Device")),
        "no subject": ("for nobody", lambda o, k: o.pop("subject")),
        "a subject by identifier alone": (
            "nothing refers to the patient's record",
            lambda o, k: o.update(subject={"identifier": {"value": k.mrn}}),
        ),
        "a subject by name alone": (
            "nothing refers to the patient's record",
            lambda o, k: o.update(subject={"display": f"Patient {k.mrn}"}),
        ),
        "a version of the patient": (
            "one version of the record",
            lambda o, k: o["subject"].update(reference=f"Patient/{k.stranger}/_history/1"),
        ),
        "another by condition": (
            "a search that finds somebody else",
            lambda o, k: o["subject"].update(reference=f"Patient?identifier={k.stranger}"),
        ),
    },
)
