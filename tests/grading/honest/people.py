"""Ways to read patients: by number for their age, by name and birth date for who is meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from medenv.tasks import Task
from tests.grading.honest.deciding import act, decide, named
from tests.grading.honest.labs import first_page
from tests.grading.honest.looking import (
    Question,
    ReferenceActions,
    Resource,
    UnfitError,
    every,
    fetch,
    pages,
    resources_in,
)
from tests.grading.honest.strategy import Read, Strategy

Make = Callable[[Question], str]

BY_NUMBER: dict[str, Make] = {
    "by identifier": lambda q: f"Patient?identifier={q.mrn}",
    "by identifier without a system": lambda q: f"Patient?identifier=%7C{q.mrn}",
    "by id": lambda q: f"Patient?_id={q.mrn}",
    "read": lambda q: f"Patient/{q.mrn}",
    "read, absolute": lambda q: f"http://localhost:8080/fhir/Patient/{q.mrn}",
    "read in xml": lambda q: f"Patient/{q.mrn}?_format=xml",
    "read with summary": lambda q: f"Patient/{q.mrn}?_summary=true",
    "read, birth date alone": lambda q: f"Patient/{q.mrn}?_elements=birthDate,identifier",
    "by identifier in xml": lambda q: f"Patient?identifier={q.mrn}&_format=xml",
    "by identifier, birth date alone": lambda q: f"Patient?identifier={q.mrn}&_elements=identifier,birthDate",
    "by identifier with summary": lambda q: f"Patient?identifier={q.mrn}&_summary=true",
    "by identifier and id": lambda q: f"Patient?identifier={q.mrn}&_id={q.mrn}",
    "read of a version": lambda q: f"Patient/{q.mrn}/_history/1",
    "history": lambda q: f"Patient/{q.mrn}/_history",
    "everything, patient alone": lambda q: f"Patient/{q.mrn}/$everything?_type=Patient",
    "with revinclude": lambda q: f"Patient?_id={q.mrn}&_revinclude=Condition:subject",
    "either gender": lambda q: f"Patient?identifier={q.mrn}&gender=male,female,other,unknown",
}


FIRST_PAGE: dict[str, Make] = {
    "everything's first page": lambda q: f"Patient/{q.mrn}/$everything",
    "included with a result": lambda q: f"Observation?patient={q.mrn}&_include=Observation:patient&_count=1",
    "included with any result": lambda q: f"Observation?patient={q.mrn}&_include=*",
}


def _search(pattern: str) -> Make:
    """A Patient search with the parts of the instruction's name in braces."""

    def make(q: Question) -> str:
        given, family, born = (q.part(name) for name in ("given", "family", "birthdate"))
        return "Patient?" + pattern.format(g=given, f=family, b=born)

    return make


BY_NAME: dict[str, Make] = {
    "given, family, birth date": _search("given={g}&family={f}&birthdate={b}"),
    "birth date first": _search("birthdate={b}&family={f}&given={g}"),
    "birth date with eq": _search("given={g}&family={f}&birthdate=eq{b}"),
    "birth date as a range": _search("family={f}&birthdate=ge{b}&birthdate=le{b}"),
    "family and birth date": _search("family={f}&birthdate={b}"),
    "given and birth date": _search("given={g}&birthdate={b}"),
    "family and given": _search("family={f}&given={g}"),
    "birth date alone": _search("birthdate={b}"),
    "family alone": _search("family={f}"),
    "name is the family": _search("name={f}&birthdate={b}"),
    "name is the given": _search("name={g}&birthdate={b}"),
    "name twice": _search("name={g}&name={f}&birthdate={b}"),
    "name and family": _search("name={g}&family={f}"),
    "family:exact": _search("family:exact={f}&birthdate={b}"),
    "family:exact and given:exact": _search("family:exact={f}&given:exact={g}&birthdate={b}"),
    "given:exact": _search("given:exact={g}&family={f}"),
    "name:contains": _search("name:contains={f}&birthdate={b}"),
    "family:contains": _search("family:contains={f}&given={g}"),
    "name:exact": _search("name:exact={f}&name:exact={g}&birthdate={b}"),
    "either gender": _search("family={f}&birthdate={b}&gender=male,female,other,unknown"),
    "sorted": _search("family={f}&birthdate={b}&_sort=given"),
    "sorted by birth date": _search("given={g}&family={f}&_sort=-birthdate&_count=10"),
    "in xml": _search("given={g}&family={f}&birthdate={b}&_format=xml"),
    "with summary": _search("given={g}&family={f}&birthdate={b}&_summary=true"),
    "elements": _search("given={g}&family={f}&birthdate={b}&_elements=identifier,name,birthDate"),
    "total told": _search("family={f}&birthdate={b}&_total=accurate&_count=50"),
    "lower case": lambda q: _search("given={g}&family={f}&birthdate={b}")(q).lower().replace("patient", "Patient"),
    "beginnings of the names": lambda q: (
        f"Patient?given={q.part('given')[:3]}&family={q.part('family')[:4]}&birthdate={q.part('birthdate')}"
    ),
    "month of birth": lambda q: f"Patient?family={q.part('family')}&birthdate={q.part('birthdate')[:7]}",
    "year of birth": lambda q: f"Patient?family={q.part('family')}&birthdate={q.part('birthdate')[:4]}",
    "either name": _search("name={g},{f}&birthdate={b}"),
    "given alone": _search("given={g}&_count=50"),
    "name is the family alone": _search("name={f}"),
    "name:contains alone": _search("name:contains={f}"),
    "small pages": _search("family={f}&birthdate={b}&_count=1"),
    "active or not said": _search("family={f}&birthdate={b}&active:not=false"),
}


