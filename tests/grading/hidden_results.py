"""What an agent's searches would have shown of a result that the chart doesn't hold, found out by putting it there.

The chart is made again with one result more, the same requests are sent again, and links to further pages are followed. Nothing of
the strict grader is used, so that it can be compared with the outcome.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from medenv.ehr.resources import Person, lab, patient
from medenv.episode import Episode
from medenv.fhir import jsontext
from medenv.fhir.chart import Changes
from medenv.fhir.embedded import EmbeddedBackend
from medenv.fhir.scratch import Prototype, scratch_session
from medenv.fhir.session import EmbeddedSession
from medenv.fhir.template import Record
from medenv.fhir.xmlread import read_xml
from medenv.tasks import Task
from medenv.tasks.task import DEFAULT_NOW
from medenv.trajectories import Turn
from tests.grading.harness import MRN, task

BASE = "http://localhost:8080/fhir"
NOW = datetime.fromisoformat(DEFAULT_NOW)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
BORN = "1950-03-04"
OTHER = "S7654321"
_LOADED = datetime(2024, 1, 5, 12, tzinfo=timezone.utc)
_STEP = 10
"""Ids go up in tens, so that a result can be stored between any two; from 90 on, so that some have a digit more."""
_FIRST = 80
_MOST_PAGES = 60
WINDOWED = (4, 5, 6)


@dataclass(frozen=True, slots=True)
class Result:
    """A laboratory result.

    Attributes:
        at: When it was drawn.
        value: Its number as written.
        code: The laboratory's name.
        flag: ``HIGH``, ``LOW`` or None.
        mrn: The patient.
    """

    at: datetime
    value: str = "2.1"
    code: str = "MG"
    flag: str | None = None
    mrn: str = MRN


@dataclass(frozen=True, slots=True)
class Place:
    """A result that is not there, and before which of the chart's results it would be stored."""

    result: Result
    position: int


def _resource(result: Result | Person, number: int) -> dict[str, Any]:
    if isinstance(result, Person):
        made, id_ = patient(result), result.mrn
    else:
        made = lab(result.mrn, result.code, "mg/dL", result.value, result.at, result.at, result.flag)
        id_ = str(number)
    updated = (_LOADED + timedelta(milliseconds=number)).isoformat(timespec="milliseconds")
    meta = {"versionId": "1", "lastUpdated": updated, "source": f"#{number:016x}"}
    head = {"resourceType": made["resourceType"], "id": id_, "meta": meta}
    return json.loads(
        jsontext.compact({**head, **{k: v for k, v in made.items() if k not in head}}), parse_float=jsontext.Number
    )


@dataclass
class Chart:
    """A chart of two patients.

    Args:
        results: Their results, in load order.
    """

    results: Sequence[Result]
    _changes: Changes | None = field(default=None, repr=False)

    def _numbered(self, hidden: Place | None = None) -> Iterator[tuple[int, Result | Person]]:
        people = [
            Person(mrn, given, "Stone", "female", BORN, ("", ""), ("", ""), "")
            for mrn, given in ((MRN, "Ann"), (OTHER, "Eve"))
        ]
        yield from enumerate(people, 1)
        for at, result in enumerate(self.results):
            if hidden is not None and hidden.position == at:
                yield self.number_of(hidden), hidden.result
            yield _FIRST + _STEP * (at + 1), result
        if hidden is not None and hidden.position >= len(self.results):
            yield self.number_of(hidden), hidden.result

    @staticmethod
    def number_of(hidden: Place) -> int:
        """Return the number under which a result is stored."""
        return _FIRST + _STEP * hidden.position + _STEP // 2

    def ids(self, results: Iterable[Result]) -> set[str]:
        """Return the ids of some of the chart's results."""
        wanted = {id(one) for one in results}
        return {str(number) for number, one in self._numbered() if id(one) in wanted}

    def backend(self, hidden: Place | None = None) -> EmbeddedBackend:
        """Serve it, with a result more if one is given, as any chart is served."""
        resources = [jsontext.compact(_resource(one, number)) for number, one in self._numbered(hidden)]
        return EmbeddedBackend.from_resources(resources, BASE)

    def session_with(self, hidden: Place) -> EmbeddedSession:
        """Open a session on it with a result more: as `backend`, but in a tenth of the time, as no file is written."""
        if self._changes is None:
            records = [_record(one, number) for number, one in self._numbered()]
            self._changes = scratch_session(records, BASE).workspace.chart.fork()
        changes = self._changes.fork()
        changes.numbers += 1
        changes.add((), _record(hidden.result, self.number_of(hidden)), False)
        session = scratch_session((), BASE)
        return EmbeddedSession(session._store, BASE, changes)


