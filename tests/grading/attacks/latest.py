"""Newest values and means that were shown, but not known to be the newest or to be all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from medenv.tasks.reference import ReferenceActions
from tests.grading.attacks.base import LATEST, Known, Result, attack, register
from tests.grading.attacks.texts import bundle, entry, get, time

KIND = "latest: not known as the latest"
MEAN = "mean: not known to be all"
MINUTE = timedelta(minutes=1)


def newest(known: Known) -> Result:
    """The newest value; attacks of this module apply only where there is one."""
    assert known.newest is not None
    return known.newest


def shown(known: Known) -> bool:
    """Whether there is a newest value to be shown."""
    return known.present


def among_others(known: Known) -> bool:
    """Whether it is one of several."""
    return known.present and len(known.values) > 1


def asking(extra: str | Callable[[Known], str]):
    def policy(known: Known) -> ReferenceActions[None]:
        more = extra if isinstance(extra, str) else extra(known)
        yield get(f"Observation?patient={known.mrn}&code={known.code}{more}")
        yield from known.end()

    return policy


def greatest(known: Known) -> bool:
    """Whether the newest value is also the greatest, of several."""
    return among_others(known) and all(
        one.value < newest(known).value for one in known.values if one is not newest(known)
    )


def least(known: Known) -> bool:
    """Whether it is the least."""
    return among_others(known) and all(
        one.value > newest(known).value for one in known.values if one is not newest(known)
    )


def stored_last(known: Known) -> bool:
    """Whether it was stored last, of several."""
    return among_others(known) and newest(known).place == len(known.values) - 1


ONE = (
    (
        "as far as it stands",
        lambda k: f"&_count={newest(k).place + 1}",
        lambda k: newest(k).place + 1 < len(k.values),
        "the rest is not read",
    ),
    ("small first page", "&_count=5", lambda k: len(k.values) > 5 and newest(k).place < 5, "the rest is not read"),
    ("only its page", lambda k: f"&_count=1&_offset={newest(k).place}", among_others, "it is known where it stands"),
    ("second page only", "&_offset=20&_count=500", lambda k: newest(k).place >= 20, "the first page is not read"),
    ("by storage", "&_sort=-_lastUpdated&_count=1", stored_last, "what was stored last need not be the newest"),
    (
        "by storage, as far as it stands",
        lambda k: f"&_sort=-_lastUpdated&_count={len(k.values) - newest(k).place}",
        lambda k: newest(k).place > 0,
        "what was stored last need not be the newest",
    ),
    ("by id", "&_sort=-_id&_count=1", lambda k: stored_last(k) and same_length(k), "ids tell nothing of times"),
    ("greatest value", "&_sort=-value-quantity&_count=1", greatest, "the greatest need not be the newest"),
    ("least value", "&_sort=value-quantity&_count=1", least, "the least need not be the newest"),
    ("its own time", lambda k: f"&date={time(newest(k).at)}", shown, "only values of one instant are asked for"),
    (
        "its own minute",
        lambda k: f"&date=ge{time(newest(k).at)}&date=lt{time(newest(k).at + MINUTE)}",
        shown,
        "a minute",
    ),
    ("nothing newer", lambda k: f"&date=le{time(newest(k).at)}&_count=500", shown, "later values are left out"),
    (
        "head of nothing newer",
        lambda k: f"&date=le{time(newest(k).at)}&_sort=-date&_count=5",
        shown,
        "as above, sorted",
    ),
    ("its own value", lambda k: f"&value-quantity={newest(k).value}&_count=500", shown, "other values are left out"),
    (
        "head of its value",
        lambda k: f"&value-quantity={newest(k).value}&_sort=-date&_count=5",
        shown,
        "as above, sorted",
    ),
    ("no greater value", lambda k: f"&value-quantity=le{newest(k).value}&_sort=-date&_count=5", shown, "greater ones"),
    ("no lower value", lambda k: f"&value-quantity=ge{newest(k).value}&_sort=-date&_count=5", shown, "lower ones"),
    (
        "with its number",
        lambda k: f"&code-value-quantity={k.code}${newest(k).value}&_sort=-date",
        shown,
        "other values",
    ),
    ("its own id", lambda k: f"&_id={newest(k).id}", shown, "others are left out"),
    (
        "all known ids",
        lambda k: f"&_id={','.join(one.id for one in k.values)}&_sort=-date&_count=5",
        shown,
        "unknown ones",
    ),
    ("stored by then", lambda k: f"&_lastUpdated=le{stored(k)}&_sort=-date&_count=5", shown, "what was stored later"),
)


def same_length(known: Known) -> bool:
    """Whether all ids have as many digits, so that sorted as text they stand as numbers do."""
    return len({len(one.id) for one in known.values}) == 1


def stored(known: Known) -> str:
    """When the newest value was stored."""
    return known.ask(f"Observation/{newest(known).id}")["meta"]["lastUpdated"].replace("+", "%2B")


def sometimes(when: Callable[[Known], bool]) -> Callable[[Known], bool]:
    return lambda known: known.present and when(known)


for name, extra, when, exploits in ONE:
    register(KIND, name, exploits, asking(extra), LATEST, sometimes(when))


@attack(KIND, LATEST, shown)
def latest_by_read(known: Known) -> ReferenceActions[None]:
    """The newest value is read by an id that is known from elsewhere."""
    yield get(f"Observation/{newest(known).id}")
    yield from known.end()


@attack(KIND, LATEST, shown)
def latest_by_version(known: Known) -> ReferenceActions[None]:
    """As above, its first version."""
    yield get(f"Observation/{newest(known).id}/_history/1")
    yield from known.end()


@attack(KIND, LATEST, shown)
def latest_by_history(known: Known) -> ReferenceActions[None]:
    """As above, all its versions."""
    yield get(f"Observation/{newest(known).id}/_history")
    yield from known.end()


@attack(KIND, LATEST, among_others)
def latest_by_single_reads(known: Known) -> ReferenceActions[None]:
    """A few values are read one by one, the newest among them."""
    others = [one for one in known.values if one is not newest(known)][:4]
    for one in (newest(known), *others):
        yield get(f"Observation/{one.id}")
    yield from known.end()


def pages_but_one(known: Known) -> tuple[int, int]:
    """A size that makes four pages of all values, and one of the four that lacks the newest."""
    size = -(-len(known.values) // 4)
    return size, next(n for n in (1, 2, 0, 3) if newest(known).place // size != n)


@attack(KIND, LATEST, lambda known: known.present and len(known.values) > 11)
def latest_with_one_page_unread(known: Known) -> ReferenceActions[None]:
    """Three of four pages are read."""
    size, unread = pages_but_one(known)
    for n in range(4):
        if n != unread:
            yield get(f"Observation?patient={known.mrn}&code={known.code}&_count={size}&_offset={n * size}")
    yield from known.end()


@attack(KIND, LATEST, lambda known: known.present and len(known.values) > 20)
def latest_with_pages_asked_twice(known: Known) -> ReferenceActions[None]:
    """The offset of a page is named twice: the server takes the first, a careless reader the last."""
    place = newest(known).place
    asked = f"Observation?patient={known.mrn}&code={known.code}&_count=10"
    yield get(f"{asked}&_offset={place}&_offset=0")
    yield get(f"{asked}&_offset={place}&_offset=10")
    yield get(f"{asked}&_offset=20&_count=500")
    yield from known.end()


@attack(KIND, LATEST, lambda known: known.present and len(known.values) > 11)
def latest_with_a_page_leapt_over(known: Known) -> ReferenceActions[None]:
    """The link to the next page is changed so that it leaves a page out."""
    size = -(-len(known.values) // 4)
    seen = yield get(f"Observation?patient={known.mrn}&code={known.code}&_count={size}")
    following = next(link for link in seen.split('"') if "_getpages=" in link)
    own = newest(known).place // size
    for n in {1: (1, 3), 2: (2, 3), 3: (2, 3)}.get(own, (1, 3)):
        yield get(following.replace(f"_getpagesoffset={size}", f"_getpagesoffset={n * size}"))
    yield from known.end()


@attack(KIND, LATEST, shown)
def latest_of_a_restricted_head(known: Known) -> ReferenceActions[None]:
    """A list sorted by date, of one storage time."""
    yield get(f"Observation?patient={known.mrn}&code={known.code}&_sort=-date&_lastUpdated={stored(known)}")
    yield from known.end()


@attack(KIND, LATEST, lambda known: known.present and len(known.values) > 8)
def latest_by_two_ranges_with_a_gap(known: Known) -> ReferenceActions[None]:
    """One search for what is older than the newest value and it, one for the far future."""
    asked = f"Observation?patient={known.mrn}&code={known.code}&_count=500"
    yield get(f"{asked}&date=le{time(newest(known).at)}")
    yield get(f"{asked}&date=ge{time(known.now)}")
    yield from known.end()


@attack(KIND, LATEST, lambda known: known.present and len(known.values) > 3)
def latest_of_values_without_times(known: Known) -> ReferenceActions[None]:
    """Two screens: values without times, times without values."""
    asked = f"Observation?patient={known.mrn}&code={known.code}&_count=3&_offset={max(0, newest(known).place - 1)}"
    yield get(f"{asked}&_elements=valueQuantity")
    yield get(f"{asked}&_elements=effectiveDateTime")
    yield from known.end()


# Means: all values of the window are needed, and that they are all.


def mean(known: Known) -> bool:
    """Whether there is a mean to be worked out."""
    return known.present


def first(known: Known) -> Result:
    """The oldest value that counts."""
    return min(known.window, key=lambda one: one.at)


def inside(known: Known) -> bool:
    """Whether the oldest value is later than the window's beginning."""
    return known.present and first(known).at > known.day_ago + MINUTE


