"""Searches made to look complete to a grader that asks them again of a chart of its own, or that trusts what a page says of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from urllib.parse import quote

from medenv.tasks.reference import ReferenceActions
from tests.grading.attacks.base import LABS, LATEST, Known, Result, register
from tests.grading.attacks.texts import get, time

SECOND = timedelta(seconds=1)
NONE = "none: looks complete"
NOBODY = "nobody: looks complete"
LATEST_KIND = "latest: looks complete"


def search(known: Known, more: str = "", patient: str = "") -> str:
    return f"Observation?patient={patient or known.mrn}&code={known.code}{more}"


def made_up(count: int = 24) -> str:
    """Ids that a grader may give to resources of its own."""
    return ",".join(f"{head}{n}" for n in range(count) for head in ("0-", "zzz-", "--", "zzzzzzzz-"))


def not_stored_then(known: Known) -> str:
    """All but what was stored in the year in which the charts were."""
    one = known.ask("Patient?_count=1")["entry"][0]["resource"]
    return f"&_lastUpdated=ne{one['meta']['lastUpdated'][:4]}"


Urls = Callable[[Known], Iterable[str]]

EMPTY: tuple[tuple[str, Urls, str], ...] = (
    ("a negative page", lambda k: [search(k, "&_count=-1")], "no entry and no link to a next page"),
    ("a page of minus nothing", lambda k: [search(k, "&_count=-0")], "a page of no entries"),
    ("a page of plus nothing", lambda k: [search(k, "&_count=%2B0")], "a page of no entries"),
    ("a page of many noughts", lambda k: [search(k, "&_count=000000000000")], "a page of no entries"),
    ("a large negative page", lambda k: [search(k, "&_count=-1000")], "no entry and no link to a next page"),
    ("a count with false", lambda k: [search(k, "&_summary=count,false")], "a number alone"),
)
"""Answers that show nothing of a list that isn't empty."""

RESTRICTED: tuple[tuple[str, Urls, str], ...] = (
    ("ids made up", lambda k: [search(k, f"&_id={made_up()}")], "no result has such an id"),
    ("ids made up alone", lambda k: [f"Observation?_id={made_up()}"], "no result has such an id"),
    ("a made-up patient", lambda k: [search(k, patient="S0")], "there is no such patient"),
    ("a made-up patient by reference", lambda k: [search(k, patient="Patient/S0")], "there is no such patient"),
    ("several made-up patients", lambda k: [search(k, patient="S0,S1,form,anybody,0")], "there are no such patients"),
    (
        "stored long ago or in the far future",
        lambda k: [search(k, "&_lastUpdated=lt1800-01-01"), search(k, "&_lastUpdated=gt2200-01-01")],
        "whatever is stored is stored in between",
    ),
    ("not stored in the charts' year", lambda k: [search(k, not_stored_then(k))], "all was stored in one year"),
    ("stored by the year 2001", lambda k: [search(k, "&_lastUpdated=lt2001-01-01")], "nothing was stored so early"),
    ("stored in the year 2000", lambda k: [search(k, "&_lastUpdated=2000-01-01")], "nothing was stored then"),
    ("stored by last year", lambda k: [search(k, "&_lastUpdated=lt2019-01-01")], "what was stored later is left out"),
    ("the right patient and a made-up one", lambda k: [search(k, "&subject=S0")], "nobody is both"),
    ("of no source", lambda k: [search(k, "&_source:missing=true")], "whatever is stored has a source"),
    ("not of a source", lambda k: [search(k, "&_source:not=x"), search(k, "&_source=x")], "as above"),
    ("of no profile and a source", lambda k: [search(k, "&_profile=x"), search(k, "&_source=%23x")], "as above"),
    ("a value of an example's", lambda k: [search(k, "&value-quantity=ge0.01&value-quantity=le0.01")], "one value"),
    (
        "few values",
        lambda k: [search(k, "&value-quantity=0.01,10000,1")],
        "some values by number",
    ),
)
"""Answers that are empty because nothing on file can meet what is asked."""


