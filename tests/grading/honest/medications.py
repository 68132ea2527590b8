"""Spellings of the two medication orders: magnesium by vein over some hours, potassium by mouth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from medenv.tasks import Task
from tests.grading.honest.looking import Resource
from tests.grading.honest.orders import (
    ANY,
    REQUESTS,
    SNOMED,
    UCUM,
    Change,
    Level,
    concept,
    from_level,
    resting,
    table,
    times,
    with_elements,
)
from tests.grading.honest.strategy import Strategy

V3_ROUTE = "http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration"
V2_ROUTE = "http://terminology.hl7.org/CodeSystem/v2-0162"
ORDERED = concept("ordered", "http://terminology.hl7.org/CodeSystem/dose-rate-type", "Ordered")
CATEGORY = "http://terminology.hl7.org/CodeSystem/medicationrequest-category"
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'


def dosage(spell: Callable[[Resource, float], Resource]) -> Change:
    """Another spelling of the dosage instruction, from the usual one and the dose in its unit."""

    def change(order: Resource, task: Task) -> Resource:
        usual = order["dosageInstruction"][0]
        dose = usual["doseAndRate"][0]["doseQuantity"]["value"]
        return {**order, "dosageInstruction": [spell(usual, dose)]}

    return change


def beside(**elements: Any) -> Change:
    """Elements of the dosage beside the usual ones."""
    return dosage(lambda usual, dose: {**usual, **elements})


def said(pattern: str) -> Change:
    """The dosage's text beside its structure."""
    return dosage(lambda usual, dose: {**usual, "text": _fill(pattern, dose)})


def amounts(spell: Callable[[float], Any]) -> Change:
    """Another dose and rate."""

    def change(usual: Resource, dose: float) -> Resource:
        made = spell(dose)
        return {**usual, "doseAndRate": made if isinstance(made, list) else [made]}

    return dosage(change)


def rated(spell: Callable[[float], Resource]) -> Change:
    """The usual dose with another rate."""
    return amounts(lambda dose: {"doseQuantity": {"value": dose, "unit": "g"}, **spell(dose)})


def route(value: Any) -> Change:
    """Another route."""
    return beside(route=value)


def _fill(pattern: str, dose: float) -> str:
    return pattern.format(dose=f"{dose:g}", s="" if dose == 1 else "s")


def _ucum(value: float, unit: str, code: str) -> Resource:
    return {"value": value, "unit": unit, "system": UCUM, "code": code}


def _over(dose: float, **more: Any) -> Resource:
    """A rate that says over how many hours."""
    return {"rateQuantity": {"value": dose, "unit": "h"}, **more}


IV: dict[str, Change] = {
    "route as text": route({"text": "IV"}),
    "route in words": route({"text": "Intravenous"}),
    "route bare, lower case": route("iv"),
    "route bare, in words": route("intravenous"),
    "route with dots": route({"text": "i.v."}),
    "route IV infusion": route({"text": "IV infusion"}),
    "route intravenous infusion": route({"text": "Intravenous infusion"}),
    "route intravenously": route({"text": "intravenously"}),
    "route IVPB": route({"text": "IVPB"}),
    "route IV drip": route({"text": "IV drip"}),
    "route intravenous (IV)": route({"text": "Intravenous (IV)"}),
    "route upper case": route({"text": "INTRAVENOUS"}),
    "route as a display": route({"coding": [{"system": SNOMED, "code": "47625008", "display": "IV"}]}),
    "route coded without a system": route({"coding": [{"code": "IV"}]}),
    "route IV (intravenous)": route({"text": "IV (intravenous)"}),
    "route SNOMED": route({"coding": [{"system": SNOMED, "code": "47625008"}]}),
    "route SNOMED with display": route(concept("47625008", SNOMED, "Intravenous route")),
    "route SNOMED with text": route(concept("47625008", SNOMED, "Intravenous route (qualifier value)", "IV")),
    "route IV piggyback": route({"text": "IV piggyback"}),
    "route IV (infusion)": route({"text": "IV (infusion)"}),
    "route HL7 v3": route(concept("IV", V3_ROUTE, "Infusion, intravenous")),
    "route HL7 v2": route(concept("IV", V2_ROUTE, "Intravenous")),
    "route SNOMED and HL7": route(
        {"coding": [{"system": SNOMED, "code": "47625008"}, {"system": V2_ROUTE, "code": "IV"}], "text": "IV"}
    ),
}

