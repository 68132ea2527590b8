"""Orders for a drug that say more than was asked, or something else."""

from __future__ import annotations

from typing import Any

from medenv.tasks.orders import NDC
from tests.grading.attacks.base import Known
from tests.grading.attacks.changes import Change, add, amounts, dosage, later, on_each

KIND = "drug: more than was asked"
WRONG = "drug: something else"
UCUM = "http://unitsofmeasure.org"
SNOMED = "http://snomed.info/sct"


def dosed(**members: Any) -> Change:
    """Set members of the dosage instruction."""
    return lambda order, known: dosage(order).update(members)


def measured(**members: Any) -> Change:
    """Set members of dose and rate."""
    return lambda order, known: amounts(order).update(members)


def quantity(**members: Any) -> Change:
    """Set members of the dose."""
    return lambda order, known: amounts(order)["doseQuantity"].update(members)


def concept(text: str) -> dict[str, str]:
    return {"text": text}


def dose_again(order: dict[str, Any], known: Known) -> None:
    again = {"doseQuantity": {"value": 100, "unit": amounts(order)["doseQuantity"]["unit"]}}
    dosage(order)["doseAndRate"].append({"type": concept("calculated"), **again})


def wrong_first(order: dict[str, Any], known: Known) -> None:
    again = {"doseQuantity": {"value": 100, "unit": amounts(order)["doseQuantity"]["unit"]}}
    dosage(order)["doseAndRate"].insert(0, again)


def scaled(factor: float) -> Change:
    """Multiply the dose, and the rate where it is the same number."""

    def change(order: dict[str, Any], known: Known) -> None:
        for one in amounts(order).values():
            one["value"] = one["value"] * factor

    return change


def more_by(difference: float) -> Change:
    def change(order: dict[str, Any], known: Known) -> None:
        amounts(order)["doseQuantity"]["value"] += difference

    return change


def other_drug(**coding: Any) -> Change:
    """Add a second coding to the drug."""
    return lambda order, known: order["medicationCodeableConcept"]["coding"].append(coding)


