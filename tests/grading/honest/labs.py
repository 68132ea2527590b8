"""Ways to read laboratory values that show the value asked about, or that there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from medenv.tasks import Task
from medenv.tasks.chart import instant, newest, readings
from tests.grading.honest.deciding import LABS, WINDOWED, act, decide
from tests.grading.honest.looking import (
    Question,
    ReferenceActions,
    Resource,
    fetch,
    next_url,
    of_code,
    pages,
    resources_in,
    stamp,
)
from tests.grading.honest.strategy import Read, Strategy

LATEST = (4, 5, 7, 9, 10)
"""Types that turn on the newest value alone."""
EVER = (7, 9, 10)
"""Types that look at the whole chart."""

Make = Callable[[Question], str]
BASE = "http://localhost:8080/fhir"


def _plain(more: str = "", patient: str = "patient={q.mrn}", code: str = "&code={q.code}") -> Make:
    """A search URL from its parts, with the question as ``q`` in braces."""
    return lambda q: f"Observation?{patient}{code}{more}".format(q=q)


WHOSE: dict[str, Make] = {
    "patient": _plain(),
    "patient, typed reference": _plain(patient="patient=Patient/{q.mrn}"),
    "patient, absolute reference": _plain(patient=f"patient={BASE}/Patient/{{q.mrn}}"),
    "patient:Patient": _plain(patient="patient:Patient={q.mrn}"),
    "patient.identifier": _plain(patient="patient.identifier={q.mrn}"),
    "subject": _plain(patient="subject=Patient/{q.mrn}"),
    "subject, bare id": _plain(patient="subject={q.mrn}"),
    "subject:Patient": _plain(patient="subject:Patient={q.mrn}"),
    "subject.identifier": _plain(patient="subject.identifier={q.mrn}"),
    "subject:Patient.identifier": _plain(patient="subject:Patient.identifier={q.mrn}"),
    "patient and subject": _plain("&subject=Patient/{q.mrn}"),
    "code before patient": lambda q: f"Observation?code={q.code}&patient={q.mrn}",
    "absolute URL": lambda q: f"{BASE}/Observation?patient={q.mrn}&code={q.code}",
    "leading slash": lambda q: f"/Observation?patient={q.mrn}&code={q.code}",
    "server's path": lambda q: f"/fhir/Observation?patient={q.mrn}&code={q.code}",
    "slash after the type": lambda q: f"Observation/?patient={q.mrn}&code={q.code}",
}

CODED: dict[str, Make] = {
    "system|code": _plain(code="&code=http://loinc.org|{q.code}"),
    "system|code, encoded": _plain(code="&code=http%3A%2F%2Floinc.org%7C{q.code}"),
    "combo-code": _plain(code="&combo-code={q.code}"),
    "combo-code with system": _plain(code="&combo-code=http://loinc.org|{q.code}"),
    "code by text": _plain("&_count=200", code="&code:text={q.code}"),
    "two codes": _plain("&_count=200", code="&code={q.code},CREA"),
    "code named twice": _plain("&code=http://loinc.org|{q.code}"),
    "no code": _plain("&_count=200", code=""),
    "no code, 50 a page": _plain("&_count=50", code=""),
    "no code, newest first": _plain("&_sort=-date&_count=100", code=""),
    "no code, all laboratory": _plain("&category=laboratory&_count=100", code=""),
    "system alone": _plain("&_count=200", code="&code=http://loinc.org|"),
}

RESTRICTED: dict[str, Make] = {
    "category": _plain("&category=laboratory"),
    "category with system": _plain("&category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory"),
    "two categories": _plain("&category=laboratory,vital-signs"),
    "category:not": _plain("&category:not=vital-signs"),
    "status final": _plain("&status=final"),
    "status final or corrected": _plain("&status=final,amended,corrected"),
    "status:not entered in error": _plain("&status:not=entered-in-error"),
    "status and category": _plain("&status=final&category=laboratory&_sort=-date"),
    "any status": _plain("&status=final,registered,preliminary,amended,corrected,cancelled,entered-in-error,unknown"),
    "with a time": _plain("&date:missing=false&_count=50"),
    "values above nought": _plain("&value-quantity=gt0&_count=100"),
    "values only": _plain("&value-quantity:missing=false"),
}

SORTED: dict[str, Make] = {
    "newest first": _plain("&_sort=-date"),
    "newest first, then id": _plain("&_sort=-date,-_id"),
    "newest first, then code": _plain("&_sort=-date,code&_count=50"),
    "oldest first": _plain("&_sort=date"),
    "oldest first, 100 a page": _plain("&_sort=date&_count=100"),
    "by id": _plain("&_sort=_id&_count=40"),
    "last updated first, to the end": _plain("&_sort=-_lastUpdated&_count=40"),
    "by value, to the end": _plain("&_sort=value-quantity&_count=60"),
    "by status, to the end": _plain("&_sort=status&_count=60"),
    "sort before the rest": lambda q: f"Observation?_sort=-date&_count=30&patient={q.mrn}&code={q.code}",
}

PAGED: dict[str, Make] = {
    "1000 a page": _plain("&_count=1000"),
    "5000 a page": _plain("&_count=5000"),
    "15 a page": _plain("&_count=15"),
    "7 a page": _plain("&_count=7"),
    "32 a page": _plain("&_count=32"),
    "total told": _plain("&_total=accurate&_count=50"),
    "total told, newest first": _plain("&_total=accurate&_sort=-date&_count=50"),
    "offset of 0": _plain("&_offset=0&_count=100"),
}

SHOWN: dict[str, Make] = {
    "value and time alone": _plain("&_elements=valueQuantity,effectiveDateTime,code&_count=100"),
    "elements by choice's name": _plain("&_elements=value,effective,code&_count=100"),
    "elements with more": _plain("&_elements=id,status,code,subject,effectiveDateTime,valueQuantity&_sort=-date"),
    "summary data": _plain("&_summary=data&_count=100"),
    "summary true": _plain("&_summary=true&_count=100"),
    "summary false": _plain("&_summary=false"),
    "include patient": _plain("&_include=Observation:patient&_count=100"),
    "include all": _plain("&_include=*&_count=100"),
    "revinclude provenance": _plain("&_revinclude=Provenance:target&_count=100"),
    "include subject": _plain("&_include=Observation:subject&_sort=-date"),
    "xml": _plain("&_format=xml"),
    "xml, newest first": _plain("&_format=application/fhir%2Bxml&_sort=-date"),
    "xml by mime type": _plain("&_format=text/xml&_count=100"),
    "json asked for": _plain("&_format=json"),
    "json by mime type": _plain("&_format=application/fhir%2Bjson&_count=60"),
    "not pretty": _plain("&_pretty=false&_count=60"),
    "pretty": _plain("&_pretty=true"),
}

WHOLE: dict[str, Make] = {
    "everything": lambda q: f"Patient/{q.mrn}/$everything?_count=1000",
    "everything, 60 a page": lambda q: f"Patient/{q.mrn}/$everything?_count=60",
    "everything of a type": lambda q: f"Patient/{q.mrn}/$everything?_type=Observation&_count=500",
    "everything of a type, paged": lambda q: f"Patient/{q.mrn}/$everything?_type=Observation&_count=40",
    "everything of two types": lambda q: f"Patient/{q.mrn}/$everything?_type=Patient,Observation&_count=500",
    "everything, the patient as an id": lambda q: f"Patient/{q.mrn}/$everything?_elements=id&_count=1000",
    "everything in xml": lambda q: f"Patient/{q.mrn}/$everything?_type=Observation&_count=500&_format=xml",
    "revinclude by id": lambda q: f"Patient?_id={q.mrn}&_revinclude=Observation:patient&_count=1000",
    "revinclude by identifier": lambda q: f"Patient?identifier={q.mrn}&_revinclude=Observation:subject",
}


def _day_before(form: str = "%Y-%m-%dT%H:%M:%S+00:00", prefix: str = "ge", earlier: timedelta = timedelta()) -> Make:
    return lambda q: f"Observation?patient={q.mrn}&code={q.code}&date={prefix}{stamp(q.start - earlier, form)}"


def _elsewhere(hours: int) -> Make:
    """The window's beginning as a clock in another zone shows it."""
    at = timedelta(hours=hours)
    return lambda q: (
        f"Observation?patient={q.mrn}&code={q.code}&date=ge"
        + stamp(q.start + at, f"%Y-%m-%dT%H:%M:%S{'+' if hours >= 0 else '-'}{abs(hours):02d}:00")
    )


