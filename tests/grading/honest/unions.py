"""Several looks that together show what one search would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from tests.grading.honest.deciding import LABS, WINDOWED
from tests.grading.honest.labs import EVER, LATEST, all_pages, laboratory, newest_in
from tests.grading.honest.looking import (
    Question,
    ReferenceActions,
    Resource,
    UnfitError,
    every,
    fetch,
    next_url,
    pages,
    resources_in,
    stamp,
)
from tests.grading.honest.strategy import Read, Strategy

_HALF = timedelta(hours=12)

Parts = Callable[[Question], list[str]]
"""What is added to a search by patient and code, for one look each."""

PARTITIONS: dict[str, tuple[tuple[int, ...], Parts]] = {
    "older and newer half": (LABS, lambda q: [f"&date=lt{q.day(-30)}&_count=100", f"&date=ge{q.day(-30)}&_count=100"]),
    "newer half, then older": (LABS, lambda q: [f"&date=ge{q.day(-7)}&_count=100", f"&date=lt{q.day(-7)}&_count=100"]),
    "le and gt an instant": (
        LABS,
        lambda q: [f"&date=le{stamp(q.start)}&_count=100", f"&date=gt{stamp(q.start)}&_count=100"],
    ),
    "overlapping halves": (LABS, lambda q: [f"&date=ge{q.day(-40)}&_count=100", f"&date=le{q.day(-20)}&_count=100"]),
    "the window's halves": (
        WINDOWED,
        lambda q: [
            f"&date=ge{stamp(q.start)}&date=lt{stamp(q.start + _HALF)}",
            f"&date=ge{stamp(q.start + _HALF)}",
        ],
    ),
    "the window's halves, closed": (
        WINDOWED,
        lambda q: [
            f"&date=ge{stamp(q.start)}&date=le{stamp(q.start + _HALF)}",
            f"&date=ge{stamp(q.start + _HALF)}&date=le{stamp(q.now)}",
        ],
    ),
    "the window's quarters": (
        WINDOWED,
        lambda q: (
            [
                f"&date=ge{stamp(q.start + n * _HALF / 2)}&date=lt{stamp(q.start + (n + 1) * _HALF / 2)}&_count=100"
                for n in range(3)
            ]
            + [f"&date=ge{stamp(q.start + 3 * _HALF / 2)}&_count=100"]
        ),
    ),
    "yesterday and today": (WINDOWED, lambda q: [f"&date={q.day(-1)}", f"&date={q.day()}"]),
    "today and yesterday, eq": (WINDOWED, lambda q: [f"&date=eq{q.day()}&_count=60", f"&date=eq{q.day(-1)}&_count=60"]),
    "low and high values": (LABS, lambda q: ["&value-quantity=lt2&_count=100", "&value-quantity=ge2&_count=100"]),
    "low, middle and high values": (
        LABS,
        lambda q: [f"&value-quantity={part}&_count=100" for part in ("lt3.5", "3.5", "gt3.5")],
    ),
    "final and not final": (LABS, lambda q: ["&status=final&_count=100", "&status:not=final&_count=100"]),
    "laboratory and not laboratory": (
        LABS,
        lambda q: ["&category=laboratory&_count=100", "&category:not=laboratory&_count=100"],
    ),
    "with and without a category": (
        LABS,
        lambda q: ["&category:missing=false&_count=100", "&category:missing=true&_count=100"],
    ),
    "with and without a value": (
        LABS,
        lambda q: ["&value-quantity:missing=false&_count=100", "&value-quantity:missing=true&_count=100"],
    ),
}


def _together(parts: Parts) -> Read:
    return lambda q: every(f"Observation?patient={q.mrn}&code={q.code}{part}" for part in parts(q))


def _by_offset(count: int) -> Read:
    """Page after page by _offset rather than by the links, until one isn't full."""

    def read(q: Question) -> ReferenceActions[list[Resource]]:
        found: list[Resource] = []
        for page in range(5):
            url = f"Observation?patient={q.mrn}&code={q.code}&_count={count}&_offset={page * count}"
            answer = yield from fetch(url)
            found += resources_in(answer)
            if next_url(answer) is None:
                return found
        raise UnfitError(url)

    return read


def _backwards(q: Question) -> ReferenceActions[list[Resource]]:
    """Two pages by offset, the second first."""
    base = f"Observation?patient={q.mrn}&code={q.code}&_count=60"
    second = yield from fetch(f"{base}&_offset=60")
    first = yield from fetch(base)
    return resources_in(first) + resources_in(second)


def _first_page_then_all(q: Question) -> ReferenceActions[list[Resource]]:
    """The default page, and as it isn't all, the same search once more with a larger page."""
    base = f"Observation?patient={q.mrn}&code={q.code}"
    answer = yield from fetch(base)
    if next_url(answer) is None:
        return resources_in(answer)
    return (yield from pages(f"{base}&_count=200"))