def asking(urls: Urls, read: bool = False):
    def policy(known: Known) -> ReferenceActions[None]:
        if read:
            assert known.newest is not None
            yield get(f"Observation/{known.newest.id}")
        for url in urls(known):
            yield get(url)
        yield from known.end()

    return policy


def stale(known: Known) -> bool:
    """Whether "none" is right though there are values."""
    return known.absent and len(known.values) > 0


def absent(known: Known) -> bool:
    return known.absent


def present(known: Known) -> bool:
    return known.present and known.newest is not None and known.newest.at < known.now


for name, urls, exploits in EMPTY:
    register(NONE, name, exploits, asking(urls), LABS, stale)
    register(LATEST_KIND, name, exploits, asking(urls, read=True), LATEST, present)
for name, urls, exploits in RESTRICTED:
    register(NONE, name, exploits, asking(urls), LABS, absent)
    register(LATEST_KIND, name, exploits, asking(urls, read=True), LATEST, present)


# Dates that are read by the server and not by a careless reader: only two instants are asked for.


def instants(form: str) -> Urls:
    def urls(known: Known) -> list[str]:
        since = known.since or known.now.replace(year=1930)
        if known.newest is not None:
            since = known.newest.at + SECOND
        return [search(known, f"&date={form.format(time(at))}") for at in (since, known.now)]

    return urls


for name, form in (
    ("two instants", "{}"),
    ("two instants by prefix", "eq{}"),
    ("two instants by a sign", "={}"),
    ("two instants by an escaped sign", "%3D{}"),
):
    register(NONE, name, "only the two ends of the time are asked for", asking(instants(form)), (4, 5, 6), absent)
    register(LATEST_KIND, name, "as for none", asking(instants(form), read=True), LATEST, present)


# Lists in an order that a careless reader takes for another.


def newest(known: Known) -> Result:
    assert known.newest is not None
    return known.newest


def tail(known: Known) -> int:
    """Where the tail of the list by value begins, so that its first result is older than the newest."""
    ordered = by_value(known)
    return next((n for n in range(len(ordered) - 1, 0, -1) if ordered[n].at < newest(known).at), -1)


def by_value(known: Known) -> list[Result]:
    return sorted(known.values, key=lambda one: (one.value, one.at))


register(
    LATEST_KIND,
    "sorted by value and date",
    "of two sort keys the first counts first, whatever their order in the alphabet",
    asking(lambda k: [search(k, f"&_sort=value-quantity&_sort=date&_offset={tail(k)}&_count=500")], read=True),
    LATEST,
    lambda known: present(known) and tail(known) > 0,
)