def _reading(make: Make) -> Read:
    return lambda q: pages(make(q))


def _union(*patterns: str) -> Read:
    return lambda q: every(_search(pattern)(q) for pattern in patterns)


def _wider_step_by_step(q: Question) -> ReferenceActions[list[Resource]]:
    """All three first, then family and birth date, then both names, as long as nobody fits."""
    found: list[Resource] = []
    for pattern in ("given={g}&family={f}&birthdate={b}", "family={f}&birthdate={b}", "given={g}&family={f}"):
        found = yield from pages(_search(pattern)(q))
        if named(found, q.task) is not None:
            break
    return found


def _found_then_read(q: Question) -> ReferenceActions[list[Resource]]:
    """A search, and the patient found read once more."""
    found = yield from pages(_search("given={g}&family={f}&birthdate={b}")(q))
    patient = named(found, q.task)
    if patient is None:
        return found
    return resources_in((yield from fetch(f"Patient/{patient['id']}")))


def _each_candidate_read(q: Question) -> ReferenceActions[list[Resource]]:
    """Whoever has both names, read one by one until one was born on that day."""
    found = yield from pages(_search("given={g}&family={f}&_elements=identifier,name")(q))
    if len(found) > 4:
        raise UnfitError(q.task.id)
    read: list[Resource] = []
    for one in found:
        read.append((yield from fetch(f"Patient/{one['id']}")))
        if named(read, q.task) is not None:
            break
    return read


def _misspelt_first(q: Question) -> ReferenceActions[list[Resource]]:
    """A search with given and family name in each other's place, which finds nobody, then the right one."""
    yield from fetch(_search("given={f}&family={g}&birthdate={b}")(q))
    return (yield from pages(_search("given={g}&family={f}&birthdate={b}")(q)))


UNIONS: dict[str, Read] = {
    "both genders": _union("family={f}&birthdate={b}&gender=male", "family={f}&birthdate={b}&gender:not=male"),
    "women and men and others": _union(
        *(f"family={{f}}&birthdate={{b}}&gender={one}" for one in ("female", "male", "other,unknown")),
        "family={f}&birthdate={b}&gender:missing=true",
    ),
    "wider step by step": _wider_step_by_step,
    "each candidate read": _each_candidate_read,
    "found, then read": _found_then_read,
    "names exchanged first": _misspelt_first,
    "by given, then by family": _union("given={g}&birthdate={b}", "family={f}&birthdate={b}"),
}


def person(name: str, read: Read, types: tuple[int, ...]) -> Strategy:
    """A strategy that reads patients in some way, orders as the prompt shows and answers."""

    def policy(task: Task) -> ReferenceActions[None]:
        yield from act(decide(task, (yield from read(Question(task)))))

    return Strategy(f"person: {name}", "reading", policy, types)


def strategies() -> Iterator[Strategy]:
    """One strategy a way. What is known by name alone is played where the instruction names the patient so."""
    for name, make in BY_NUMBER.items():
        yield person(name, _reading(make), (2,))
    for name, make in FIRST_PAGE.items():
        yield person(name, first_page(make), (2,))
    for name, read in [*((name, _reading(make)) for name, make in BY_NAME.items()), *UNIONS.items()]:
        yield person(f"{name} of a named patient", _named_only(read), (1, 3, 8))


def _named_only(read: Read) -> Read:
    """Nothing is read where the instruction gives the number."""

    def reading(q: Question) -> ReferenceActions[list[Resource]]:
        return (yield from read(q)) if "birthdate" in q.task.params else []

    return reading
