"""Whether the episode's searches would have shown a value that isn't there: the evidence that "none" and "the latest" need.

No parameter is known to be harmless. Each search is asked again of a chart that holds a value at every place that could matter, by the
server's own search; a place is covered if some search gives it back with the elements that an answer rests on, at a point of the list
that was on screen. Source of the rule: an answer "none" is known only if a value would have been seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import orjson

from medenv.fhir import definitions
from medenv.fhir.errors import FhirError
from medenv.fhir.request import Params
from medenv.fhir.scratch import Prototype, scratch_session
from medenv.fhir.session import EmbeddedSession
from medenv.fhir.template import Record
from medenv.grading.strict.probes import is_time
from medenv.grading.strict.search_log import RequestKey, SearchLog, Span
from medenv.tasks.chart import instant

__all__ = ["NOBODYS", "Probes", "covered", "edges_of", "shows_name", "shows_person", "shows_result"]

_EARLY, _AROUND, _EDGE, _LATE = 1, 10**9, 2 * 10**9, 10**12
"""Internal numbers: a value may have been stored before or after all that the chart holds."""
_LONG_AGO, _FAR_AHEAD = -(10**12), 10**13
"""The same for ``meta.lastUpdated``, in milliseconds since 1970: years 1938 and 2286."""
_FIRST_ID, _LAST_ID = "--", "zzzzzzzz-"
"""The same for ids, which sort as text: beginnings that no server's ids come before or after."""
NOBODYS = "Qxqzj"
"""A text that no resource holds."""
_ABOUT_STORAGE = frozenset(
    {
        "_id",
        "_lastUpdated",
        "_source",
        "_tag",
        "_profile",
        "_security",
        "_since",
        "_list",
        "_filter",
        "_text",
        "_content",
        "_query",
    }
)
"""Parameters about how a resource is stored, not about what it says: nobody knows these of one that isn't there."""
_ALL = (("_count", "10000"), ("_format", "json"))
"""Asks for all that a scratch chart holds on one page."""
_SHAPING = frozenset({"_elements", "_summary", "_include", "_revinclude", "_contained", "_containedType"})
"""Parameters that decide what an answer shows of the matches and beside them."""
_SHAPING_OR_HAS = _SHAPING | {"_has"}


@dataclass(frozen=True, slots=True)
class Probes:
    """Where in the chart a deciding resource could be: each form at each time with each value.

    Attributes:
        forms: The forms it could have, as JSON texts.
        times: Its ``effectiveDateTime``; empty where that doesn't count.
        values: Its ``valueQuantity.value`` as JSON numbers; ``""`` for the form's own.
    """

    forms: tuple[str, ...]
    times: tuple[str, ...] = ()
    values: tuple[str, ...] = ("",)

    def __len__(self) -> int:
        return len(self.forms) * max(1, len(self.times)) * len(self.values)


def shows_result(shown: Mapping[str, Any]) -> bool:
    """Return whether an Observation on screen shows value and time."""
    value = shown.get("valueQuantity")
    return isinstance(value, (dict, Mapping)) and value.get("value") is not None and "effectiveDateTime" in shown


def shows_person(shown: Mapping[str, Any], params: Iterable[tuple[str, str]]) -> bool:
    """Return whether a Patient on screen shows name and birth date; a date that the search asked for need not be shown again."""
    asked = any(name.lower() == "birthdate" and _DAY.fullmatch(value) for name, value in params)
    return shows_name(shown) and ("birthDate" in shown or asked)


def shows_name(shown: Mapping[str, Any]) -> bool:
    """Return whether a Patient on screen shows a whole name."""
    return any("family" in name and "given" in name for name in shown.get("name", []) if isinstance(name, Mapping))


_DAY = re.compile(r"(?:eq)?\d{4}-\d\d-\d\d")
_SHOWS: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {"Observation": shows_result, "Patient": shows_name}
"""By type whether an answer shows of a resource that it is one that may count."""


