"""The evidence an answer or order needs: that the episode's own GETs had shown what it rests on, before it was given.

A value counts as seen if value and time were on screen, and as the newest, or as none, if any other would have been seen as well
(`medenv.grading.strict.coverage`). Nothing is asked where the instruction holds everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import orjson

from medenv.grading.strict.coverage import NOBODYS, Probes, covered, edges_of, shows_person, shows_result
from medenv.grading.strict.probes import kinds_told_apart, numbers_between, times_between
from medenv.grading.strict.search_log import SearchLog, as_list
from medenv.tasks import Task, task_type
from medenv.tasks.chart import instant, reading
from medenv.tasks.evidence import NoSuchPatient, PatientByName, PatientElements, Results

__all__ = ["Evidence", "deciding", "gather", "shows_result"]

_BEGINNING = "1900-01-01T00:00:00+00:00"
"""Before any value, for a patient whose chart gives no birth date."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was needed and what was shown.

    Attributes:
        given: Whether the evidence is there.
        needed: What it consists of, as short text.
        shown: What was shown of it.
        share: The part of it that was shown, 0 to 1.
    """

    given: bool
    needed: str
    shown: str
    share: float


_NONE_NEEDED = Evidence(True, "none, the instruction holds everything", "", 1.0)


def gather(
    task: Task, facts: Sequence[Mapping[str, Any]], pristine: Mapping[str, Any], log: SearchLog, before: int
) -> Evidence:
    """Return the evidence for a task before a turn.

    Args:
        task: The task.
        facts: The resources that decide it, as the chart held them.
        pristine: What coverage is judged by, see `medenv.grading.reference_data.ReferenceData`.
        log: What the episode's GETs returned.
        before: Index of the turn in which the first order or the answer was given.
    """
    need = task_type(task.type).evidence(task)
    if isinstance(need, PatientElements):
        return _patient(task, log, before, need.elements)
    if isinstance(need, PatientByName):
        return _named_patient(task, log, before)
    if isinstance(need, NoSuchPatient):
        return _nobody(task, pristine, log, before)
    if isinstance(need, Results):
        return _results(task, need, facts, pristine, log, before)
    return _NONE_NEEDED


def _patient(task: Task, log: SearchLog, before: int, elements: Iterable[str]) -> Evidence:
    """Judge whether an element of the patient's resource was on screen."""
    wanted = list(elements)
    for shown in log.shown("Patient", before).get(str(task.mrn), ()):
        if all(name in shown for name in wanted):
            return Evidence(True, f"Patient/{task.mrn} with {', '.join(wanted)}", "shown", 1.0)
    return Evidence(False, f"Patient/{task.mrn} with {', '.join(wanted)}", "not shown", 0.0)


def _named_patient(task: Task, log: SearchLog, before: int) -> Evidence:
    """Judge whether the patient of a name and birth date was on screen, so that MRN and person belong together."""
    needed = f"Patient/{task.mrn} with name and birth date"
    for one in log.seen:
        if one.type != "Patient" or one.id != task.mrn or one.turn >= before or one.logged is None:
            continue
        if shows_person(one.resource, one.logged.params if one.logged.kind == "search" else ()):
            return Evidence(True, needed, "shown", 1.0)
    return Evidence(False, needed, "not shown", 0.0)


def _nobody(task: Task, pristine: Mapping[str, Any], log: SearchLog, before: int) -> Evidence:
    """Judge whether a patient of this name and birth date would have been on screen, whatever else there is to them."""
    name = {"use": "official", "family": task.params["family"], "given": [task.params["given"]]}
    known = {"resourceType": "Patient", "id": "form", "name": [name], "birthDate": task.params["birthdate"]}
    # Of what the instruction doesn't say, a patient may have what others have, or nothing.
    people = [
        {**rest, **known, "gender": gender}
        for form in ({}, *pristine["forms"])
        for rest in (form, _renamed(form))
        for gender in ("female", "male")
    ]
    probes = Probes(tuple(orjson.dumps(person).decode() for person in people))
    found = _of_places(covered(log, before, "Patient", probes), "searches that would have shown such a patient")
    unsure = [id_ for id_, shown in log.shown("Patient", before).items() if _may_be(task, id_, shown, log)]
    if not unsure:
        return found
    return Evidence(False, found.needed, f"of {', '.join(unsure[:5])} no birth date was shown", found.share / 2)