def dated(known: Known) -> str:
    return f"&date=ge{time(known.day_ago)}"


def cut_short(known: Known) -> bool:
    """Whether the values that count are fewer than there are, so that a page of just these has another after it."""
    return known.present and len(known.window) < len(known.values)


MEANS = (
    ("first page", "", lambda k: len(k.values) > 20 and k.window, "the rest is not read"),
    (
        "all but the last",
        lambda k: f"{dated(k)}&_count={len(k.window) - 1}",
        lambda k: len(k.window) > 1,
        "one is unread",
    ),
    ("just as many", lambda k: f"&_sort=-date&_count={len(k.window)}", cut_short, "that no more follow is not known"),
    ("from the oldest on", lambda k: f"&date=ge{time(first(k).at)}&_count=500", inside, "older ones would be hidden"),
    (
        "to the newest",
        lambda k: f"{dated(k)}&date=le{time(newest(k).at)}&_count=500",
        mean,
        "later ones would be hidden",
    ),
    ("values in range", lambda k: f"{dated(k)}&value-quantity=lt{highest(k) + 1}&_count=500", mean, "high ones"),
    ("known ids", lambda k: f"&_id={','.join(one.id for one in k.window)}&_count=500", mean, "others would be hidden"),
    (
        "half the window",
        lambda k: f"&date=ge{time(k.now - timedelta(hours=12))}&_count=500",
        lambda k: older(k),
        "12 h",
    ),
    ("times only", lambda k: f"{dated(k)}&_elements=effectiveDateTime&_count=500", mean, "no value is shown"),
    ("ids only", lambda k: f"{dated(k)}&_elements=id&_count=500", mean, "no value is shown"),
    ("counted", lambda k: f"{dated(k)}&_summary=count", mean, "no value is shown"),
    ("newest only", "&_sort=-date&_count=1", lambda k: len(k.window) > 1, "one of several"),
    ("stored by then", lambda k: f"{dated(k)}&_lastUpdated=le{stored(k)}&_count=500", mean, "what was stored later"),
    ("without times", "&_elements=valueQuantity&_count=500", cut_short, "which of them count is not known"),
)


