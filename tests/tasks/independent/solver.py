"""What a task's texts ask for, worked out from them and the chart alone, without medenv's own task types."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from tests.tasks.independent.reading import Get, Result, UnclearError, people_born_on, person_with, results
from tests.tasks.independent.texts import Named, Texts, year_before

__all__ = ["Solved", "solve"]

Solved = tuple[list[Any], list[dict[str, Any]]]
"""The answers in order, numbers as decimals; and what is to be written, each as the facts that decide it."""

_LOINC, _SNOMED, _NDC = "http://loinc.org", "http://snomed.info/sct", "http://hl7.org/fhir/sid/ndc"


def solve(instruction: str, context: str, get: Get) -> Solved:
    """Solve a task.

    Args:
        instruction: What is asked.
        context: What is told besides.
        get: Answers GETs on the chart.

    Returns:
        The answers and the writes.

    Raises:
        UnclearError: The texts don't decide it.
    """
    texts = Texts(instruction, context)
    fitting = [solver for pattern, solver in _SOLVERS if re.search(pattern, context)]
    if len(fitting) != 1:
        raise UnclearError(f"{len(fitting)} readings of {context!r}")
    return fitting[0](texts, get)


def _mrn(texts: Texts, get: Get) -> str:
    """The medical record number of the patient that the instruction is about, who is on file."""
    named = texts.patient
    if isinstance(named, str):
        return str(person_with(get, named)["id"])
    found = _numbers_of(named, get)
    if len(found) != 1:
        raise UnclearError(f"{len(found)} people are {named}")
    return found[0]


def _numbers_of(named: Named, get: Get) -> list[str]:
    """The medical record numbers of everybody with exactly this name and date of birth."""
    found = []
    for person in people_born_on(get, named.born):
        names = [f"{' '.join(name['given'])} {name['family']}" for name in person["name"]]
        if len(names) != 1 and named.name in names:
            raise UnclearError(f"{named} has the names {names}")
        if names == [named.name]:
            found += [
                identifier["value"]
                for identifier in person["identifier"]
                if identifier["type"]["coding"][0]["code"] == "MR"
            ]
    return found


def _latest(found: list[Result]) -> Result | None:
    """The result taken last.

    Raises:
        UnclearError: Two with different values, or written differently, were taken last.
    """
    if not found:
        return None
    last = max(result.at for result in found)
    ties = {(result.value, result.taken): result for result in found if result.at == last}
    if len(ties) != 1:
        raise UnclearError(f"several results were taken last: {list(ties)}")
    return next(iter(ties.values()))


def _results(texts: Texts, get: Get, mrn: str) -> list[Result]:
    """The results of the test that is asked about, none of which may lie in the future."""
    found = results(get, mrn, texts.code, texts.unit)
    if any(result.at > texts.now for result in found):
        raise UnclearError(f"results of {mrn!r} lie after {texts.now_text}")
    return found


def _recent(texts: Texts, get: Get, mrn: str) -> list[Result]:
    """Those results that are no older than the texts want."""
    earliest = texts.now - texts.window
    return [result for result in _results(texts, get, mrn) if result.at >= earliest]


def _service(mrn: str, system: str, code: str, texts: Texts, **more: Any) -> dict[str, Any]:
    return {"kind": "service", "patient": mrn, "system": system, "code": code, "signed": texts.signed, **more}


def _find_patient(texts: Texts, get: Get) -> Solved:
    texts.asks("MRN|medical record number")
    texts.find("exactly this name and this date of birth")
    named = texts.patient
    if isinstance(named, str):
        raise UnclearError(f"{texts.instruction!r} gives the number that it asks for")
    found = _numbers_of(named, get)
    if len(found) > 1:
        raise UnclearError(f"{named} may be any of {found}")
    return found or texts.if_none, []


def _age(texts: Texts, get: Get) -> Solved:
    texts.asks("[Hh]ow old|age|years old")
    texts.find("a new year of age counts from the birthday itself")
    named = texts.patient
    if isinstance(named, Named):
        raise UnclearError(f"{texts.instruction!r} gives the date of birth")
    born = date.fromisoformat(person_with(get, named)["birthDate"])
    today = texts.now.date()
    if (born.month, born.day) == (2, 29):
        texts.find("born on 29 February turns a year older on 1 March in a year without that day")
    age = today.year - born.year
    # 28 February comes before 29 February and 1 March after it, in a year without that day too.
    if (today.month, today.day) < (born.month, born.day):
        age -= 1
    return [Decimal(age)], []


def _vital_sign(texts: Texts, get: Get) -> Solved:
    texts.asks("blood pressure")
    texts.find("The value is the quoted text, unit included, measured at the present time")
    texts.find("finish with an empty list")
    code = texts.find(r"Blood pressure has the flowsheet ID (\w+)\.")[1]
    measured = {
        "kind": "vital sign",
        "patient": _mrn(texts, get),
        "code": code,
        "value": texts.quoted,
        "taken": texts.now,
    }
    return [], [measured]


def _referral(texts: Texts, get: Get) -> Solved:
    texts.asks("orthopaedic surg")
    texts.find("Its note holds the quoted text, all of it and nothing else")
    texts.find("finish with an empty list")
    code = texts.find(r"A referral to orthopaedic surgery has the SNOMED code (\d+)\.")[1]
    return [], [_service(_mrn(texts, get), _SNOMED, code, texts, note=texts.quoted)]


def _latest_recent(texts: Texts, get: Get) -> Solved:
    texts.asks("latest|most recent|newest|last")
    latest = _latest(_recent(texts, get, _mrn(texts, get)))
    return (texts.if_none if latest is None else [latest.value]), []


def _latest_ever(texts: Texts, get: Get) -> Solved:
    texts.asks("latest|newest|last")
    texts.find("The latest is the one taken last, however long ago")
    latest = _latest(_results(texts, get, _mrn(texts, get)))
    return (texts.if_none if latest is None else [latest.value]), []


def _mean(texts: Texts, get: Get) -> Solved:
    texts.asks("mean|[Aa]verage")
    values = [result.value for result in _recent(texts, get, _mrn(texts, get))]
    return ([sum(values, Decimal()) / len(values)] if values else texts.if_none), []


def _dose_by_table(texts: Texts, get: Get) -> Solved:
    texts.asks("intravenous|IV")
    mrn = _mrn(texts, get)
    latest = _latest(_recent(texts, get, mrn))
    bands = texts.bands
    if latest is None:
        return texts.if_none, []
    doses = [band for band in bands if band.holds(latest.value)]
    if len(doses) > 1 or (not doses and latest.value <= max(band.high for band in bands)):
        raise UnclearError(f"{len(doses)} dosing rules fit a level of {latest.value}")
    product = texts.find(r"the intravenous product has the NDC ([\d-]+)\.")[1]
    orders = [
        {
            "kind": "medication",
            "patient": mrn,
            "system": _NDC,
            "code": product,
            "signed": texts.signed,
            "route": band.route,
            "dose": band.dose,
            "unit": band.unit,
            "hours": band.hours,
        }
        for band in doses
    ]
    return [latest.value], orders


def _dose_by_step(texts: Texts, get: Get) -> Solved:
    texts.asks("potassium")
    mrn = _mrn(texts, get)
    latest = _latest(_results(texts, get, mrn))
    low = texts.find(r"A level below (\S+) (\S+) is low, however long ago it was taken; (\S+) itself is not\.")
    rule = texts.find(
        r"The dose is (?P<dose>\S+) (?P<unit>\w+) by mouth for each (?P<step>\S+) (?P<of>\S+) that the level lies below (?P<goal>\S+) "
    )
    texts.find(r"all of it in one order and given once\.")
    texts.find(r"Without a low level nothing is ordered\.")
    if not (low[2] == rule["of"] == texts.unit and low[1] == low[3]):
        raise UnclearError(f"limits in other units than {texts.unit}, or two of them")
    if latest is None:
        return texts.if_none, []
    if latest.value >= Decimal(low[1]):
        return [latest.value], []
    product = texts.find(r"the oral product has the NDC ([\d-]+)\.")[1]
    test = texts.find(r"The serum potassium test is ordered by the LOINC code (\d+-\d)")[1]
    replacement = {
        "kind": "medication",
        "patient": mrn,
        "system": _NDC,
        "code": product,
        "signed": texts.signed,
        "route": "by mouth",
        "dose": (Decimal(rule["goal"]) - latest.value) / Decimal(rule["step"]) * Decimal(rule["dose"]),
        "unit": rule["unit"],
    }
    return [latest.value], [replacement, _service(mrn, _LOINC, test, texts, occurrence=texts.tomorrow)]


def _renew(texts: Texts, get: Get) -> Solved:
    texts.asks("(more|older) than a year|over a year")
    texts.find("A value taken exactly one year before the present time is still current, so that nothing is ordered")
    texts.find("the value as a number in % and the time it was taken, with its offset as the chart writes it")
    mrn = _mrn(texts, get)
    latest = _latest(_results(texts, get, mrn))
    test = texts.find(r"a new test is one order, by the LOINC code (\d+-\d)\.")[1]
    current = latest is not None and latest.at >= year_before(texts)
    answer = texts.if_none if latest is None else [latest.value, latest.taken]
    return answer, [] if current else [_service(mrn, _LOINC, test, texts)]


_SOLVERS: list[tuple[str, Callable[[Texts, Get], Solved]]] = [
    ("The answer is the MRN as text", _find_patient),
    ("The answer is the age in completed years", _age),
    ("has the flowsheet ID", _vital_sign),
    ("A referral to orthopaedic surgery", _referral),
    (r"older one does not\. The answer is the value", _latest_recent),
    ("Dosing by serum level", _dose_by_table),
    ("The answer is the arithmetic mean", _mean),
    ("The latest is the one taken last", _latest_ever),
    ("by mouth for each", _dose_by_step),
    ("still current, so that nothing is ordered", _renew),
]
"""What a context says that no other kind's does, and who understands it."""
