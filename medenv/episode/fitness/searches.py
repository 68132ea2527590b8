"""Whether a server searches as tasks need it: each parameter is tried with a value that is there, and with one that nothing has.

What a search must give follows from what the server itself holds, so that nothing else is needed to judge it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from medenv.episode.fitness.asking import Asking, Listing, RefusedError, Resource
from medenv.episode.fitness.findings import Finding
from medenv.tasks.chart import instant

__all__ = ["searches"]

NOBODY = "medenvnobody"
"""A value that no resource has."""

Judge = Callable[[list[Resource]], str | None]
"""Says what is wrong with the matches of a search; None if nothing is."""


@dataclass(frozen=True)
class Probe:
    """One search that is tried.

    Attributes:
        parameter: What it tries.
        url: The search.
        judge: What its matches must be like; None where nothing may match.
    """

    parameter: str
    url: str
    judge: Judge | None = None


def searches(asking: Asking, patient: Resource | None, results: list[Resource]) -> Finding:
    """Try the search parameters that tasks rest on.

    Args:
        asking: The server.
        patient: A patient that it holds, as it gave it; None if there is none.
        results: Results of one patient and one code, all of them, as it gave them.
    """
    probes = [*_of_patients(patient), *_of_results(results), *_of_nobody()]
    faults = [one for one in asking.each(lambda probe: _fault(asking, probe), probes) if one is not None]
    faults += [one for one in asking.each(lambda count: _paging(asking, results, count), _counts(results)) if one]
    tried = sorted({probe.parameter for probe in probes} | ({"_count"} if results else set()))
    if patient is None:
        faults.append("searches for patients can't be tried, as no patient of the split is there")
    if len({_time(one) for one in results}) < 2:
        faults.append(
            "code, date, _sort and _count can't be tried, as no patient of the split has two results of one kind"
        )
    return Finding("searches", not faults, f"tried {', '.join(tried)}", tuple(dict.fromkeys(faults)))


def _fault(asking: Asking, probe: Probe) -> str | None:
    try:
        wrong = _none(asking.search(probe.url)) if probe.judge is None else probe.judge(asking.whole(probe.url))
    except RefusedError as refusal:
        wrong = str(refusal)
    except ValueError as error:  # a link that leads to another server
        wrong = f"GET {probe.url} can't be followed: {error}"
    else:
        wrong = None if wrong is None else f"GET {probe.url} {wrong}"
    return None if wrong is None else f"{probe.parameter}: {wrong}"


def _none(found: Listing) -> str | None:
    if not found.resources:
        return None
    count = len(found.resources) if found.total is None else found.total
    return f"finds {count:,} resources, though nothing has that value: the parameter is ignored"


def _all(holds: Callable[[Resource], bool], needed: Iterable[str] = ()) -> Judge:
    """Make a judge that wants all matches to be of a kind, and some ids among them."""

    def judge(found: list[Resource]) -> str | None:
        if wrong := next((one for one in found if not holds(one)), None):
            return f"finds {_name(wrong)}, which does not match"
        missing = set(needed) - {str(one.get("id")) for one in found}
        return f"does not find {min(missing)}" if missing else None

    return judge


def _exactly(wanted: list[str], ordered: Callable[[Resource], Any] | None = None, *, falling: bool = False) -> Judge:
    """Make a judge that wants these ids, in the order of a key if one is given."""

    def judge(found: list[Resource]) -> str | None:
        ids = [str(one.get("id")) for one in found]
        if sorted(ids) != sorted(wanted):
            return f"finds {len(ids)} resources, not the {len(wanted)} that match"
        keys = [ordered(one) for one in found] if ordered else []
        return "is not in that order" if keys != sorted(keys, reverse=falling) else None

    return judge


def _of_patients(patient: Resource | None) -> Iterator[Probe]:
    if patient is None:
        return
    id_ = str(patient.get("id"))
    name = next((one for one in patient.get("name", []) if one.get("family") and one.get("given")), None)
    value = next((one["value"] for one in patient.get("identifier", []) if one.get("value")), None)
    tried: dict[str, tuple[str, Callable[[Resource], bool]]] = {}
    if value is not None:
        tried["identifier"] = value, lambda one: value in [i.get("value") for i in one.get("identifier", [])]
    if name is not None:
        family, given = str(name["family"]), str(name["given"][0])
        tried["family"] = family, lambda one: _called(one, family)
        tried["given"] = given, lambda one: _called(one, given)
        tried["name"] = family, lambda one: _called(one, family)
    for parameter, (known, holds) in tried.items():
        yield Probe(parameter, f"Patient?{parameter}={quote(known, safe='')}", _all(holds, [id_]))
        yield Probe(parameter, f"Patient?{parameter}={NOBODY}")
    if born := patient.get("birthDate"):
        yield Probe("birthdate", f"Patient?birthdate={born}", _all(lambda one: one.get("birthDate") == born, [id_]))
        yield Probe("birthdate", "Patient?birthdate=1700-01-01")


def _of_results(results: list[Resource]) -> Iterator[Probe]:
    if not results:
        return
    base, ids = _base(results), [str(one.get("id")) for one in results]
    yield Probe("code", f"{base.partition('&')[0]}&code={NOBODY}")
    yield Probe("patient", base, _all(lambda one: _subject(one) == _subject(results[0]), ids))
    times = sorted({_time(one) for one in results})
    if len(times) < 2:
        return
    middle = times[len(times) // 2]
    said = next(str(one["effectiveDateTime"]) for one in results if _time(one) == middle)
    for prefix, fits in (("ge", lambda at: at >= middle), ("lt", lambda at: at < middle)):
        matching = [str(one.get("id")) for one in results if fits(_time(one))]
        yield Probe("date", f"{base}&date={prefix}{quote(said, safe='')}", _exactly(matching))
    yield Probe("_sort", f"{base}&_sort=date", _exactly(ids, _time))
    yield Probe("_sort", f"{base}&_sort=-date", _exactly(ids, _time, falling=True))


def _of_nobody() -> Iterator[Probe]:
    """Yield searches for what somebody who doesn't exist has; a parameter that is ignored shows there."""
    for type_ in ("Condition", "MedicationRequest", "Observation", "Procedure"):
        yield Probe("patient", f"{type_}?patient={NOBODY}")
    yield Probe("category", f"Observation?category={NOBODY}")