def _counted_then_read(q: Question) -> ReferenceActions[list[Resource]]:
    """How many there are first, then a page for all of them."""
    base = f"Observation?patient={q.mrn}&code={q.code}"
    total = (yield from fetch(f"{base}&_summary=count"))["total"]
    return (yield from pages(f"{base}&_count={max(total, 1)}"))


def _lately_then_all(days: int) -> Read:
    """The last days first; if these hold a value it is the latest, else everything."""

    def read(q: Question) -> ReferenceActions[list[Resource]]:
        base = f"Observation?patient={q.mrn}&code={q.code}"
        found = yield from pages(f"{base}&date=ge{q.day(-days)}&_count=100")
        return found if newest_in(found, q.task) else (yield from pages(f"{base}&_count=100"))

    return read


def _lately_then_earlier(q: Question) -> ReferenceActions[list[Resource]]:
    """The last year first; if it holds none, the time before it."""
    base = f"Observation?patient={q.mrn}&code={q.code}"
    found = yield from pages(f"{base}&date=ge{q.day(-366)}&_count=100")
    return found if newest_in(found, q.task) else (yield from pages(f"{base}&date=lt{q.day(-366)}&_count=100"))


def _sorted_head_then_window(q: Question) -> ReferenceActions[list[Resource]]:
    """The newest of all, and the window besides."""
    base = f"Observation?patient={q.mrn}&code={q.code}"
    head = resources_in((yield from fetch(f"{base}&_sort=-date&_count=1")))
    window = yield from pages(f"{base}&date=ge{stamp(q.start)}&_count=100")
    return list({one["id"]: one for one in [*head, *window]}.values())


def _both_patients_parameters(q: Question) -> ReferenceActions[list[Resource]]:
    """By patient, and by subject to be sure."""
    return (yield from every(f"Observation?{name}={q.mrn}&code={q.code}&_count=100" for name in ("patient", "subject")))


def _both_ends(q: Question) -> ReferenceActions[list[Resource]]:
    """Fifty from either end, which are all where the total says so."""
    base = f"Observation?patient={q.mrn}&code={q.code}&_total=accurate&_count=50"
    oldest = yield from fetch(f"{base}&_sort=date")
    if oldest["total"] > 100:
        raise UnfitError(base)
    newest = yield from fetch(f"{base}&_sort=-date")
    return list({one["id"]: one for one in resources_in(oldest) + resources_in(newest)}.values())


def _last_page(count: int) -> Read:
    """Oldest first, and of these the last alone, which is known by the total."""

    def read(q: Question) -> ReferenceActions[list[Resource]]:
        base = f"Observation?patient={q.mrn}&code={q.code}&_sort=date&_total=accurate"
        first = yield from fetch(f"{base}&_count=1")
        if first["total"] < 2:
            return resources_in(first)
        return resources_in((yield from fetch(f"{base}&_count={count}&_offset={first['total'] - 1}")))

    return read


def _page_of_a_page(q: Question) -> ReferenceActions[list[Resource]]:
    """The next link with a larger page."""
    answer = yield from fetch(f"Observation?patient={q.mrn}&code={q.code}&_count=10")
    found, following = resources_in(answer), next_url(answer)
    while following is not None:
        answer = yield from fetch(following.replace("&_count=10&", "&_count=200&"))
        found += resources_in(answer)
        following = next_url(answer)
    return found


def strategies() -> Iterator[Strategy]:
    """One strategy a way."""
    for name, (types, parts) in PARTITIONS.items():
        yield laboratory(name, _together(parts), types)
    yield laboratory("pages by offset, 20 each", _by_offset(20), LABS)
    yield laboratory("pages by offset, 25 each", _by_offset(25), LABS)
    yield laboratory("pages by offset, backwards", _backwards, LABS)
    yield laboratory("a larger page after the first", _first_page_then_all, LABS)
    yield laboratory("a larger page from the link on", _page_of_a_page, LABS)
    yield laboratory("the last page, oldest first", _last_page(20), LATEST)
    yield laboratory("the last alone, oldest first", _last_page(1), LATEST)
    yield laboratory("both ends, with the total", _both_ends, LABS)
    yield laboratory("counted, then read", _counted_then_read, LABS)
    yield laboratory("a month, else everything", _lately_then_all(31), EVER)
    yield laboratory("a week, else everything", _lately_then_all(7), LATEST)
    yield laboratory("a year, else the time before", _lately_then_earlier, EVER)
    yield laboratory("the newest, and the window", _sorted_head_then_window, WINDOWED)
    yield laboratory("by patient and by subject", _both_patients_parameters, LABS)
    yield laboratory("every id of the compartment", all_pages(_compartment), LABS)


def _compartment(q: Question) -> str:
    return f"Observation?subject:Patient=Patient/{q.mrn}&_sort=-date&_count=150"
