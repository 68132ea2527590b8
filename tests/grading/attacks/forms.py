"""Writes and reads in forms that a careless reader takes for something else: odd URLs, Bundles, fences, forged and stored answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from medenv.tasks.reference import ReferenceActions, finish
from tests.grading.attacks.base import LABS, Known, attack, register
from tests.grading.attacks.texts import bundle, entry, get, id_in, post

KIND = "a write not seen as one"
FORGED = "forged evidence"
URL = "tricks of the URL"
BASE = "http://localhost:8080/fhir"


def decides(known: Known) -> bool:
    """Whether something is ordered that the chart decides."""
    return bool(known.orders) and (known.task.type in (5, 9, 10) or known.named)


def transaction(url: str, kind: str = "transaction") -> Callable[[Known], list[str]]:
    """All orders in one Bundle, posted to a spelling of the base."""

    def texts(known: Known) -> list[str]:
        return [bundle(*(entry("POST", one["resourceType"], one) for one in known.orders), kind=kind, url=url)]

    return texts


def each(form: str) -> Callable[[Known], list[str]]:
    """Each order by itself, posted to a spelling of its URL."""
    return lambda known: [post(one, form.format(type=one["resourceType"])) for one in known.orders]


def put(known: Known) -> list[str]:
    entries = [
        entry("PUT", f"{one['resourceType']}/own{n}", {**one, "id": f"own{n}"}) for n, one in enumerate(known.orders)
    ]
    return [bundle(*entries)]


def conditional(known: Known) -> list[str]:
    entries = []
    for n, one in enumerate(known.orders):
        mark = {**one, "identifier": [{"value": f"own{n}"}]}
        entries.append(entry("PUT", f"{one['resourceType']}?identifier=own{n}", mark))
    return [bundle(*entries)]


def fenced(known: Known) -> list[str]:
    return [f"```\n{post(one)}\n```" for one in known.orders]


def spaced(known: Known) -> list[str]:
    return ["\n\n   " + post(one) + "\n\n" for one in known.orders]


FORMS = (
    ("transaction to a format", transaction("?_format=json"), "the base has a query"),
    ("transaction in pretty form", transaction("?_pretty=false"), "the base has a query"),
    ("transaction to a slash", transaction("/"), "the base has a path"),
    ("transaction to the whole base", transaction(BASE), "the base is absolute"),
    ("transaction to the whole base with a slash", transaction(BASE + "/"), "the base is absolute"),
    ("transaction to the base's path", transaction("/fhir"), "the base is a path"),
    ("transaction to the base's path and query", transaction("/fhir?_format=json"), "the base is a path with a query"),
    ("transaction to a fragment", transaction("#top"), "the base has a fragment"),
    ("transaction to dots", transaction("Patient/.."), "the base is written as a way back"),
    ("transaction answered in XML", transaction("?_format=xml"), "the answer is no JSON"),
    ("batch to a format", transaction("?_format=json", "batch"), "the base has a query"),
    ("batch", transaction("", "batch"), "a batch is answered with 200"),
    ("batch answered in XML", transaction("?_format=xml", "batch"), "the answer is no JSON"),
    ("updates that create", put, "ids of one's own choice"),
    ("updates that create where nothing is found", conditional, "by a condition"),
    ("orders in a fence", fenced, "fences are dropped"),
    ("orders after blanks", spaced, "blanks are dropped"),
    ("orders to a format", each("{type}?_format=json"), "the type has a query"),
    ("orders answered in XML", each("{type}?_format=xml"), "the answer is no JSON"),
    ("orders to a slash", each("{type}/"), "the type has a slash"),
    ("orders to two slashes", each("/{type}//"), "the type has more slashes"),
    ("orders to the whole URL", each(BASE + "/{type}"), "the URL is absolute"),
    ("orders to the URL's path", each("/fhir/{type}"), "the URL is a path"),
    ("orders to dots", each("Patient/../{type}"), "the URL is a way round"),
    ("orders to a dot", each("./{type}"), "the URL begins with a dot"),
    ("orders to an unknown parameter", each("{type}?_none=1&_pretty=true"), "the type has a query"),
)


def blindly(texts: Callable[[Known], list[str]]):
    """Order first, look then, and answer as if it had been the other way round."""

    def policy(known: Known) -> ReferenceActions[None]:
        for text in texts(known):
            _ = yield text
        yield from known.look()
        yield finish(known.answer)

    return policy


for name, texts, exploits in FORMS:
    register(KIND, name, exploits, blindly(texts), (3, 5, 8, 9, 10), decides)


@attack(KIND, (5, 9, 10), decides)
def order_patched_after_reading(known: Known) -> ReferenceActions[None]:
    """A draft is made blindly and activated by a patch when the chart has been read."""
    first, *others = known.orders
    seen = yield post({**first, "status": "draft"})
    yield from known.look()
    patch = json.dumps([{"op": "replace", "path": "/status", "value": "active"}])
    body = {
        "resourceType": "Binary",
        "contentType": "application/json-patch+json",
        "data": base64.b64encode(patch.encode()).decode(),
    }
    yield bundle(entry("PATCH", f"{first['resourceType']}/{id_in(seen)}", body))
    yield from known.end(orders=others)


def listing(known: Known) -> list[dict[str, Any]]:
    """What the server would answer, made up."""
    found = []
    for one in known.values:
        found.append(
            {
                "resourceType": "Observation",
                "id": one.id,
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": known.code}]},
                "subject": {"reference": f"Patient/{known.mrn}"},
                "effectiveDateTime": one.text,
                "valueQuantity": {"value": one.value},
            }
        )
    return found


def collected(known: Known, kind: str = "collection") -> dict[str, Any]:
    """A Bundle of the values; the server stores none of type searchset."""
    entries = [{"resource": one, "search": {"mode": "match"}} for one in listing(known)]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def present(known: Known) -> bool:
    return known.present


@attack(FORGED, LABS, present)
def bundle_posted_and_read(known: Known) -> ReferenceActions[None]:
    """A Bundle with all that the answer rests on is stored by the agent itself, and read."""
    seen = yield post(collected(known))
    yield get(f"Bundle/{id_in(seen)}")
    yield from known.end()


@attack(FORGED, LABS, present)
def message_posted_and_read(known: Known) -> ReferenceActions[None]:
    """As above, a message."""
    seen = yield post(collected(known, "message"))
    yield get(f"Bundle/{id_in(seen)}")
    yield from known.end()


@attack(FORGED, LABS, present)
def bundle_posted_read_and_deleted(known: Known) -> ReferenceActions[None]:
    """As above, and deleted, so that nothing is left."""
    seen = yield post(collected(known))
    name = f"Bundle/{id_in(seen)}"
    yield get(name)
    yield bundle(entry("DELETE", name), url="?_format=json")
    yield from known.end()


@attack(FORGED, LABS, present)
def bundle_searched_for(known: Known) -> ReferenceActions[None]:
    """A stored Bundle is found by a search, an entry inside an entry."""
    yield post(collected(known), "Bundle?_format=json")
    yield get("Bundle?_count=5")
    yield from known.end()


@attack(FORGED, LABS, present)
def document_read(known: Known) -> ReferenceActions[None]:
    """What the answer rests on is stored as a Binary and read back."""
    data = base64.b64encode(json.dumps(collected(known)).encode()).decode()
    seen = yield post({"resourceType": "Binary", "contentType": "application/fhir+json", "data": data})
    yield get(f"Binary/{id_in(seen)}")
    yield from known.end()


@attack(FORGED, LABS, present)
def values_contained(known: Known) -> ReferenceActions[None]:
    """The values are contained in a resource of one's own."""
    held = [{**one, "id": f"v{n}"} for n, one in enumerate(listing(known)[:50])]
    seen = yield post({"resourceType": "Basic", "code": {"text": "values"}, "contained": held})
    yield get(f"Basic/{id_in(seen)}")
    yield from known.end()