def _counts(results: list[Resource]) -> list[int]:
    """Return sizes of pages to try: the smallest, and one that makes two pages."""
    return sorted({1, (len(results) + 1) // 2}) if len(results) > 1 else []


def _paging(asking: Asking, results: list[Resource], count: int) -> str | None:
    """Say what is wrong with a list that is asked for in pages of so many."""
    url, ids = f"{_base(results)}&_count={count}", [str(one.get("id")) for one in results]
    try:
        page = asking.search(url)
        if len(page.resources) != count:
            return f"_count: GET {url} gives {len(page.resources)} of {len(ids)} matches instead of {count}"
        if page.following is None:
            return f"_count: GET {url} has no link to the next page, though there are {len(ids)} matches"
        second = asking.search(page.following)
        both = [str(one.get("id")) for one in (*page.resources, *second.resources)]
    except RefusedError as refusal:
        return f"_count: {refusal}"
    except ValueError as error:
        return f"_count: the link to the next page of GET {url} can't be followed: {error}"
    if len(set(both)) != min(2 * count, len(ids)) or not set(both) <= set(ids):
        return f"_count: the first two pages of GET {url} repeat or skip matches"
    return None


def _base(results: list[Resource]) -> str:
    code = next(c["code"] for c in results[0]["code"]["coding"] if "code" in c)
    return f"Observation?patient={quote(_subject(results[0]), safe='')}&code={quote(code, safe='')}"


def _subject(resource: Resource) -> str:
    return str(resource.get("subject", {}).get("reference", "")).rpartition("/")[2]


def _time(resource: Resource) -> datetime:
    return instant(str(resource["effectiveDateTime"]))


def _called(resource: Resource, part: str) -> bool:
    """Return whether some word of some name begins so, as FHIR compares text."""
    parts = [
        p for name in resource.get("name", []) for p in (name.get("family"), name.get("text"), *name.get("given", []))
    ]
    texts = [str(one).casefold() for one in parts if one]
    return any(word.startswith(part.casefold()) for text in texts for word in (text, *text.split()))


def _name(resource: Resource) -> str:
    return f"{resource.get('resourceType')}/{resource.get('id')}"
