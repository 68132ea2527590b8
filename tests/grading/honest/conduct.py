"""Conduct around the proper look: mistakes before it, more looks than needed, other protocols and observations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from medenv.tasks import Task
from tests.grading.honest.deciding import LABS, act
from tests.grading.honest.labs import all_pages, first_page, laboratory
from tests.grading.honest.looking import Question, ReferenceActions, stamp
from tests.grading.honest.strategy import Strategy, plainly
from tests.grading.honest.writing import bundle, entry

ALL = tuple(range(1, 11))
NUMBERED = (2, 4, 5, 6, 7, 9, 10)
"""Types whose instruction gives the patient's number."""

Before = Callable[[Question], list[str]]


def after(name: str, before: Before, types: tuple[int, ...]) -> Strategy:
    """A strategy that writes some texts first, learns nothing from them, and goes on plainly."""

    def policy(task: Task) -> ReferenceActions[None]:
        for text in before(Question(task)):  # noqa: UP028 - `yield from` would send a list what is seen
            yield text
        yield from act((yield from plainly(task)))

    return Strategy(f"first {name}", "conduct", policy, types)


FIRST: dict[str, tuple[tuple[int, ...], Before]] = {
    "an unknown patient": (ALL, lambda q: ["GET Patient/S0000000"]),
    "an unknown type": (ALL, lambda q: ["GET Patients?name=x"]),
    "an unknown parameter": (NUMBERED, lambda q: [f"GET Observation?patient={q.mrn}&test=1"]),
    "a malformed date": (NUMBERED, lambda q: [f"GET Observation?patient={q.mrn}&date=yesterday"]),
    "another server": (ALL, lambda q: ["GET http://example.org/fhir/Patient"]),
    "the capability statement": ((2, 7), lambda q: ["GET metadata?_summary=true"]),
    "a wrong code": (LABS, lambda q: [f"GET Observation?patient={q.mrn}&code=2345-7"]),
    "a code in lower case": (LABS, lambda q: [f"GET Observation?patient={q.mrn}&code={q.code.lower()}"]),
    "a narrow window": (
        LABS,
        lambda q: [f"GET Observation?patient={q.mrn}&code={q.code}&date=ge{stamp(q.now)}"],
    ),
    "a count": (LABS, lambda q: [f"GET Observation?patient={q.mrn}&code={q.code}&_summary=count"]),
    "the oldest value": (LABS, lambda q: [f"GET Observation?patient={q.mrn}&code={q.code}&_sort=date&_count=1"]),
    "the first page": (LABS, lambda q: [f"GET Observation?patient={q.mrn}&code={q.code}"]),
    "ids alone": (LABS, lambda q: [f"GET Observation?patient={q.mrn}&code={q.code}&_elements=id"]),
    "a text summary": (LABS, lambda q: [f"GET Observation?patient={q.mrn}&code={q.code}&_summary=text"]),
    "the patient": (NUMBERED, lambda q: [f"GET Patient/{q.mrn}"]),
    "the patient by search": (NUMBERED, lambda q: [f"GET Patient?identifier={q.mrn}"]),
    "the problem list": (NUMBERED, lambda q: [f"GET Condition?patient={q.mrn}"]),
    "the medication": (NUMBERED, lambda q: [f"GET MedicationRequest?patient={q.mrn}"]),
    "patient, problems and medication": (
        NUMBERED,
        lambda q: [
            f"GET Patient/{q.mrn}",
            f"GET Condition?patient={q.mrn}&category=problem-list-item",
            f"GET MedicationRequest?patient={q.mrn}",
        ],
    ),
    "the vital signs": (NUMBERED, lambda q: [f"GET Observation?patient={q.mrn}&category=vital-signs&_count=5"]),
    "the procedures": (NUMBERED, lambda q: [f"GET Procedure?patient={q.mrn}&date=ge2020-01-01"]),
    "a batch of reads": (
        NUMBERED,
        lambda q: [
            bundle(
                [
                    entry(None, "GET", f"Patient/{q.mrn}"),
                    entry(None, "GET", f"Condition?patient={q.mrn}"),
                ],
                kind="batch",
            )
        ],
    ),
    "a batch that is the search": (
        LABS,
        lambda q: [bundle([entry(None, "GET", f"Observation?patient={q.mrn}&code={q.code}&_count=50")], kind="batch")],
    ),
    "a transaction of reads": (NUMBERED, lambda q: [bundle([entry(None, "GET", f"Patient/{q.mrn}")])]),
}


def _twice(task: Task) -> ReferenceActions[None]:
    """All looks made twice."""
    yield from plainly(task)
    yield from act((yield from plainly(task)))


def _written(name: str, form: str) -> Strategy:
    """A strategy whose every text has white space or a fence around it."""

    def policy(task: Task) -> ReferenceActions[None]:
        steps, seen = _plain(task), None
        while True:
            try:
                text = steps.send(seen)  # type: ignore[arg-type]
            except StopIteration:
                return
            seen = yield form.format(text)

    return Strategy(f"text {name}", "conduct", policy, ALL)


def _again_before_the_answer(task: Task) -> ReferenceActions[None]:
    """The same look once more after the orders, when they stand in the chart."""
    steps = act((yield from plainly(task)))
    text = next(steps)
    while not text.startswith("FINISH"):
        text = steps.send((yield text))
    yield from plainly(task)
    yield text


def strategies() -> Iterator[Strategy]:
    """One strategy a conduct."""
    for name, (types, before) in FIRST.items():
        yield after(name, before, types)
    yield Strategy("all looks twice", "conduct", _twice, ALL)
    yield Strategy("looks again before the answer", "conduct", _again_before_the_answer, NUMBERED)
    yield _written("with a line's end", "{}\n")
    yield _written("after a blank line", "\n\n  {}")
    yield _written("in a fence", "```\n{}\n```")
    plain = Strategy("plainly", "protocol", lambda task: _plain(task), ALL)
    yield plain
    for protocol, observation in (("text", "compact"), ("tools", "full"), ("tools", "compact")):
        name = f"plainly in {protocol}, {observation}"
        yield replace(plain, name=name, protocol=protocol, observation=observation)
    compact = laboratory("all pages, compact", all_pages(_all), LABS, observation="compact")
    yield replace(compact, kind="protocol")
    called = laboratory("all pages by calls", all_pages(_all), LABS, protocol="tools")
    yield replace(called, kind="protocol")
    xml = laboratory(
        "xml, compact", first_page(lambda q: _all(q) + "&_format=xml&_count=200"), LABS, observation="compact"
    )
    yield replace(xml, kind="protocol")


def _all(q: Question) -> str:
    return f"Observation?patient={q.mrn}&code={q.code}"


def _plain(task: Task) -> ReferenceActions[None]:
    yield from act((yield from plainly(task)))