_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

SINCE: dict[str, Make] = {
    "ge, +00:00 encoded": _day_before(),
    "ge, +00:00 as it is": lambda q: f"Observation?patient={q.mrn}&code={q.code}&date=ge{q.start.isoformat()}",
    "ge, colons as they are": lambda q: (
        f"Observation?patient={q.mrn}&code={q.code}&date=ge{q.start.strftime('%Y-%m-%dT%H:%M:%SZ')}"
    ),
    "ge, Z": _day_before("%Y-%m-%dT%H:%M:%SZ"),
    "ge, without a zone": _day_before("%Y-%m-%dT%H:%M:%S"),
    "ge, milliseconds": _day_before("%Y-%m-%dT%H:%M:%S.000Z"),
    "ge, minutes": _day_before("%Y-%m-%dT%H:%MZ"),
    "ge in New York": _elsewhere(-5),
    "ge in Helsinki": _elsewhere(2),
    "ge, newest first": lambda q: _day_before()(q) + "&_sort=-date",
    "ge, 100 a page": lambda q: _day_before()(q) + "&_count=100",
    "ge an hour wider": _day_before(earlier=_HOUR),
    "gt a minute earlier": _day_before(prefix="gt", earlier=_MINUTE),
    "gt a day wider": _day_before("%Y-%m-%d", "gt", 2 * _DAY),
    "sa a minute earlier": _day_before(prefix="sa", earlier=_MINUTE),
    "ge date only": _day_before("%Y-%m-%d"),
    "ge date only, a day wider": _day_before("%Y-%m-%d", earlier=_DAY),
    "ge a week": _day_before("%Y-%m-%d", earlier=6 * _DAY),
    "ge a year two years back": lambda q: f"Observation?patient={q.mrn}&code={q.code}&date=ge{q.now.year - 2}",
    "ge to le now": lambda q: _day_before()(q) + f"&date=le{stamp(q.now)}",
    "ge to lt in a minute": lambda q: _day_before()(q) + f"&date=lt{stamp(q.now + _MINUTE)}",
    "ge to le today": lambda q: _day_before("%Y-%m-%dT%H:%M:%SZ")(q) + f"&date=le{q.day()}",
    "ge yesterday to le today": lambda q: _day_before("%Y-%m-%d")(q) + f"&date=le{q.day()}",
    "ge yesterday to lt tomorrow": lambda q: _day_before("%Y-%m-%d")(q) + f"&date=lt{q.day(1)}",
    "ge, laboratory, final, sorted": lambda q: _day_before()(q) + "&category=laboratory&status=final&_sort=-date",
    "ge without a code": lambda q: f"Observation?patient={q.mrn}&date=ge{stamp(q.start)}&_count=100",
    "ge by combo-code and subject": lambda q: (
        f"Observation?subject=Patient/{q.mrn}&combo-code={q.code}&date=ge{stamp(q.start)}"
    ),
    "ge in xml": lambda q: _day_before()(q) + "&_format=xml",
    "ge, value and time alone": lambda q: _day_before()(q) + "&_elements=valueQuantity,effectiveDateTime,code",
}