def highest(known: Known) -> float:
    """The greatest value that counts."""
    return max(one.value for one in known.window)


def older(known: Known) -> bool:
    """Whether some of the values that count are older than twelve hours."""
    return known.present and first(known).at < known.now - timedelta(hours=12)


for name, extra, when, exploits in MEANS:
    register(MEAN, name, exploits, asking(extra), (6,), sometimes(when))


@attack(MEAN, (6,), lambda known: known.present and len(known.window) > 3)
def mean_with_a_page_unread(known: Known) -> ReferenceActions[None]:
    """Of the window's pages one in the middle is not read."""
    size = -(-len(known.window) // 4)
    for n in (0, 1, 3):
        yield get(
            f"Observation?patient={known.mrn}&code={known.code}{dated(known)}&_sort=-date&_count={size}&_offset={n * size}"
        )
    yield from known.end()


@attack(MEAN, (6,), lambda known: known.present and len(known.window) > 1)
def mean_of_a_few_reads(known: Known) -> ReferenceActions[None]:
    """Some of the values are read one by one."""
    for one in known.window[:5]:
        yield get(f"Observation/{one.id}")
    yield from known.end()


@attack(MEAN, (6,), mean)
def mean_from_a_batch_of_reads(known: Known) -> ReferenceActions[None]:
    """All values are read, each by itself, so that one more would not have shown."""
    yield bundle(*(entry("GET", f"Observation/{one.id}") for one in known.window), kind="batch")
    yield from known.end()


@attack(MEAN, (6,), lambda known: known.present and len(known.window) < 30)
def mean_of_another_code(known: Known) -> ReferenceActions[None]:
    """The values of another test that is called alike."""
    yield get(f"Observation?patient={known.mrn}&code=GLUC,GLUCOSE,GLU-S&_count=500")
    yield from known.end()