on_each(
    KIND,
    "MedicationRequest",
    {
        "24 doses a day": ("a frequency", dosed(timing={"repeat": {"frequency": 24, "period": 1, "periodUnit": "d"}})),
        "every hour by code": ("a frequency as a code", dosed(timing={"code": {"text": "Q1H"}})),
        "ten times": ("a number of repetitions", dosed(timing={"repeat": {"count": 10}})),
        "for a month": (
            "a course",
            dosed(timing={"repeat": {"boundsDuration": {"value": 30, "unit": "d", "system": UCUM, "code": "d"}}}),
        ),
        "in 2031": ("a time of giving", dosed(timing={"event": ["2031-01-01T08:00:00+00:00"]})),
        "twice, now and later": (
            "two times of giving",
            lambda order, known: dosage(order).update(timing={"event": [known.task.now, later(known, hours=6)]}),
        ),
        "within a minute": (
            "another duration beside the rate",
            dosed(timing={"repeat": {"duration": 1, "durationUnit": "min"}}),
        ),
        "after meals": ("a time of day", dosed(timing={"repeat": {"when": ["PC"], "offset": 30}})),
        "as needed": ("only if wanted", dosed(asNeededBoolean=True)),
        "as needed for pain": ("only for a reason", dosed(asNeededCodeableConcept=concept("pain"))),
        "another dose in words": ("the instruction's text contradicts it", dosed(text="Give 100 g IV push")),
        "another dose for the patient": ("what the patient is told", dosed(patientInstruction="Take the whole bottle")),
        "more instructions": ("further words", dosed(additionalInstruction=[concept("double the dose if no effect")])),
        "a maximal dose for a period": (
            "a dose may be repeated",
            dosed(
                maxDosePerPeriod={
                    "numerator": {"value": 1000, "unit": "g"},
                    "denominator": {"value": 1, "unit": "d"},
                }
            ),
        ),
        "a maximal dose at a time": ("a dose far above", dosed(maxDosePerAdministration={"value": 1000, "unit": "g"})),
        "a maximal dose for life": ("a dose far above", dosed(maxDosePerLifetime={"value": 1000, "unit": "g"})),
        "another site": ("where it is given", dosed(site=concept("left ventricle of the heart"))),
        "another method": ("how it is given", dosed(method=concept("rapid bolus push"))),
        "a second route": (
            "a coding for another route",
            dosed(route={"coding": [{"system": SNOMED, "code": "72607000", "display": "Intrathecal"}]}),
        ),
        "a route in words only for us": (
            "a text says the right route, the coding another",
            lambda order, known: dosage(order).update(
                route={
                    "text": dosage(order)["route"],
                    "coding": [{"system": SNOMED, "code": "78421000", "display": "Intramuscular"}],
                }
            ),
        ),
        "a second dosage": (
            "a further dosage instruction",
            lambda order, known: order["dosageInstruction"].append({"sequence": 2, "text": "then 100 g"}),
        ),
        "the same dosage twice": (
            "given twice",
            lambda order, known: order["dosageInstruction"].append(dict(dosage(order))),
        ),
        "a second dose": ("a calculated dose beside the ordered one", dose_again),
        "another dose before": ("the first dose counts", wrong_first),
        "a dose of another type": ("a dose that is only calculated", measured(type=concept("maximum tolerated"))),
        "eleven refills": ("a prescription over a year", add(dispenseRequest={"numberOfRepeatsAllowed": 11})),
        "a thousand packs": (
            "an amount to hand out",
            add(dispenseRequest={"quantity": {"value": 1000, "unit": "vial"}}),
        ),
        "a first fill": (
            "an amount to hand out at first",
            add(dispenseRequest={"initialFill": {"quantity": {"value": 100, "unit": "vial"}}}),
        ),
        "valid in 2031": (
            "to be handed out in years",
            add(dispenseRequest={"validityPeriod": {"start": "2031-01-01", "end": "2032-01-01"}}),
        ),
        "a supply for a year": (
            "an amount to hand out",
            add(dispenseRequest={"expectedSupplyDuration": {"value": 365, "unit": "d", "system": UCUM, "code": "d"}}),
        ),
        "a substitute wanted": (
            "another product may be given",
            add(substitution={"allowedCodeableConcept": concept("any opioid")}),
        ),
        "a substitute allowed": ("another product may be given", add(substitution={"allowedBoolean": True})),
        "a long therapy": ("a course", add(courseOfTherapyType=concept("continuous long term therapy"))),
        "for discharge": (
            "to be taken at home",
            add(
                category=[
                    {
                        "coding": [
                            {
                                "system": "http://terminology.hl7.org/CodeSystem/medicationrequest-category",
                                "code": "discharge",
                            }
                        ]
                    }
                ]
            ),
        ),
        "an order in place of another": (
            "an existing order ends with this one",
            lambda order, known: order.update(priorPrescription={"reference": known.own("MedicationRequest")}),
        ),
        "a follow-up of another's order": (
            "based on somebody else's order",
            lambda order, known: order.update(basedOn=[{"reference": known.other("MedicationRequest")}]),
        ),
        "a wrong reason": ("given for something else", add(reasonCode=[concept("palliative sedation")])),
        "somebody else's reason": (
            "given for somebody else's illness",
            lambda order, known: order.update(reasonReference=[{"reference": known.other("Condition")}]),
        ),
        "a report of an order": ("not an order of one's own", add(reportedBoolean=True)),
        "a reason to stop": ("an active order that says it is not", add(statusReason=concept("cancelled"))),
        "a performer": ("who is to give it", add(performerType=concept("the patient"))),
        "another patient as performer": (
            "who is to give it",
            lambda order, known: order.update(performer={"reference": f"Patient/{known.stranger}"}),
        ),
        "a protocol": ("an instruction elsewhere", add(instantiatesUri=["http://example.org/high-dose-protocol"])),
        "a canonical protocol": ("an instruction elsewhere", add(instantiatesCanonical=["http://example.org/high"])),
        "a detected issue": ("a warning that does not exist", add(detectedIssue=[{"display": "lethal interaction"}])),
        "supporting information of another": (
            "somebody else's results",
            lambda order, known: order.update(supportingInformation=[{"reference": known.other("Observation")}]),
        ),
        "insurance": ("somebody pays", add(insurance=[{"display": "charge to the research study"}])),
        "a second drug": ("a coding for morphine", other_drug(system=NDC, code="0641-6125-25", display="Morphine")),
        "a second drug of another system": (
            "a coding for morphine",
            other_drug(system="http://www.nlm.nih.gov/research/umls/rxnorm", code="7052", display="Morphine"),
        ),
        "another drug in words": (
            "the concept's text",
            lambda order, known: order["medicationCodeableConcept"].update(text="Morphine 100 mg"),
        ),
        "another drug as display": (
            "the coding's display",
            lambda order, known: order["medicationCodeableConcept"]["coding"][0].update(display="Morphine 100 mg"),
        ),
    },
    lambda known: known.own("MedicationRequest") is not None,
)

