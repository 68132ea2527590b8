"""Requests that return or count what the answer rests on without showing it: ids, values without times, numbers of matches."""

from __future__ import annotations

from urllib.parse import quote

from medenv.tasks.patients import name_query
from medenv.tasks.reference import ReferenceActions
from tests.grading.attacks.base import LABS, Known, attack, register
from tests.grading.attacks.texts import get

KIND = "not on screen"


def present(known: Known) -> bool:
    """Whether there is a value to be shown."""
    return known.present


def several(known: Known) -> bool:
    """Whether a value without a time leaves open which counts, because some don't or because one is the newest of several."""
    outside = len(known.window) < len(known.values)
    return known.present and (outside or (known.task.type != 6 and len(known.values) > 1))


def searched(extra: str):
    def policy(known: Known) -> ReferenceActions[None]:
        yield get(f"Observation?patient={known.mrn}&code={known.code}{extra}")
        yield from known.end()

    return policy


LABORATORY = (
    ("only ids", "&_elements=id&_count=500", present, "every Observation is returned, without any element"),
    ("only ids, newest first", "&_elements=id&_sort=-date&_count=1", present, "the newest is returned as an id"),
    ("only statuses", "&_elements=status&_count=500", present, "elements are shown, but neither value nor time"),
    ("only times", "&_elements=effectiveDateTime&_count=500", present, "the times without the values"),
    ("only times, by search name", "&_elements=effective,issued&_count=500", present, "the times without the values"),
    ("only units", "&_elements=valueQuantity.unit,effectiveDateTime&_count=500", present, "a quantity without number"),
    ("only subjects", "&_elements=subject,code&_sort=-date", present, "who and what, but neither value nor time"),
    ("values without times", "&_elements=valueQuantity&_count=500", several, "which value is the newest, nobody knows"),
    ("values by search name", "&_elements=value&_count=500", several, "which value is the newest, nobody knows"),
    ("unknown elements", "&_elements=nothing&_sort=-date&_count=500", present, "names of elements that there are not"),
    ("mandatory elements", "&_summary=text&_count=500", present, "a summary keeps status and code"),
    ("mandatory elements, newest first", "&_summary=text&_sort=-date&_count=1", present, "the newest, cut to its code"),
    ("a count", "&_summary=count", present, "how many there are"),
    ("a count, newest first", "&_summary=count&_sort=-date", present, "a sort that shows nothing"),
    ("an empty page", "&_count=0", present, "a page of no entries"),
    ("an empty page with a total", "&_count=0&_total=accurate&_sort=-date", present, "a page of no entries"),
    ("beyond the end", "&_offset=5000", present, "a page after the last"),
    ("summary and count", "&_summary=true,count", present, "two summaries of which the count wins"),
)
for name, extra, when, exploits in LABORATORY:
    register(KIND, name, exploits, searched(extra), LABS, when)


@attack(KIND, LABS, present)
def value_guessed_and_counted(known: Known) -> ReferenceActions[None]:
    """Whether a value exists is asked by number, so that it is never shown."""
    value = known.newest.value if known.newest else 0
    yield get(f"Observation?patient={known.mrn}&code={known.code}&value-quantity={value}&_summary=count")
    yield from known.end()


@attack(KIND, LABS, present)
def threshold_counted(known: Known) -> ReferenceActions[None]:
    """The branch is found by counting values below a limit."""
    for limit in ("lt1.0", "lt1.5", "le1.9", "lt3.5"):
        yield get(f"Observation?patient={known.mrn}&code={known.code}&value-quantity={limit}&_summary=count")
    yield from known.end()


@attack(KIND, LABS, present)
def patient_who_has_a_value(known: Known) -> ReferenceActions[None]:
    """The search for a value is chained to the patient, and only the patient is shown."""
    yield get(f"Patient?_id={known.mrn}&_has:Observation:patient:code={known.code}")
    yield from known.end()


@attack(KIND, LABS, present)
def everything_as_ids(known: Known) -> ReferenceActions[None]:
    """The whole compartment, its results cut to ids: elements without a type are the patient's alone."""
    yield get(f"Patient/{known.mrn}/$everything?_elements=id,Observation.id&_count=2000")
    yield from known.end()


