"""Records of a blood pressure that say more than was measured, or something else."""

from __future__ import annotations

from typing import Any

from tests.grading.attacks.base import Known
from tests.grading.attacks.changes import Change, add, later, on_each

KIND = "reading: more than was measured"
WRONG = "reading: something else"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
SYSTOLIC, DIASTOLIC, MEAN = "8480-6", "8462-4", "8478-0"


def concept(text: str) -> dict[str, str]:
    return {"text": text}


def part(code: str, value: Any, unit: str = "mmHg", /, **more: Any) -> dict[str, Any]:
    """A component."""
    return {
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "valueQuantity": {"value": value, "unit": unit, **more},
    }


def pressures(known: Known) -> tuple[int, int]:
    upper, lower = known.task.params["reading"].split()[0].split("/")
    return int(upper), int(lower)


def components(
    *more: Any, string: bool = True, swap: bool = False, add_to: int = 0, unit: str = "mmHg", **members: Any
) -> Change:
    """Give the reading as components as well, or (without the string) instead."""

    def change(order: dict[str, Any], known: Known) -> None:
        upper, lower = pressures(known)
        if swap:
            upper, lower = lower, upper
        order["component"] = [
            part(SYSTOLIC, upper + add_to, unit, **members),
            part(DIASTOLIC, lower, unit, **members),
            *more,
        ]
        if not string:
            order.pop("valueString")

    return change


def reading(form: str) -> Change:
    def change(order: dict[str, Any], known: Known) -> None:
        upper, lower = pressures(known)
        order["valueString"] = form.format(upper=upper, lower=lower)

    return change