def _may_be(task: Task, id_: str, shown: Sequence[Mapping[str, Any]], log: SearchLog) -> bool:
    """Return whether somebody on screen has the name in question, and no birth date was shown that tells them apart."""
    wanted = {task.params["family"].casefold(), *task.params["given"].casefold().split()}
    names = [name for one in shown for name in one.get("name", []) if isinstance(name, Mapping)]
    alike = any(
        wanted
        <= {str(name.get("family", "")).casefold(), *(str(part).casefold() for part in as_list(name.get("given")))}
        for name in names
    )
    return alike and not any("birthDate" in one for one in shown) and not _asked_by_birth_date(id_, log)


def _asked_by_birth_date(id_: str, log: SearchLog) -> bool:
    """Return whether a search for a day of birth returned somebody, who then was born on it."""
    return any(
        one.type == "Patient"
        and one.id == id_
        and one.logged is not None
        and shows_person(one.resource, one.logged.params)
        for one in log.seen
    )


def _renamed(part: Any) -> Any:
    """Return a part of a resource with other texts in place of all that may be a person's own: addresses, numbers, names."""
    if isinstance(part, Mapping):
        return {key: value if key in _OF_ALL else _renamed(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_renamed(one) for one in part]
    return NOBODYS if isinstance(part, str) else part


_OF_ALL = frozenset(
    {"resourceType", "extension", "use", "system", "type", "rank", "period", "meta", "gender", "birthDate"}
)
"""Elements of a Patient that are alike in many, and need not be told apart from them."""


def _of_places(found: Sequence[bool], needed: str) -> Evidence:
    share = sum(found) / len(found) if found else 1.0
    return Evidence(all(found), needed, "all" if all(found) else f"{share:.0%} of the places tried", share)


def _results(
    task: Task,
    need: Results,
    facts: Sequence[Mapping[str, Any]],
    pristine: Mapping[str, Any],
    log: SearchLog,
    before: int,
) -> Evidence:
    """Judge whether the deciding results were on screen, and any other that would decide instead."""
    now = instant(task.now)
    start = _first_possible(pristine) if need.window is None else now - need.window
    rests_on = deciding(task, need, facts)
    needed = list(rests_on)
    seen = log.shown("Observation", before)
    missing = [one for one in needed if not any(shows_result(shown) for shown in seen.get(one, ()))]
    if needed and not need.every:
        start = max(rests_on.values()) + _SECOND
    hidden = _of_places(
        _hidden_results(task, pristine, log, before, start, now),
        f"searches that would have shown any value from {start.isoformat()} to {now.isoformat()}",
    )
    if not needed:
        return hidden
    share = (1 - len(missing) / len(needed)) / 2 + hidden.share / 2
    listed = f"{len(needed)} Observation(s): {', '.join(needed[:5])}"
    shown = f"not shown: {', '.join(missing[:5])}" if missing else f"shown; {hidden.shown}"
    return Evidence(not missing and hidden.given, f"{listed}, and {hidden.needed}", shown, share)


_SECOND = timedelta(seconds=1)
"""How finely charts time results."""
_MOST_PROBES = 5_000
"""Probes that are tried; searches that tell more apart prove nothing. No honest episode's come near."""


def _first_possible(pristine: Mapping[str, Any]) -> datetime:
    """Return when a result can have been taken at the earliest: on the day of the patient's birth."""
    born = (pristine.get("patient") or {}).get("birthDate")
    try:
        return instant(str(born))
    except ValueError:
        return instant(_BEGINNING)


def _hidden_results(
    task: Task, pristine: Mapping[str, Any], log: SearchLog, before: int, start: datetime, end: datetime
) -> list[bool]:
    """Return for each place where a result would change the answer whether it would have been shown."""
    if start > end:
        return []
    lists = list(log.lists(before))
    asked = [logged for logged, _ in lists]
    edges = [one for _, spans in lists for one in edges_of(spans)]
    values = numbers_between(asked, [str((one.get("valueQuantity") or {}).get("value")) for one in edges])
    times = times_between(start, end, asked, [str(one.get("effectiveDateTime")) for one in edges])
    forms = [orjson.dumps(form).decode() for form in kinds_told_apart(pristine["forms"], "Observation", asked)]
    probes = Probes(tuple(forms), tuple(at.isoformat() for at in times), tuple(values))
    if len(probes) > _MOST_PROBES:
        return [False]
    return covered(log, before, "Observation", probes, pristine.get("patient"))


def deciding(task: Task, need: Results, facts: Sequence[Mapping[str, Any]]) -> dict[str, datetime]:
    """Return the ids of the Observations that the answer is computed from, with their times."""
    since = None if need.window is None else instant(task.now) - need.window
    timed = [
        (one.at, fact) for fact in facts if (one := reading(fact)) is not None and (since is None or one.at >= since)
    ]
    if not need.every and timed:
        timed = [max(timed, key=itemgetter(0))]  # of equal times the first listed (the official graders' rule)
    return {str(fact.get("id")): at for at, fact in timed}