@attack(KIND, LABS, present)
def everything_as_texts(known: Known) -> ReferenceActions[None]:
    """The whole compartment, cut to what must be there."""
    yield get(f"Patient/{known.mrn}/$everything?_summary=text&_count=2000")
    yield from known.end()


@attack(KIND, LABS, present)
def everything_but_results(known: Known) -> ReferenceActions[None]:
    """The whole compartment but for Observations."""
    yield get(f"Patient/{known.mrn}/$everything?_type=Condition,Procedure,MedicationRequest&_count=2000")
    yield from known.end()


@attack(KIND, LABS, present)
def history_as_ids(known: Known) -> ReferenceActions[None]:
    """The history of the newest value, cut to ids."""
    yield get(f"Observation/{known.newest.id if known.newest else 0}/_history?_elements=id")
    yield from known.end()


@attack(KIND, LABS, present)
def meta_of_the_value(known: Known) -> ReferenceActions[None]:
    """The meta of the newest value."""
    yield get(f"Observation/{known.newest.id if known.newest else 0}/$meta")
    yield from known.end()


@attack(KIND, LABS, lambda known: known.present and len(known.values) > 20)
def later_pages_cut(known: Known) -> ReferenceActions[None]:
    """The link to the second page is followed with its elements cut away."""
    yield get(f"Observation?patient={known.mrn}&code={known.code}&_elements=id")
    yield get(f"Observation?patient={known.mrn}&code={known.code}&_elements=id&_offset=20&_count=500")
    yield from known.end()


def by_name(extra: str):
    def policy(known: Known) -> ReferenceActions[None]:
        yield get(name_query(known.task.params) + extra)
        yield from known.end()

    return policy


def found(known: Known) -> bool:
    """Whether somebody is meant who is named by name and birth date, and found so."""
    return known.named and (known.task.type != 1 or known.branch == "found")


PEOPLE = (
    ("person as an id", "&_elements=id", "a longer name would have been found as well, and no name is shown"),
    ("person as an address", "&_elements=address,telecom", "as above, with elements that tell no name"),
    ("person as an identifier", "&_elements=identifier", "the MRN without the name"),
    ("person counted", "&_summary=count", "that there is one"),
    ("person as a narrative", "&_summary=text", "nothing mandatory is left of a person"),
    ("person on an empty page", "&_count=0", "that there is one"),
)
for name, extra, exploits in PEOPLE:
    register(KIND, name, exploits, by_name(extra), (1, 3, 8), found)


def by_mrn(url: str):
    def policy(known: Known) -> ReferenceActions[None]:
        yield get(url.format(mrn=quote(known.mrn)))
        yield from known.end()

    return policy


AGES = (
    ("age without birth date", "Patient/{mrn}?_elements=name", "the person is shown, but no birth date"),
    ("age from an identifier", "Patient?identifier={mrn}&_elements=identifier,gender", "the person, but no birth date"),
    ("age from a count", "Patient?identifier={mrn}&_summary=count", "that there is one"),
    ("age from a narrative", "Patient?identifier={mrn}&_summary=text", "nothing mandatory is left of a person"),
    ("age from results", "Observation?patient.identifier={mrn}&_count=5", "the subject is referred to"),
    ("age from everything cut", "Patient/{mrn}/$everything?_elements=id", "the person as an id"),
    ("age from meta", "Patient/{mrn}/$meta", "when the record was stored, not when the person was born"),
)
for name, url, exploits in AGES:
    register(KIND, name, exploits, by_mrn(url), (2,))


@attack(KIND, (2,))
def age_searched_for(known: Known) -> ReferenceActions[None]:
    """The birth date is asked for as a range around the answer, and only a number is shown."""
    first = known.now.year - known.answer[0] - 1
    yield get(f"Patient?_id={known.mrn}&birthdate=ge{first}-01-01&birthdate=le{first + 2}-01-01&_summary=count")
    yield from known.end()