PO: dict[str, Change] = {
    "route as text": route({"text": "oral"}),
    "route PO": route({"text": "PO"}),
    "route bare PO": route("PO"),
    "route p.o.": route("p.o."),
    "route PO (oral)": route({"text": "PO (oral)"}),
    "route oral (PO)": route({"text": "Oral (PO)"}),
    "route upper case": route({"text": "ORAL"}),
    "route orally (PO)": route({"text": "Orally (PO)"}),
    "route PO (by mouth)": route({"text": "PO (by mouth)"}),
    "route coded without a system": route({"coding": [{"code": "PO"}]}),
    "route by mouth": route({"text": "by mouth"}),
    "route per os": route({"text": "per os"}),
    "route orally": route({"text": "orally"}),
    "route oral route": route({"text": "Oral route"}),
    "route SNOMED": route({"coding": [{"system": SNOMED, "code": "26643006"}]}),
    "route SNOMED with text": route(concept("26643006", SNOMED, "Oral route", "By mouth")),
    "route HL7 v3": route(concept("PO", V3_ROUTE, "Swallow, oral", "PO")),
    "route HL7 v2": route(concept("PO", V2_ROUTE, "Oral")),
}


def _dose(spell: Callable[[float], Resource]) -> Change:
    return amounts(lambda dose: _over(dose, doseQuantity=spell(dose)))


GRAMS: dict[str, Change] = {
    "dose in mg": _dose(lambda dose: {"value": dose * 1000, "unit": "mg"}),
    "dose in mg of UCUM": _dose(lambda dose: _ucum(dose * 1000, "mg", "mg")),
    "dose in milligrams": _dose(lambda dose: {"value": dose * 1000, "unit": "milligrams"}),
    "dose in grams": _dose(lambda dose: {"value": dose, "unit": "grams"}),
    "dose in gram": _dose(lambda dose: {"value": dose, "unit": "gram"}),
    "dose in Grams": _dose(lambda dose: {"value": dose, "unit": "Grams"}),
    "dose in gm": _dose(lambda dose: {"value": dose, "unit": "gm"}),
    "dose in g of UCUM": _dose(lambda dose: _ucum(dose, "g", "g")),
    "dose in grams with UCUM": _dose(lambda dose: _ucum(dose, "grams", "g")),
    "dose by UCUM code alone": _dose(lambda dose: {"value": dose, "system": UCUM, "code": "g"}),
    "dose with a decimal": _dose(lambda dose: {"value": float(dose), "unit": "g"}),
    "dose range with equal ends": amounts(
        lambda dose: _over(dose, doseRange={"low": {"value": dose, "unit": "g"}, "high": {"value": dose, "unit": "g"}})
    ),
    "dose marked as ordered": amounts(
        lambda dose: _over(dose, type=ORDERED, doseQuantity={"value": dose, "unit": "g"})
    ),
}