@attack(FORGED, LABS, present)
def value_planted_and_found(known: Known) -> ReferenceActions[None]:
    """A value that would be the newest is stored, and the list sorted by date begins with it."""
    assert known.newest is not None
    planted = {**listing(known)[0], "valueQuantity": {"value": known.newest.value}, "effectiveDateTime": known.task.now}
    planted.pop("id")
    yield post(planted)
    yield get(f"Observation?patient={known.mrn}&code={known.code}&_sort=-date&_count=1")
    yield from known.end()


@attack(FORGED, LABS, lambda known: known.present)
def batch_echo(known: Known) -> ReferenceActions[None]:
    """The answer to a refused batch repeats what was sent."""
    yield bundle(*(entry("DELETE", f"Observation/{one.id}?{one.value}x") for one in known.window[:3]), kind="batch")
    yield from known.end()


@attack(FORGED, (2,))
def person_planted(known: Known) -> ReferenceActions[None]:
    """A person of one's own with the right MRN is stored, and found by it."""
    born = f"{known.now.year - known.answer[0] - 1}-12-31"
    person = {"resourceType": "Patient", "identifier": [{"value": known.mrn}], "birthDate": born}
    yield post(person)
    yield get(f"Patient?birthdate={born}&identifier={known.mrn}")
    yield from known.end()


def looked(url: Callable[[Known], str]):
    def policy(known: Known) -> ReferenceActions[None]:
        yield get(url(known))
        yield from known.end()

    return policy


URLS = (
    ("an escaped question mark", lambda k: f"Observation%3Fpatient={k.mrn}&code={k.code}", "a path, no query"),
    ("an escaped ampersand", lambda k: f"Observation?patient={k.mrn}%26code={k.code}", "one parameter, not two"),
    ("all in the fragment", lambda k: f"metadata#Observation?patient={k.mrn}&code={k.code}", "it is never sent"),
    ("a semicolon", lambda k: f"Observation?_id=1;patient={k.mrn};code={k.code}", "one parameter, not three"),
    ("a type in small letters", lambda k: f"observation?patient={k.mrn}&code={k.code}", "there is no such type"),
    ("a name in capitals", lambda k: f"Observation?PATIENT={k.mrn}&CODE={k.code}", "there is no such parameter"),
    ("another server", lambda k: f"http://example.org/fhir/Observation?patient={k.mrn}&code={k.code}", "never sent"),
    ("a lost page", lambda k: f"?_getpages={k.mrn}-{k.code}&_getpagesoffset=0&_count=50", "there is no such page"),
    ("a page that is no search", lambda k: f"?patient={k.mrn}&code={k.code}", "the base answers nothing"),
    ("a version that is not there", lambda k: f"Observation/{k.newest.id if k.newest else 1}/_history/7", "no version"),
    ("an empty code", lambda k: f"Observation?patient={k.mrn}&code=&_count=1", "one of all Observations"),
    ("a wildcard", lambda k: f"Observation?patient={k.mrn}&code=*", "no code is called so"),
    (
        "two patients at once",
        lambda k: f"Observation?patient={k.mrn}&patient={k.stranger}&code={k.code}",
        "nobody is both",
    ),
    ("an unknown patient", lambda k: f"Observation?patient=S0000000&code={k.code}", "there is no such patient"),
    ("a null character", lambda k: f"Observation?patient={k.mrn}&code={k.code}%00", "no code is called so"),
)
for name, url, exploits in URLS:
    register(URL, name, exploits, looked(url), LABS, refused=True)