def covered(
    log: SearchLog, before: int, type_: str, probes: Probes, patient: Mapping[str, Any] | None = None
) -> list[bool]:
    """Tell for each place whether a resource there would have been shown.

    Args:
        log: What the episode looked at.
        before: Index of the turn before which it must have been shown.
        type_: The resource's type.
        probes: Where it could be.
        patient: The patient's resource, to which searches may refer.
    """
    lists = [one for one in log.lists(before) if _asks_for_content(one[0].request, type_)]
    if not lists or not len(probes):
        return [False] * len(probes)
    requests = tuple(logged.request for logged, _ in lists)
    edges: dict[tuple[str, str], Mapping[str, Any]] = {}
    for one in (edge for _, spans in lists for edge in edges_of(spans)):
        # An answer may have shown a few elements only: what another one showed of it is as true.
        edges[_key(one)] = {**one, **edges.get(_key(one), {})}
    answers = _answers(requests, type_, probes, edges, patient, log.base)
    shown: set[int] = set()
    for (logged, spans), answer in zip(lists, answers, strict=True):
        if logged.type != type_ and not _as_asked(spans, patient):
            continue
        for found in _on_screen(answer, spans, edges):
            # What was stored in between stands in between, so that no other stretch need be looked at.
            shown |= {at for at in range(len(probes)) if _EARLY + at in found and _LATE + at in found}
    return [at in shown for at in range(len(probes))]


@lru_cache(maxsize=1024)
def _asks_for_content(request: RequestKey, type_: str) -> bool:
    """Return whether a request asks for what resources say, in words that no resource made for asking holds."""
    kind, path, params = request
    known = definitions.search_parameters(path[0]) if kind == "search" and definitions.is_resource(path[0]) else {}
    for name, value in params:
        code = name.partition(":")[0]
        if code in _ABOUT_STORAGE and (path[0] == type_ or kind == "everything"):
            return False
        if any(mark in value for mark in (_FIRST_ID, _LAST_ID, NOBODYS, _ANYBODY)):
            return False
        timed = code in ("start", "end") or (code in known and known[code].type == "date")
        timed = timed and not name.endswith(":missing")
        if timed and not all(is_time(one) for one in value.split(",")):
            return False
    return True


def _as_asked(spans: Sequence[Span], patient: Mapping[str, Any] | None) -> bool:
    """Return whether a list of other resources holds the patient, with whom the resources in question come along."""
    return patient is not None and any(_key(one) == _key(patient) for span in spans for one in span.matches)


def edges_of(spans: Sequence[Span]) -> list[Mapping[str, Any]]:
    """Return the matches at which a stretch of a list begins or ends, where the list goes on beyond them."""
    found = []
    for span in spans:
        if span.matches:
            found += [span.matches[0]] if span.start else []
            found += [] if span.ends else [span.matches[-1]]
    return found


def _key(resource: Mapping[str, Any]) -> tuple[str, str]:
    return str(resource.get("resourceType")), str(resource.get("id"))


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the scratch chart gives back: internal numbers of the matches in order, and of those included."""

    matches: Sequence[int]
    included: frozenset[int] = frozenset()
    visible: frozenset[int] | None = None  # None: all


_NOTHING = _Answer(())


def _answers(
    requests: tuple[RequestKey, ...],
    type_: str,
    probes: Probes,
    edges: Mapping[tuple[str, str], Mapping[str, Any]],
    patient: Mapping[str, Any] | None,
    base: str,
) -> Sequence[_Answer]:
    """Return what each request would be answered, from memory where an equal question was answered before."""
    mrn = "" if patient is None else str(patient.get("id"))
    same = _renamed(requests, type_, probes, list(edges.values()), mrn)
    if same is not None:
        return _remembered(*same, type_, base)
    form = orjson.loads(probes.forms[0])
    around = [patient] if patient is not None and any(_refers(request, type_) for request in requests) else []
    records = [Prototype(resource).record(_AROUND + at) for at, resource in enumerate(around)]
    taken = {(record.type, record.id) for record in records}
    for at, (key, shown) in enumerate(edges.items()):
        if key not in taken and isinstance(shown.get("id"), str):
            # An answer may have shown a few elements only; the others are those of its kind.
            records.append(Prototype({**form, **shown} if key[0] == type_ else shown).record(_EDGE + at))
    return _ask_all(requests, type_, records + _records(probes), base)


@lru_cache(maxsize=4096)
def _remembered(
    requests: tuple[RequestKey, ...], probes: Probes, edges: tuple[str, ...], type_: str, base: str
) -> tuple[_Answer, ...]:
    """Answer a question in which nothing is a patient's own: the edges are the first form, at times in their order."""
    form = Prototype(orjson.loads(probes.forms[0]))
    records = [form.record(_EDGE + at, effectiveDateTime=time, id=f'"{at}"') for at, time in enumerate(edges)]
    return tuple(_ask_all(requests, type_, records + _records(probes), base))