HOURS: dict[str, Change] = {
    "rate in hours": rated(lambda dose: {"rateQuantity": {"value": dose, "unit": "hours"}}),
    "rate in hour": rated(lambda dose: {"rateQuantity": {"value": dose, "unit": "hour"}}),
    "rate in hr": rated(lambda dose: {"rateQuantity": {"value": dose, "unit": "hr"}}),
    "rate in hrs": rated(lambda dose: {"rateQuantity": {"value": dose, "unit": "hrs"}}),
    "rate g per hour": rated(lambda dose: {"rateQuantity": {"value": 1, "unit": "g per hour"}}),
    "rate g/hour": rated(lambda dose: {"rateQuantity": {"value": 1, "unit": "g/hour"}}),
    "rate in h of UCUM": rated(lambda dose: {"rateQuantity": _ucum(dose, "h", "h")}),
    "rate in hours with UCUM": rated(lambda dose: {"rateQuantity": _ucum(dose, "hours", "h")}),
    "rate in minutes": rated(lambda dose: {"rateQuantity": {"value": dose * 60, "unit": "min"}}),
    "rate in minutes of UCUM": rated(lambda dose: {"rateQuantity": _ucum(dose * 60, "minutes", "min")}),
    "rate g/h": rated(lambda dose: {"rateQuantity": {"value": 1, "unit": "g/h"}}),
    "rate g/hr": rated(lambda dose: {"rateQuantity": {"value": 1, "unit": "g/hr"}}),
    "rate gram/hr": rated(lambda dose: {"rateQuantity": {"value": 1, "unit": "gram/hr"}}),
    "rate gm/hour": rated(lambda dose: {"rateQuantity": {"value": 1, "unit": "gm/hour"}}),
    "rate g/h of UCUM": rated(lambda dose: {"rateQuantity": _ucum(1, "g/h", "g/h")}),
    "rate in grams per hour": rated(lambda dose: {"rateQuantity": {"value": 1, "unit": "grams/hour"}}),
    "rate grams per hour, in words": rated(lambda dose: {"rateQuantity": {"value": 1, "unit": "grams per hour"}}),
    "rate mg/h": rated(lambda dose: {"rateQuantity": {"value": 1000, "unit": "mg/h"}}),
    "rate as a ratio": rated(
        lambda dose: {
            "rateRatio": {"numerator": {"value": dose, "unit": "g"}, "denominator": {"value": dose, "unit": "h"}}
        }
    ),
    "rate as a ratio to an hour": rated(
        lambda dose: {"rateRatio": {"numerator": _ucum(1, "g", "g"), "denominator": _ucum(1, "h", "h")}}
    ),
    "rate as a ratio of mg": rated(
        lambda dose: {
            "rateRatio": {
                "numerator": {"value": dose * 1000, "unit": "mg"},
                "denominator": {"value": dose * 60, "unit": "min"},
            }
        }
    ),
    "rate range with equal ends": rated(
        lambda dose: {"rateRange": {"low": {"value": 1, "unit": "g/h"}, "high": {"value": 1, "unit": "g/h"}}}
    ),
    "rate range of hours": rated(
        lambda dose: {"rateRange": {"low": {"value": dose, "unit": "h"}, "high": {"value": dose, "unit": "h"}}}
    ),
    "dose and rate apart": amounts(lambda dose: [{"doseQuantity": {"value": dose, "unit": "g"}}, _over(dose)]),
    "duration in the timing": dosage(
        lambda usual, dose: {
            **usual,
            "doseAndRate": [{"doseQuantity": {"value": dose, "unit": "g"}}],
            "timing": {"repeat": {"duration": dose, "durationUnit": "h"}},
        }
    ),
    "duration in minutes": dosage(
        lambda usual, dose: {
            **usual,
            "doseAndRate": [{"doseQuantity": {"value": dose, "unit": "g"}}],
            "timing": {"repeat": {"duration": dose * 60, "durationUnit": "min"}},
        }
    ),
    "duration beside the rate": dosage(
        lambda usual, dose: {**usual, "timing": {"repeat": {"duration": dose, "durationUnit": "h"}}}
    ),
    "duration beside g/h": dosage(
        lambda usual, dose: {
            **usual,
            "doseAndRate": [
                {"doseQuantity": {"value": dose, "unit": "g"}, "rateQuantity": {"value": 1, "unit": "g/h"}}
            ],
            "timing": {"repeat": {"duration": dose, "durationUnit": "h"}},
        }
    ),
}

MAGNESIUM_TEXTS: dict[str, Change] = {
    "text says the same": said("Give {dose} g IV over {dose} hour{s}"),
    "text with the drug": said("Magnesium sulfate {dose} g IV over {dose} h"),
    "text in short": said("{dose} g IV over {dose} hours"),
    "text in words": said("{dose} gram{s} intravenously over {dose} hour{s}."),
    "text with the rate": said("{dose} g IV infusion over {dose} h (1 g/h)"),
}


def _mequ(spell: Callable[[float], Resource]) -> Change:
    return amounts(lambda dose: {"doseQuantity": spell(dose)})