def _record(one: Result | Person, number: int) -> Record:
    resource = json.loads(jsontext.compact(_resource(one, number)))
    updated = int(_LOADED.timestamp() * 1000) + number
    return Prototype(resource).record(number, updated)


@dataclass(frozen=True, slots=True)
class Follow:
    """Go to the page that the last answer's link leads to, with some of the link's parameters changed."""

    changed: tuple[tuple[str, str], ...] = ()


def play(chart: Chart, the_task: Task, steps: Sequence[str | Follow]) -> tuple[Turn, ...]:
    """Play an agent's GETs as an episode; a link that isn't there isn't followed."""
    episode = Episode(the_task, chart.backend().open(), max_turns=len(steps) + 1)
    for step in steps:
        if isinstance(step, str):
            episode.step(f"GET {BASE}/{step}")
            continue
        link = _next(_body(episode.turns[-1].observation)) if episode.turns else None
        if link is not None:
            for name, value in step.changed:
                head, _, query = link.partition("?")
                kept = [pair for pair in query.split("&") if pair.partition("=")[0] != name]
                link = f"{head}?{'&'.join([*kept, f'{name}={value}'])}"
            episode.step(f"GET {link}")
    return episode.turns


def _body(text: str | None) -> dict[str, Any]:
    try:
        body = read_xml(text) if text and text.startswith("<") else json.loads(text or "{}")
    except ValueError:
        body = {}
    return body if isinstance(body, dict) else {}


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _next(body: dict[str, Any]) -> str | None:
    return next((link["url"] for link in _many(body.get("link")) if link.get("relation") == "next"), None)


def shown_in(body: dict[str, Any]) -> set[str]:
    """Return the ids of the Observations that an answer shows with value and time."""
    if body.get("resourceType") == "Bundle":
        return {id_ for entry in _many(body.get("entry")) for id_ in shown_in(entry.get("resource", {}))}
    value = body.get("valueQuantity")
    if body.get("resourceType") != "Observation" or "effectiveDateTime" not in body or not isinstance(value, dict):
        return set()
    return {str(body.get("id"))} if value.get("value") is not None else set()


def shown(turns: Iterable[Turn]) -> set[str]:
    """Return the ids of the Observations that turns showed with value and time."""
    return {id_ for turn in turns if turn.response_status == 200 for id_ in shown_in(_body(turn.observation))}


def would_show(chart: Chart, turns: Sequence[Turn], hidden: Place, session: EmbeddedSession | None = None) -> bool:
    """Tell whether the same requests would have shown a result, had it been there.

    Where an answer would have had a link to a further page that it hadn't, the agent would have followed it.
    """
    session = session or chart.session_with(hidden)
    wanted = str(chart.number_of(hidden))
    for turn in turns:
        if turn.url is None:
            continue
        body = _get(session, turn.url)
        if wanted in shown_in(body):
            return True
        link = _next(body) if _next(_body(turn.observation)) is None else None
        for _ in range(_MOST_PAGES):
            if link is None:
                break
            url = link.removeprefix(BASE).lstrip("/")
            body = _get(session, url if "_format=" in url else f"{url}&_format=json")
            if wanted in shown_in(body):
                return True
            link = _next(body)
    return False


def _get(session: EmbeddedSession, url: str) -> dict[str, Any]:
    response = session.get(url)
    return _body(response.body) if response.status == 200 else {}


def needed(chart: Chart, the_task: Task) -> list[Result]:
    """Return the results that the answer rests on: the newest, the first stored of equal ones, or all of the last 24 hours."""
    since = NOW - DAY if the_task.type in WINDOWED else None
    code = the_task.params["code"]
    own = [one for one in chart.results if one.mrn == MRN and one.code == code and (since is None or one.at >= since)]
    return own if the_task.type == 6 or not own else [max(own, key=lambda one: one.at)]


def interval(chart: Chart, the_task: Task) -> tuple[datetime, datetime]:
    """Return the first and last time at which another result would decide."""
    rests_on = needed(chart, the_task)
    if rests_on and the_task.type != 6:
        return rests_on[0].at + SECOND, NOW
    born = datetime.fromisoformat(BORN).replace(tzinfo=timezone.utc)
    return (NOW - DAY if the_task.type in WINDOWED else born), NOW


def flags(chart: Chart, code: str) -> list[str | None]:
    """Return the flags that results of a test have, a page of everybody's and all of the patient's looked at."""
    alike = [one for one in chart.results if one.code == code]
    found = {one.flag for one in [*alike[:20], *(one for one in alike if one.mrn == MRN)]}
    return sorted(found or {None}, key=str)


def task_of(number: int, code: str = "MG") -> Task:
    """Return a task of a type that rests on results."""
    return replace(task(number, code=code), mrn=MRN)