_ANYBODY = "Qzanybodyq"
_PLAIN_TYPES = frozenset({"reference", "token", "string"})
_MOST_DAYS = 28
_BOUND = re.compile(r"(ge|gt|le|lt|sa|eb)(\d{4}-\d\d-\d\d)(T\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d))?")
"""A time in a parameter that says no more than on which side of a second, or of a day, a result was taken."""
_SECOND = timedelta(seconds=1)
_NEAR = timedelta(days=3)
"""A day farther than this from all results is, like a second, before or after each, whatever the zone of their times."""


def _renamed(
    requests: tuple[RequestKey, ...], type_: str, probes: Probes, edges: Sequence[Mapping[str, Any]], mrn: str
) -> tuple[tuple[RequestKey, ...], Probes, tuple[str, ...]] | None:
    """Return the same question about anybody at any time, if it is one to which only the order of times matters.

    That holds where no parameter names a number or a resource, times are bounds to the second, as charts time results, or days far from
    all results, and lists are sorted by time or not at all.
    """
    if not mrn or probes.values != ("",) or not all(_is_plain(request, type_) for request in requests):
        return None
    try:
        at_edges = [datetime.fromisoformat(str(one.get("effectiveDateTime")).replace("Z", "+00:00")) for one in edges]
        at_places = [datetime.fromisoformat(time) for time in probes.times]
        bounds = {
            value: (match[1], instant(match[2] + (match[3] or "T12:00:00Z")))
            for _, _, params in requests
            for name, value in params
            if name == "date" and (match := _BOUND.fullmatch(value))
        }
        for value, (_, bound) in bounds.items():
            near = _SECOND if "T" in value else _NEAR
            if any(abs(bound - at) < near and not ("T" in value and bound == at) for at in (*at_edges, *at_places)):
                return None
        order = {at: n for n, at in enumerate(sorted({*at_edges, *at_places, *(at for _, at in bounds.values())}))}
    except (TypeError, ValueError):
        return None
    if len(order) > _MOST_DAYS or any(one.get("resourceType") != type_ for one in edges):
        return None

    def day(at: datetime) -> str:
        return f"2000-01-{order[at] + 1:02}T00:00:00+00:00"

    said = {value: prefix + day(at) for value, (prefix, at) in bounds.items()}
    renamed = tuple(
        (
            kind,
            path,
            tuple((name, said[value] if name == "date" else value.replace(mrn, _ANYBODY)) for name, value in params),
        )
        for kind, path, params in requests
    )
    forms = tuple(form.replace(mrn, _ANYBODY) for form in probes.forms)
    return renamed, Probes(forms, tuple(map(day, at_places))), tuple(f'"{day(at)}"' for at in at_edges)