MILLIEQUIVALENTS: dict[str, Change] = {
    "dose in meq": _mequ(lambda dose: {"value": dose, "unit": "meq"}),
    "dose in mEqs": _mequ(lambda dose: {"value": dose, "unit": "mEqs"}),
    "dose in millimoles": _mequ(lambda dose: {"value": dose, "unit": "millimoles"}),
    "dose in MEQ": _mequ(lambda dose: {"value": dose, "unit": "MEQ"}),
    "dose in milliequivalents": _mequ(lambda dose: {"value": dose, "unit": "milliequivalents"}),
    "dose in milliequivalent": _mequ(lambda dose: {"value": dose, "unit": "milliequivalent"}),
    "dose in mEq of UCUM": _mequ(lambda dose: _ucum(dose, "mEq", "meq")),
    "dose by UCUM code alone": _mequ(lambda dose: {"value": dose, "system": UCUM, "code": "meq"}),
    "dose in mmol": _mequ(lambda dose: {"value": dose, "unit": "mmol"}),
    "dose in mmol of UCUM": _mequ(lambda dose: _ucum(dose, "mmol", "mmol")),
    "dose with decimals": _mequ(lambda dose: {"value": float(dose), "unit": "mEq"}),
    "dose range with equal ends": amounts(
        lambda dose: {"doseRange": {"low": {"value": dose, "unit": "mEq"}, "high": {"value": dose, "unit": "mEq"}}}
    ),
    "dose marked as ordered": amounts(lambda dose: {"type": ORDERED, "doseQuantity": {"value": dose, "unit": "mEq"}}),
}

POTASSIUM_TEXTS: dict[str, Change] = {
    "text says the same": said("Give {dose} mEq by mouth"),
    "text with the drug": said("Potassium chloride {dose} mEq PO"),
    "text in short": said("{dose} mEq PO"),
    "text in words": said("{dose} milliequivalents orally."),
}


def _narrative(pattern: str) -> Change:
    def change(order: Resource, task: Task) -> Resource:
        dose = order["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"]
        return {**order, "text": {"status": "generated", "div": DIV.format(_fill(pattern, dose))}}

    return change


def _drug(name: str) -> dict[str, Change]:
    def change(text: str | None, display: str | None) -> Change:
        def spell(order: Resource, task: Task) -> Resource:
            coding = dict(order["medicationCodeableConcept"]["coding"][0])
            drug = {"coding": [{**coding, **({"display": display} if display else {})}]}
            return {**order, "medicationCodeableConcept": {**drug, **({"text": text} if text else {})}}

        return spell

    return {
        "drug with text": change(name, None),
        "drug with display": change(None, name),
        "drug with both": change(name, name),
    }


DOSAGE: dict[str, Change] = {
    "as needed false": beside(asNeededBoolean=False),
    "sequence 1": beside(sequence=1),
    "dosage as an object": lambda order, task: {**order, "dosageInstruction": order["dosageInstruction"][0]},
    "dose and rate as an object": dosage(lambda usual, dose: {**usual, "doseAndRate": usual["doseAndRate"][0]}),
    "inpatient": with_elements(category=[concept("inpatient", CATEGORY, "Inpatient")]),
    "outpatient": with_elements(category=[concept("outpatient", CATEGORY)]),
    "priority stat": with_elements(priority="stat"),
    "priority routine": with_elements(priority="routine"),
    "recorder by display": with_elements(recorder={"display": "Dr. A. Attending"}),
    "not reported": with_elements(reportedBoolean=False),
}
"""What may stand in either medication order."""