SINCE_HEADS: dict[str, Make] = {
    "head of 1 in the window": lambda q: _day_before()(q) + "&_sort=-date&_count=1",
    "head of 5 in the window, Z": lambda q: _day_before("%Y-%m-%dT%H:%M:%SZ")(q) + "&_sort=-date&_count=5",
    "head of 1 since yesterday": lambda q: _day_before("%Y-%m-%d")(q) + "&_sort=-date&_count=1",
    "head of 1 in the window to now": lambda q: _day_before()(q) + f"&date=le{stamp(q.now)}&_sort=-date&_count=1",
    "head of 2 gt a minute earlier": lambda q: _day_before(prefix="gt", earlier=_MINUTE)(q) + "&_sort=-date&_count=2",
}

UNTIL: dict[str, Make] = {
    "le now": lambda q: f"Observation?patient={q.mrn}&code={q.code}&date=le{stamp(q.now)}",
    "lt in a minute": lambda q: f"Observation?patient={q.mrn}&code={q.code}&date=lt{stamp(q.now + _MINUTE)}",
    "le today": lambda q: f"Observation?patient={q.mrn}&code={q.code}&date=le{q.day()}",
    "lt tomorrow, newest first": lambda q: f"Observation?patient={q.mrn}&code={q.code}&date=lt{q.day(1)}&_sort=-date",
    "ge long ago": lambda q: f"Observation?patient={q.mrn}&code={q.code}&date=ge1900-01-01",
    "ge long ago to le now": lambda q: (
        f"Observation?patient={q.mrn}&code={q.code}&date=ge1900-01-01&date=le{stamp(q.now)}&_count=50"
    ),
}