@lru_cache(maxsize=1024)
def _is_plain(request: RequestKey, type_: str) -> bool:
    """Return whether a search's answer depends on nothing but its own type's elements and the order of times."""
    kind, path, params = request
    if kind != "search" or path != (type_,):
        return False
    known = definitions.search_parameters(type_)
    for name, value in params:
        parameter = known.get(name.partition(":")[0])
        if name == "_sort":
            if not {key.lstrip("-") for key in value.split(",")} <= {"date", "_id"}:
                return False
        elif name == "date":
            if not _BOUND.fullmatch(value):
                return False
        elif name.startswith("_") or "." in name or parameter is None or parameter.type not in _PLAIN_TYPES:
            return False
    return True


def _refers(request: RequestKey, type_: str) -> bool:
    """Return whether a request may depend on other resources than those of the type in question."""
    _, path, params = request
    return path[:1] != (type_,) or any("." in name or name.partition(":")[0] in _SHAPING_OR_HAS for name, _ in params)


def _records(probes: Probes) -> list[Record]:
    """Return a resource at each place, once stored before and once after all that was seen."""
    records = []
    at = 0
    for form in probes.forms:
        template = Prototype(orjson.loads(form))
        for value in probes.values:
            for time in probes.times or ("",):
                scalars = {"effectiveDateTime": f'"{time}"'} if time else {}
                scalars |= {"valueQuantity__value": value} if value else {}
                records.append(template.record(_EARLY + at, _LONG_AGO, id=f'"{_FIRST_ID}{at}"', **scalars))
                records.append(template.record(_LATE + at, _FAR_AHEAD, id=f'"{_LAST_ID}{at}"', **scalars))
                at += 1
    return records


def _ask_all(requests: Sequence[RequestKey], type_: str, records: Sequence[Record], base: str) -> list[_Answer]:
    """Make all requests on a chart that holds just these resources."""
    session = scratch_session(records, base)
    return [_ask(session, request, type_) for request in requests]


def _ask(session: EmbeddedSession, request: RequestKey, type_: str) -> _Answer:
    """Make a request on the scratch chart."""
    kind, path, sent = request
    params = list(sent)
    names = {name.partition(":")[0] for name, _ in params}
    if kind == "search" and path == (type_,) and not names & _SHAPING:
        try:
            hits = session.workspace.search(type_, Params(params))
        except FhirError:
            return _NOTHING
        return _Answer([hit[0] for hit in hits.all()])
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in [*params, *_ALL])
    response = session.get("/".join(quote(part, safe="$") for part in path) + "?" + query)
    if response.status != 200:
        return _NOTHING
    matches, included, visible = [], set(), set()
    for entry in orjson.loads(response.body).get("entry", []):
        resource = entry["resource"]
        record = session.lookup(*_key(resource))
        if record is None:
            continue
        if entry.get("search", {}).get("mode", "match") == "match":
            matches.append(record.pid)
        else:
            included.add(record.pid)
        if resource["resourceType"] == type_ and _SHOWS[type_](resource):
            visible.add(record.pid)
    return _Answer(matches, frozenset(included), frozenset(visible))


def _on_screen(
    answer: _Answer, spans: Sequence[Span], edges: Mapping[tuple[str, str], Mapping[str, Any]]
) -> Iterator[set[int]]:
    """Yield for each stretch of a list the internal numbers of what would have been on screen in it."""
    if any(span.whole for span in spans):
        yield _visible({*answer.matches, *answer.included}, answer)
        return
    numbers = {key: _EDGE + at for at, key in enumerate(edges)}
    rank = {pid: at for at, pid in enumerate(answer.matches)}
    for span in spans:
        if not span.matches:
            continue
        low = 0 if span.start == 0 else rank.get(numbers[_key(span.matches[0])])
        high = len(rank) if span.ends else rank.get(numbers[_key(span.matches[-1])])
        if low is not None and high is not None:
            yield _visible(set(answer.matches[low:high]), answer)


def _visible(found: set[int], answer: _Answer) -> set[int]:
    return found if answer.visible is None else found & answer.visible