MAGNESIUM_MORE: dict[str, Change] = {
    "text once": said("{dose} g IV over {dose} h once"),
    "text of a single dose": said("Infuse {dose} g intravenously over {dose} hour{s} as a single dose"),
    "text x1": said("{dose} g IV x1 over {dose} h"),
    "text at a rate": said("{dose} g IV at 1 g/h"),
    "text with the reason": said("{dose} g IV over {dose} h for hypomagnesemia"),
    "text stat": said("{dose} g IV over {dose} h STAT"),
    "text with minutes": dosage(lambda usual, dose: {**usual, "text": f"{dose:g} g IV over {dose * 60:g} min"}),
    "text with milligrams": dosage(lambda usual, dose: {**usual, "text": f"{dose * 1000:g} mg IV over {dose:g} h"}),
    "note says the same": with_elements(note=[{"text": "Magnesium replacement by the dosing rules"}]),
    "reason of ICD-10-CM": with_elements(
        reasonCode=[concept("E83.42", "http://hl7.org/fhir/sid/icd-10-cm", "Hypomagnesemia")]
    ),
    "reason of SNOMED": with_elements(reasonCode=[concept("190855004", SNOMED, "Hypomagnesemia", "Hypomagnesemia")]),
    "reason low magnesium": with_elements(reasonCode=[{"text": "Low magnesium"}]),
    "method infusion": beside(method={"text": "Infusion"}),
}
POTASSIUM_MORE: dict[str, Change] = {
    "text once": said("{dose} mEq by mouth once"),
    "text of a single dose": said("Take {dose} mEq orally as a single dose"),
    "patient's instruction": dosage(lambda usual, dose: {**usual, "patientInstruction": f"Take {dose:g} mEq by mouth"}),
    "note says the same": with_elements(note=[{"text": "Potassium replacement by the dosing rule"}]),
    "reason of ICD-10-CM": with_elements(
        reasonCode=[concept("E87.6", "http://hl7.org/fhir/sid/icd-10-cm", "Hypokalemia")]
    ),
    "reason of SNOMED": with_elements(reasonCode=[concept("43339004", SNOMED, "Hypokalemia")]),
    "reason low potassium": with_elements(reasonCode=[{"text": "Low potassium"}]),
}
ONCE: dict[str, Change] = {
    "count of 1": beside(timing={"repeat": {"count": 1}}),
    "timing at now": lambda order, task: beside(timing={"event": [task.now]})(order, task),
    "frequency of 1": beside(timing={"repeat": {"frequency": 1}}),
    "timing STAT": beside(timing={"code": {"text": "STAT"}}),
    "timing once": beside(timing={"code": {"text": "once"}}),
    "no repeats": with_elements(dispenseRequest={"numberOfRepeatsAllowed": 0}),
    "note with author and time": lambda order, task: {
        **order,
        "note": [{"authorString": "Dr. A. Attending", "time": task.now, "text": "Single dose"}],
    },
    "narrative with markup": lambda order, task: {
        **order,
        "text": {"status": "generated", "div": DIV.format(f"<p><b>Order</b> of {task.now}</p>")},
    },
}
"""Ways to say that it is given once and now."""


def _levels(unit: str, drug: str) -> dict[str, Level]:
    return {
        "reason with the level": from_level("reasonCode", lambda level, id_: [{"text": f"{drug} {level} {unit}"}]),
        "reason low with the level": from_level(
            "reasonCode", lambda level, id_: [{"text": f"Low {drug.lower()} ({level} {unit})"}]
        ),
        "note with the level": from_level(
            "note", lambda level, id_: [{"text": f"Serum {drug.lower()} {level} {unit}"}]
        ),
        "reason is the result": from_level("reasonReference", lambda level, id_: [{"reference": f"Observation/{id_}"}]),
        "supported by the result": from_level(
            "supportingInformation", lambda level, id_: [{"reference": f"Observation/{id_}"}]
        ),
    }


def strategies() -> Iterator[Strategy]:
    """One strategy a spelling."""
    kind = "MedicationRequest"
    common = (ANY, REQUESTS, DOSAGE, ONCE, times("authoredOn"))
    reasons = {"reason as text": with_elements(reasonCode=[{"text": "Hypomagnesemia"}])}
    narrative = {"narrative": _narrative("Magnesium sulfate {dose} g IV over {dose} h")}
    texts = (MAGNESIUM_TEXTS, MAGNESIUM_MORE, reasons, narrative)
    yield from table(5, None, IV, GRAMS, HOURS, _drug("Magnesium sulfate"), *texts, *common)
    reasons = {"reason as text": with_elements(reasonCode=[{"text": "Hypokalemia"}])}
    narrative = {"narrative": _narrative("Potassium chloride {dose} mEq PO")}
    texts = (POTASSIUM_TEXTS, POTASSIUM_MORE, reasons, narrative)
    yield from table(9, kind, PO, MILLIEQUIVALENTS, _drug("Potassium chloride"), *texts, *common)
    for number, resource, unit, drug in ((5, None, "mg/dL", "Magnesium"), (9, kind, "mmol/L", "Potassium")):
        for name, change in _levels(unit, drug).items():
            yield resting(name, change, number, resource)