on_each(
    KIND,
    "Observation",
    {
        "on the leg": ("where it was measured", add(bodySite=concept("left leg"))),
        "by palpation": ("how it was measured", add(method=concept("palpation"))),
        "with a broken cuff": ("what it was measured with", add(device={"display": "cuff that is known to be broken"})),
        "critical": ("a judgement", add(interpretation=[concept("critically high")])),
        "normal": (
            "a judgement",
            add(
                interpretation=[
                    {
                        "coding": [
                            {
                                "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
                                "code": "N",
                            }
                        ]
                    }
                ]
            ),
        ),
        "absent at the same time": ("no value, says a reason", add(dataAbsentReason=concept("not performed"))),
        "with another range": ("a range", add(referenceRange=[{"low": {"value": 300, "unit": "mmHg"}, "text": "all"}])),
        "with a doubt": ("a note takes it back", add(note=[{"text": "Erroneous, please ignore."}])),
        "with another value in a note": ("a note tells another value", add(note=[{"text": "really 220/140"}])),
        "focus on another": (
            "about somebody else",
            lambda o, k: o.update(focus=[{"reference": f"Patient/{k.stranger}"}]),
        ),
        "measured by another patient": (
            "who measured",
            lambda o, k: o.update(performer=[{"reference": f"Patient/{k.stranger}"}]),
        ),
        "derived from another's": (
            "from somebody else's value",
            lambda o, k: o.update(derivedFrom=[{"reference": k.other("Observation")}]),
        ),
        "with another's member": (
            "somebody else's value as a part",
            lambda o, k: o.update(hasMember=[{"reference": k.other("Observation")}]),
        ),
        "part of another's procedure": (
            "somebody else's procedure",
            lambda o, k: o.update(partOf=[{"reference": k.other("Procedure")}]),
        ),
        "based on another's drug": (
            "somebody else's order",
            lambda o, k: o.update(basedOn=[{"reference": k.other("MedicationRequest")}]),
        ),
        "with a specimen": ("a pressure has none", add(specimen={"display": "urine"})),
        "issued in 2031": ("a time to come", add(issued="2031-01-01T00:00:00Z")),
        "issued years ago": ("a time long past", lambda o, k: o.update(issued=later(k, days=-3000))),
        "also a heart rate": (
            "a second code",
            lambda o, k: o["code"].update(coding=[{"system": LOINC, "code": "8867-4", "display": "Heart rate"}]),
        ),
        "only the systolic": (
            "a code for half of it",
            lambda o, k: o["code"].update(coding=[{"system": LOINC, "code": SYSTOLIC, "display": "Systolic"}]),
        ),
        "also from the laboratory": (
            "a second category",
            lambda o, k: o["category"].append(
                {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                            "code": "laboratory",
                        }
                    ]
                }
            ),
        ),
        "also a survey": (
            "a second coding of the category",
            lambda o, k: o["category"][0]["coding"].append(
                {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}
            ),
        ),
        "category in other words": ("the category's text", lambda o, k: o["category"][0].update(text="Laboratory")),
        "with a mean of its own": ("a third component", components(part(MEAN, 250))),
        "with a pulse": ("a third component", components(part("8867-4", 190))),
        "with a second systolic": ("two values of one code", components(part(SYSTOLIC, 260))),
        "with a part without value": (
            "a component that says why not",
            components({"code": concept("BP"), "dataAbsentReason": concept("refused")}),
        ),
        "with a judged part": (
            "a judgement of a component",
            lambda o, k: (components()(o, k), o["component"][0].update(interpretation=[concept("panic")])),
        ),
    },
)
on_each(
    WRONG,
    "Observation",
    {
        "components that differ": ("string and components contradict", components(add_to=40)),
        "components in kPa": ("numbers of mmHg with another unit", components(unit="kPa")),
        "components coded in kPa": (
            "unit and code contradict",
            components(system=UCUM, code="kPa"),
        ),
        "only components without a unit": ("bare numbers", components(string=False, unit="")),
        "only components in kPa": ("as above, without the string", components(string=False, unit="kPa")),
        "only components of another unit": ("as above", components(string=False, unit="cm[H2O]")),
        "components swapped": ("systolic for diastolic", components(swap=True)),
        "only components, swapped": ("as above, without the string", components(string=False, swap=True)),
        "only components that differ": ("another value", components(string=False, add_to=1)),
        "components at least so high": ("a comparator", components(string=False, comparator=">")),
        "only the systolic component": (
            "half of it",
            lambda o, k: (o.pop("valueString"), o.update(component=[part(SYSTOLIC, pressures(k)[0])])),
        ),
        "swapped in the string": ("systolic for diastolic", reading("{lower}/{upper} mmHg")),
        "in kPa": ("another unit", reading("{upper}/{lower} kPa")),
        "not so": ("words around it", reading("not {upper}/{lower} mmHg")),
        "with words": ("words after it", reading("{upper}/{lower} mmHg, cuff too small")),
        "with a question mark": ("a doubt", reading("{upper}/{lower} mmHg?")),
        "about": ("a guess", reading("about {upper}/{lower} mmHg")),
        "rounded": ("another value", lambda o, k: o.update(valueString="{}/{} mmHg".format(*rounded(k)))),
        "only the upper value": ("half of it", reading("{upper} mmHg")),
        "two pressures": ("a second one", reading("{upper}/{lower} mmHg, then 200/100 mmHg")),
        "as a note": ("no value", lambda o, k: o.update(note=[{"text": o.pop("valueString")}])),
        "in the code": ("no value", lambda o, k: o["code"].update(text=f"BP {o.pop('valueString')}")),
        "as a sum": (
            "a number of both",
            lambda o, k: (o.pop("valueString"), o.update(valueQuantity={"value": sum(pressures(k)), "unit": "mmHg"})),
        ),
        "as another sign": ("another code", lambda o, k: o["code"].update(text="Heart Rate")),
        "as a spelled code": ("not the flowsheet's id", lambda o, k: o["code"].update(text="BPM")),
        "without code": ("what was measured is missing", lambda o, k: o.pop("code")),
        "without category": ("not in the flowsheet", lambda o, k: o.pop("category")),
        "as a laboratory value": (
            "another category",
            lambda o, k: o["category"][0]["coding"][0].update(code="laboratory"),
        ),
        "preliminary": ("not final", add(status="preliminary")),
        "in error": ("not meant", add(status="entered-in-error")),
        "cancelled": ("not done", add(status="cancelled")),
        "amended": ("a change of another", add(status="amended")),
        "yesterday": ("another time", lambda o, k: o.update(effectiveDateTime=later(k, days=-1))),
        "in an hour": ("another time", lambda o, k: o.update(effectiveDateTime=later(k, hours=1))),
        "in 2031": ("another time", add(effectiveDateTime="2031-01-01T00:00:00+00:00")),
        "sometime this year": ("no time", lambda o, k: o.update(effectiveDateTime=str(k.now.year))),
        "from now until 2031": (
            "a period",
            lambda o, k: o.update(effectivePeriod={"start": o.pop("effectiveDateTime"), "end": "2031-01-01"}),
        ),
        "without time": ("the time is missing", lambda o, k: o.pop("effectiveDateTime")),
    },
)


def rounded(known: Known) -> tuple[int, int]:
    """Other numbers than those measured, near them."""
    upper, lower = pressures(known)
    return upper + 1, lower - 1