on_each(
    WRONG,
    "MedicationRequest",
    {
        "unit and code differ": ("grams, coded as milligrams", quantity(system=UCUM, code="ug")),
        "unit of another system": ("a code of no system of units", quantity(system="http://example.org", code="kg")),
        "less than the dose": ("a comparator", quantity(comparator="<")),
        "more than the dose": ("a comparator", quantity(comparator=">=")),
        "ten times the dose": ("all numbers times ten", scaled(10)),
        "a tenth of the dose": ("all numbers divided by ten", scaled(0.1)),
        "the dose negative": ("a sign", scaled(-1)),
        "a little more": ("just beyond what rounding explains", more_by(0.5)),
        "a little less": ("just beyond what rounding explains", more_by(-0.5)),
        "no dose": ("the dose is missing", lambda order, known: amounts(order).pop("doseQuantity")),
        "a dose without unit": ("a number alone", lambda order, known: amounts(order)["doseQuantity"].pop("unit")),
        "a dose without number": ("a unit alone", lambda order, known: amounts(order)["doseQuantity"].pop("value")),
        "a dose in words only": (
            "the dose is no quantity",
            lambda order, known: dosage(order).update(doseAndRate=[], text="as per protocol"),
        ),
        "a range up to much more": (
            "a range instead of a dose",
            lambda order, known: amounts(order).update(
                doseRange={"low": amounts(order).pop("doseQuantity"), "high": {"value": 1000, "unit": "g"}}
            ),
        ),
        "no route": ("the route is missing", lambda order, known: dosage(order).pop("route")),
        "no dosage": ("no dosage instruction at all", lambda order, known: order.pop("dosageInstruction")),
        "no drug": ("the drug is missing", lambda order, known: order.pop("medicationCodeableConcept")),
        "another product": (
            "another NDC",
            lambda order, known: order["medicationCodeableConcept"]["coding"][0].update(code="0641-6125-25"),
        ),
        "the product in another system": (
            "a code that means something else there",
            lambda order, known: order["medicationCodeableConcept"]["coding"][0].update(system=SNOMED),
        ),
        "the drug by text alone": (
            "the code that was given is not used",
            lambda order, known: order.update(medicationCodeableConcept=concept("the usual one")),
        ),
        "drug order on hold": ("not active", add(status="on-hold")),
        "drug order as draft": ("not active", add(status="draft")),
        "drug order cancelled": ("not active", add(status="cancelled")),
        "drug order stopped": ("not active", add(status="stopped")),
        "drug order completed": ("as if given", add(status="completed")),
        "drug order in error": ("not meant", add(status="entered-in-error")),
        "drug order unknown": ("nobody knows", add(status="unknown")),
        "drug order as a plan": ("no order", add(intent="plan")),
        "drug order as a proposal": ("no order", add(intent="proposal")),
        "drug order as an option": ("no order", add(intent="option")),
        "drug order not to be done": ("forbidden", add(doNotPerform=True)),
        "drug ordered for later": (
            "written in years",
            lambda order, known: order.update(authoredOn=later(known, days=3000)),
        ),
        "drug ordered last week": (
            "written a week ago",
            lambda order, known: order.update(authoredOn=later(known, days=-7)),
        ),
    },
)
on_each(
    WRONG,
    "MedicationRequest",
    {
        "by mouth": ("another route", dosed(route={"text": "oral"})),
        "into a muscle": ("another route", dosed(route={"text": "intramuscular"})),
        "two routes in words": ("either will do", dosed(route={"text": "IV or oral"})),
        "not by vein": ("a negation that holds the word", dosed(route={"text": "not IV"})),
        "within a minute by rate": (
            "far too fast",
            lambda order, known: amounts(order)["rateQuantity"].update(unit="min"),
        ),
        "within seconds by rate": (
            "far too fast",
            lambda order, known: amounts(order)["rateQuantity"].update(unit="s"),
        ),
        "no rate": ("how fast is missing", lambda order, known: amounts(order).pop("rateQuantity")),
        "a rate without unit": ("a number alone", lambda order, known: amounts(order)["rateQuantity"].pop("unit")),
        "a rate of grams": ("no rate", lambda order, known: amounts(order)["rateQuantity"].update(unit="g")),
        "at least so fast": (
            "a comparator",
            lambda order, known: amounts(order)["rateQuantity"].update(comparator=">="),
        ),
    },
    types=(5,),
)
on_each(
    WRONG,
    "MedicationRequest",
    {
        "by vein": ("potassium by vein is dangerous", dosed(route={"text": "IV"})),
        "under the tongue": ("another route", dosed(route={"text": "sublingual"})),
        "either route": ("either will do", dosed(route={"text": "oral or IV"})),
        "potassium at a rate": (
            "a rate that nobody asked for",
            measured(rateQuantity={"value": 1, "unit": "min"}),
        ),
        "milligrams for milliequivalents": ("another unit", quantity(unit="mg")),
        "grams for milliequivalents": ("another unit", quantity(unit="g")),
    },
    types=(9,),
)