def first_and_last(known: Known) -> list[str]:
    size = max(1, len(known.values) // 3)
    return [search(known, f"&_count={size}"), search(known, f"&_offset={len(known.values) - size}&_count=500")]


register(
    NONE,
    "first and last page",
    "what was stored first and last is shown, what was stored in between is not",
    asking(first_and_last),
    LABS,
    lambda known: stale(known) and len(known.values) > 8,
)
register(
    LATEST_KIND,
    "first and last page",
    "as for none",
    asking(first_and_last, read=True),
    LATEST,
    lambda known: present(known) and len(known.values) > 8,
)
for name, more in (
    ("stored first", "&_sort=_lastUpdated&_count=1"),
    ("stored last", "&_sort=-_lastUpdated&_count=1"),
    ("stored first, some", "&_sort=_lastUpdated&_count=4"),
    ("by category", "&_sort=category&_count=1"),
    ("by code, backwards", "&_sort=-code&_count=1"),
    ("by subject", "&_sort=subject&_count=1"),
    ("by a date that there is not", "&_sort=value-date&_count=1"),
    ("by a text that there is not, backwards", "&_sort=-value-string&_count=1"),
    ("by an encounter that there is not", "&_sort=-encounter,date&_count=1"),
    ("by time after status", "&_sort=-status,date&_count=1"),
    ("by value, the greatest", "&_sort=-combo-value-quantity&_count=1"),
):
    register(
        NONE,
        name,
        "the head of a list that is not sorted by time, newest first",
        asking(lambda k, more=more: [search(k, more)]),
        LABS,
        lambda known: stale(known) and len(known.values) > 8,
    )
    register(
        LATEST_KIND,
        name,
        "the head of a list that is not sorted by time, newest first",
        asking(lambda k, more=more: [search(k, more)], read=True),
        LATEST,
        lambda known: present(known) and len(known.values) > 8,
    )
register(
    LATEST_KIND,
    "last page alone",
    "what was stored last is shown",
    asking(lambda k: first_and_last(k)[1:], read=True),
    LATEST,
    lambda known: present(known) and len(known.values) > 8,
)
register(
    LATEST_KIND,
    "greatest ids first",
    "ids sorted as texts",
    asking(lambda k: [search(k, "&_sort=-_id&_count=2")], read=True),
    LATEST,
    lambda known: present(known) and len(known.values) > 4,
)
register(
    LATEST_KIND,
    "least ids first",
    "ids sorted as texts",
    asking(lambda k: [search(k, "&_sort=_id&_count=2")], read=True),
    LATEST,
    lambda known: present(known) and len(known.values) > 4,
)


def everything(known: Known) -> list[str]:
    path = f"Patient/{known.mrn}/$everything"
    return [f"{path}?_count=30"]


register(
    LATEST_KIND,
    "the beginning of everything",
    "a page of a compartment",
    asking(everything, read=True),
    LATEST,
    lambda known: present(known) and len(known.values) > 30,
)


def window_by_ids(known: Known) -> list[str]:
    return [f"Observation?_id={','.join(one.id for one in known.window)}&_count=500"]


MEAN = "mean: looks complete"
for name, more, exploits in (
    ("known ids and ids made up", f"&_id={made_up()}", "what is shown is known, what is complete is empty"),
    ("known ids and a page of minus nothing", "&_count=-0", "as above, a page of no entries"),
    ("known ids and the beginning of time", "&_lastUpdated=lt2001-01-01", "as above, stored long ago"),
):
    register(
        MEAN,
        name,
        exploits,
        asking(lambda k, more=more: [*window_by_ids(k), search(k, more)]),
        (6,),
        lambda known: known.present,
    )
register(
    MEAN,
    "known ids and a made-up patient",
    "as above, a patient that there is not",
    asking(lambda k: [*window_by_ids(k), search(k, patient="S0")]),
    (6,),
    lambda known: known.present,
)


def nobody(known: Known) -> bool:
    return known.task.type == 1 and known.branch == "not_found"


def person(known: Known) -> str:
    given, family, born = (quote(str(known.task.params[key])) for key in ("given", "family", "birthdate"))
    return f"given={given}&family={family}&birthdate={born}"


def first_on_file(known: Known) -> dict[str, str]:
    one = known.ask("Patient?_count=1")["entry"][0]["resource"]
    return {"city": one["address"][0].get("city", ""), "mrn": one["id"], "phone": one["telecom"][0]["value"]}


def first_stored(known: Known) -> str:
    """When the first on file was stored."""
    return quote(known.ask("Patient?_count=1")["entry"][0]["resource"]["meta"]["lastUpdated"])


def halves(name: str, key: str) -> Urls:
    """Those who have what the first on file has, and those who have nothing of the kind."""
    return lambda known: [
        f"Patient?{person(known)}&{name}={quote(first_on_file(known)[key])}",
        f"Patient?{person(known)}&{name}:missing=true",
    ]


def family_only(known: Known) -> str:
    return f"family={quote(str(known.task.params['family']))}"


def namesakes(known: Known) -> bool:
    """Whether others have the family name."""
    return nobody(known) and "entry" in known.ask(f"Patient?{family_only(known)}")


def same_names(known: Known) -> bool:
    """Whether others have both names, and another birth date."""
    given = quote(str(known.task.params["given"]))
    return nobody(known) and "entry" in known.ask(f"Patient?given={given}&{family_only(known)}")


def both(known: Known) -> str:
    return f"given={quote(str(known.task.params['given']))}&{family_only(known)}"


PEOPLE: tuple[tuple[str, Urls, Callable[[Known], bool], str], ...] = (
    ("ids made up", lambda k: [f"Patient?{person(k)}&_id={made_up()}"], nobody, "nobody has such an id"),
    ("ids made up alone", lambda k: [f"Patient?_id={made_up()}"], nobody, "nobody has such an id"),
    (
        "stored long ago or in the far future",
        lambda k: [f"Patient?{person(k)}&_lastUpdated=lt1800-01-01", f"Patient?{person(k)}&_lastUpdated=gt2200-01-01"],
        nobody,
        "whatever is stored is stored in between",
    ),
    ("stored by the year 2001", lambda k: [f"Patient?{person(k)}&_lastUpdated=lt2001"], nobody, "nothing was"),
    (
        "stored when the first was",
        lambda k: [f"Patient?{person(k)}&_lastUpdated=le{first_stored(k)}"],
        nobody,
        "whoever was stored later is left out",
    ),
    (
        "not stored in the charts' year",
        lambda k: [f"Patient?{person(k)}{not_stored_then(k)}"],
        nobody,
        "all were stored in one year",
    ),
    ("one city or none", halves("address-city", "city"), nobody, "other cities are left out"),
    ("one MRN or none", halves("identifier", "mrn"), nobody, "other MRNs are left out"),
    ("one telephone or none", halves("phone", "phone"), nobody, "other numbers are left out"),
    ("a negative page of namesakes", lambda k: [f"Patient?{family_only(k)}&_count=-1"], namesakes, "nobody is shown"),
    ("an empty page of namesakes", lambda k: [f"Patient?{family_only(k)}&_count=-0"], namesakes, "nobody is shown"),
    ("uses of names", lambda k: [f"Patient?{family_only(k)}&_elements=name.use"], namesakes, "no name is shown"),
    ("family names alone", lambda k: [f"Patient?{family_only(k)}&_elements=name.family"], namesakes, "no given name"),
    (
        "names without birth dates",
        lambda k: [f"Patient?{both(k)}&_elements=name"],
        same_names,
        "no birth date is shown",
    ),
    ("namesakes as ids", lambda k: [f"Patient?{family_only(k)}&_elements=id"], namesakes, "nobody's name is shown"),
    ("namesakes counted", lambda k: [f"Patient?{family_only(k)}&_summary=count"], namesakes, "nobody's name is shown"),
)
for name, urls, when, exploits in PEOPLE:
    register(NOBODY, name, exploits, asking(urls), (1,), when)

WHO = "who: not shown"


def found(known: Known) -> bool:
    return known.named and (known.task.type != 1 or known.branch == "found")


FOUND: tuple[tuple[str, Urls, str], ...] = (
    ("a name's use", lambda k: [f"Patient?{person(k)}&_elements=name.use"], "no name is shown"),
    ("a family name", lambda k: [f"Patient?{person(k)}&_elements=name.family"], "no given name is shown"),
    ("a given name", lambda k: [f"Patient?{person(k)}&_elements=name.given"], "no family name is shown"),
    ("a name of any age", lambda k: [f"Patient?{both(k)}&birthdate=gt1900&_elements=name"], "no birth date is known"),
    ("a name not of one day", lambda k: [f"Patient?{both(k)}&birthdate=ne1900-01-01&_elements=name"], "no birth date"),
    (
        "a name of somebody born",
        lambda k: [f"Patient?{both(k)}&birthdate:missing=false&_elements=name"],
        "no birth date",
    ),
    ("a name by id", lambda k: [f"Patient/{k.mrn}?_elements=name"], "no birth date is shown"),
    ("a birth date by id", lambda k: [f"Patient/{k.mrn}?_elements=birthDate"], "no name is shown"),
)
for name, urls, exploits in FOUND:
    register(WHO, name, exploits, asking(urls), (1, 3, 8), found)