def _head(count: int, more: str = "", patient: str = "patient={q.mrn}", code: str = "&code={q.code}") -> Make:
    return _plain(f"&_sort=-date&_count={count}{more}", patient, code)


HEADS: dict[str, Make] = {
    "head of 1": _head(1),
    "head of 2": _head(2),
    "head of 10": _head(10),
    "head of 20, the default": _plain("&_sort=-date"),
    "head of 1, then id": _plain("&_sort=-date,-_id&_count=1"),
    "head of 1, laboratory": _head(1, "&category=laboratory"),
    "head of 1, final": _head(1, "&status=final"),
    "head of 1 by subject": _head(1, patient="subject=Patient/{q.mrn}"),
    "head of 1 by identifier": _head(1, patient="patient.identifier={q.mrn}"),
    "head of 1 by system|code": _head(1, code="&code=http://loinc.org|{q.code}"),
    "head of 1 by combo-code": _head(1, code="&combo-code={q.code}"),
    "head of 1, le now": lambda q: _head(1)(q) + f"&date=le{stamp(q.now)}",
    "head of 1 with total": _head(1, "&_total=accurate"),
    "head of 1 with patient": _head(1, "&_include=Observation:patient"),
    "head of 1 in xml": _head(1, "&_format=xml"),
    "head of 1, value and time alone": _head(1, "&_elements=valueQuantity,effectiveDateTime"),
    "head of 1, summary": _head(1, "&_summary=true"),
    "head of 1 from offset 0": _head(1, "&_offset=0"),
    "head of 1 of those with a value": _head(1, "&value-quantity:missing=false"),
}


def all_pages(make: Make) -> Read:
    """Every page of a search."""
    return lambda q: pages(make(q))


def first_page(make: Make) -> Read:
    """The first page of a search, whatever follows."""

    def read(q: Question) -> ReferenceActions[list[Resource]]:
        return resources_in((yield from fetch(make(q))))

    return read


def as_far_as_the_window(make: Make) -> Read:
    """Newest first, page after page until one reaches back before the window."""

    def read(q: Question) -> ReferenceActions[list[Resource]]:
        found: list[Resource] = []
        url: str | None = make(q)
        while url is not None:
            answer = yield from fetch(url)
            found += resources_in(answer)
            values = readings(of_code(found, q.task.params["code"]))
            url = None if values and values[-1].at < q.start else next_url(answer)
        return found

    return read


def laboratory(name: str, read: Read, types: tuple[int, ...], **more: str) -> Strategy:
    """A strategy that reads in some way, orders as the prompt shows and answers."""

    def policy(task: Task) -> ReferenceActions[None]:
        found = yield from read(Question(task))
        yield from act(decide(task, of_code(found, task.params["code"])))

    return Strategy(f"read: {name}", "reading", policy, types, **more)


def newest_in(found: list[Resource], task: Task) -> bool:
    """Whether a value of the code was found."""
    return newest(readings(of_code(found, task.params["code"]))) is not None


def strategies() -> Iterator[Strategy]:
    """One strategy a way."""
    for table in (WHOSE, CODED, RESTRICTED, SORTED, PAGED, SHOWN, WHOLE):
        for name, make in table.items():
            yield laboratory(name, all_pages(make), LABS)
    for name, make in SINCE.items():
        yield laboratory(name, all_pages(make), WINDOWED)
    for name, make in UNTIL.items():
        yield laboratory(name, all_pages(make), LABS)
    for name, make in HEADS.items():
        yield laboratory(name, first_page(make), LATEST)
    for name, make in SINCE_HEADS.items():
        yield laboratory(name, first_page(make), (4, 5))
    yield laboratory("as far as the window, 20 a page", as_far_as_the_window(_plain("&_sort=-date")), WINDOWED)
    yield laboratory("as far as the window, 40 a page", as_far_as_the_window(_head(40)), WINDOWED)


def a_year_back(q: Question) -> str:
    """The day a year ago, a day wider."""
    return (instant(q.task.now) - timedelta(days=367)).date().isoformat()
