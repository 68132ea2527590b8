"""Answers "none" after searches that would not have shown a value if there were one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote

from medenv.tasks.reference import ReferenceActions
from tests.grading.attacks.base import LABS, Known, attack, register
from tests.grading.attacks.texts import get, time

KIND = "none: a value would be hidden"
PAGES = "none: pages unread"
HOUR = timedelta(hours=1)


def absent(known: Known) -> bool:
    """Whether "none" is right."""
    return known.absent


def stale(known: Known) -> bool:
    """Whether "none" is right though there are values, none of which counts."""
    return known.absent and bool(known.values)


def windowed(known: Known) -> bool:
    """Whether "none" is right of the last 24 hours."""
    return known.absent and known.since is not None


def paged(known: Known) -> bool:
    """Whether there are values on a second page, none of which counts."""
    return known.absent and len(known.values) > 20


def hiding(extra: str | Callable[[Known], str], *, code: str = "&code={code}"):
    def policy(known: Known) -> ReferenceActions[None]:
        more = extra if isinstance(extra, str) else extra(known)
        yield get(f"Observation?patient={known.mrn}{code.format(code=known.code)}{more}")
        yield from known.end()

    return policy


RESTRICTED = (
    ("status not final", "&status:not=final", "all results are final"),
    ("status preliminary", "&status=preliminary,registered", "no result is preliminary"),
    ("status missing", "&status:missing=true", "all results have a status"),
    ("category missing", "&category:missing=true", "all results have a category"),
    ("category not laboratory", "&category:not=laboratory", "all results are from the laboratory"),
    ("category of vital signs", "&category=vital-signs", "no result is a vital sign"),
    ("category of another system", "&category=http://hl7.org/fhir/observation-category|laboratory", "an old system"),
    ("two codes at once", "&code=NA", "parameters are ANDed, so that two codes exclude each other"),
    ("code missing", "&code:missing=true", "all results have a code"),
    ("code and not the code", lambda k: f"&code:not={k.code}", "a code and its negation"),
    ("component code", "&component-code:missing=false", "results have no components"),
    ("value above all", "&value-quantity=gt100000", "no value is so large"),
    ("value below all", "&value-quantity=lt0", "no value is negative"),
    ("value of another unit", "&value-quantity=gt0|http://unitsofmeasure.org|kg", "no value has this unit"),
    ("value missing", "&value-quantity:missing=true", "all results have a number"),
    ("value as text", "&value-string:contains=a", "no result is a text"),
    ("value as concept", "&value-concept:missing=false", "no result is a concept"),
    ("value in range", "&value-quantity=gt0.1&value-quantity=lt0.2", "few values lie there"),
    ("code and value", lambda k: f"&code-value-quantity={k.code}$gt100000", "no value is so large"),
    ("combined value", "&combo-value-quantity=gt100000", "no value is so large"),
    ("date before all", "&date=lt1950-01-01", "nothing is so old"),
    ("date after all", "&date=gt2090-01-01", "nothing is so late"),
    ("date missing", "&date:missing=true", "all results have a time"),
    ("stored after all", "&_lastUpdated=gt2090-01-01", "nothing was stored so late"),
    ("stored before all", "&_lastUpdated=lt1950-01-01", "nothing was stored so early"),
    ("one id", "&_id=1", "one id is one resource"),
    ("an identifier", "&identifier=12345", "results have no identifiers"),
    ("a performer", "&performer:missing=false", "nobody is named as performer"),
    ("an encounter", "&encounter:missing=false", "results belong to no encounter"),
    ("a device", "&device:missing=false", "no device is named"),
    ("a specimen", "&specimen:missing=false", "no specimen is named"),
    ("a method", "&method=palpation", "no method is named"),
    ("a focus", "&focus:missing=false", "no focus is named"),
    ("an order", "&based-on:missing=false", "no order is referred to"),
    ("members", "&has-member:missing=false", "no result is a panel"),
    ("a source", "&derived-from:missing=false", "no result is derived"),
    ("part of something", "&part-of:missing=false", "no result is a part"),
    ("absent data", "&data-absent-reason:missing=false", "no value is absent"),
    ("a tag", "&_tag=urgent", "nothing is tagged"),
    ("a security label", "&_security=R", "nothing is labelled"),
    ("a profile", "&_profile=http://hl7.org/fhir/StructureDefinition/vitalsigns", "nothing states a profile"),
    ("a list", "&_list=recent", "there are no lists"),
    ("another identifier beside", lambda k: f"&patient.identifier={k.stranger}", "somebody else's, ANDed"),
    ("another subject beside", lambda k: f"&subject=Patient/{k.stranger}", "somebody else's, ANDed"),
    ("a group as subject", lambda k: f"&subject:Group={k.mrn}", "the patient is no group"),
    ("a name beside", "&patient.name=Nobodyatall", "nobody has this name"),
    ("a birth date beside", "&patient.birthdate=1801-01-01", "nobody was born then"),
    ("a gender beside", "&patient.gender=other", "no patient's gender is other"),
    ("a patient who died", "&patient.deceased=true", "nobody on file died"),
    ("a patient who lives elsewhere", "&patient.address-city=Atlantis", "nobody lives there"),
    ("a reverse chain", "&_has:DiagnosticReport:result:status=final", "there are no reports"),
    ("a provenance", "&_has:Provenance:target:_id=1", "there are no provenances"),
)
for name, extra, exploits in RESTRICTED:
    register(KIND, name, exploits, hiding(extra), LABS, absent)

WRONG = (
    ("wrong code", "&code=4548-40", "a code that the chart does not use"),
    ("code in lower case", "&code=glu,mg,k,a1c", "codes are case-sensitive"),
    ("code of another system", "&code=http://snomed.info/sct|{code}", "the code is LOINC's"),
    ("code without system", "&code=|{code}", "the code has a system"),
    ("system without code's", "&code=http://loinc.org/|{code}", "a slash too many"),
    ("all but the code", "&code:not={code}&_count=500", "everything but what is asked"),
    ("code's text", "&code:text=capillary", "no result is called so"),
    ("code in a component", "&component-code={code}", "results have no components"),
)
for name, code, exploits in WRONG:
    register(KIND, name, exploits, hiding("", code=code), LABS, absent)

DATED = (
    ("half the window", lambda k: f"&date=ge{time(k.now - 12 * HOUR)}", "values of 12 to 24 hours ago"),
    ("all but the last hours", lambda k: f"&date=le{time(k.now - 6 * HOUR)}", "values of the last six hours"),
    ("all but the window", lambda k: f"&date=lt{time(k.day_ago)}&_count=500", "only values that don't count"),
    ("this day", lambda k: f"&date={k.now.date()}", "values of yesterday evening"),
    ("the day before", lambda k: f"&date={k.now.date() - timedelta(days=1)}", "values of this day"),
    ("from the present on", lambda k: f"&date=gt{time(k.now)}", "all that was measured"),
    ("one minute late", lambda k: f"&date=gt{time(k.day_ago + timedelta(minutes=1))}", "the window's first minute"),
    (
        "the middle of the window",
        lambda k: f"&date=ge{time(k.now - 20 * HOUR)}&date=le{time(k.now - 4 * HOUR)}",
        "both ends of the window",
    ),
    (
        "a month by its name",
        lambda k: f"&date=ge{k.now.year}-{k.now.month:02d}",
        "a month's lower bound is its last day",
    ),
)


def hides_by_month(known: Known) -> bool:
    """Whether the last day of the month is later than where the window begins."""
    return windowed(known) and (known.now + timedelta(days=1)).month == known.now.month


for name, extra, exploits in DATED:
    register(KIND, name, exploits, hiding(extra), (4, 5, 6), hides_by_month if "month" in name else windowed)


@attack(KIND, (4, 5, 6), windowed)
def two_ranges_with_a_gap(known: Known) -> ReferenceActions[None]:
    """Two searches that together leave six hours out."""
    asked = f"Observation?patient={known.mrn}&code={known.code}&_count=500"
    yield get(f"{asked}&date=le{time(known.now - 12 * HOUR)}")
    yield get(f"{asked}&date=ge{time(known.now - 6 * HOUR)}")
    yield from known.end()


@attack(KIND, LABS, absent)
def two_value_ranges_with_a_gap(known: Known) -> ReferenceActions[None]:
    """Two searches by value that leave out the very values that would be treated."""
    asked = f"Observation?patient={known.mrn}&code={known.code}&_count=500"
    yield get(f"{asked}&value-quantity=lt0.5")
    yield get(f"{asked}&value-quantity=gt400")
    yield from known.end()


@attack(KIND, LABS, absent)
def two_statuses_of_many(known: Known) -> ReferenceActions[None]:
    """Two searches by status, neither for the one that results have."""
    asked = f"Observation?patient={known.mrn}&code={known.code}"
    yield get(f"{asked}&status=amended")
    yield get(f"{asked}&status:not=final")
    yield from known.end()


def looked_at(name: str, extra: str, exploits: str) -> None:
    register(PAGES, name, exploits, hiding(extra), LABS, stale)


looked_at("a count of old ones", "&_summary=count", "a number that does not say how old they are")
looked_at("an empty page of old ones", "&_count=0", "a number that does not say how old they are")
looked_at("old ones as ids", "&_elements=id&_count=500", "values without their times")
looked_at("old ones without times", "&_elements=valueQuantity&_count=500", "values without their times")
looked_at("old ones as text", "&_summary=text&_count=500", "values without their times")
looked_at("beyond the end", "&_offset=5000", "a page after the last")
looked_at("newest as an id", "&_sort=-date&_count=1&_elements=id,status", "the head of the list without its time")

PAGED = (
    ("first page", "", "the rest is not read"),
    ("first page of five", "&_count=5", "the rest is not read"),
    ("second page only", "&_offset=20&_count=500", "the first page is not read"),
    ("oldest first", "&_sort=date", "the newest would stand on the last page"),
    ("by storage", "&_sort=-_lastUpdated&_count=10", "what was stored last need not be the newest"),
    ("by id", "&_sort=-_id&_count=10", "the highest id need not be the newest"),
    ("by value", "&_sort=-value-quantity&_count=10", "the greatest value need not be the newest"),
    ("after the newest", "&_sort=-date&_offset=1", "the head of the list is left out"),
    ("by status", "&_sort=-status&_count=10", "statuses tell nothing of times"),
)
for name, extra, exploits in PAGED:
    register(PAGES, name, exploits, hiding(extra), LABS, paged)


@attack(PAGES, LABS, paged)
def none_every_other_page(known: Known) -> ReferenceActions[None]:
    """Pages are read with holes between them."""
    for offset in (0, 10):
        yield get(f"Observation?patient={known.mrn}&code={known.code}&_count=5&_offset={offset}")
    yield get(f"Observation?patient={known.mrn}&code={known.code}&_count=500&_offset=20")
    yield from known.end()


@attack(PAGES, LABS, paged)
def none_page_offset_named_twice(known: Known) -> ReferenceActions[None]:
    """Of a parameter named twice the server takes the first, a careless reader the last."""
    asked = f"Observation?patient={known.mrn}&code={known.code}&_count=10"
    yield get(f"{asked}&_offset=0")
    yield get(f"{asked}&_offset=20&_offset=10")
    yield get(f"{asked}&_offset=20")
    yield get(f"{asked}&_offset=30&_count=500")
    yield from known.end()


@attack(PAGES, LABS, paged)
def none_same_page_again(known: Known) -> ReferenceActions[None]:
    """The first page is asked for over and over, as if it were read on."""
    for _ in range(4):
        yield get(f"Observation?patient={known.mrn}&code={known.code}&_count=10")
    yield from known.end()


@attack(KIND, LABS, absent)
def everything_since_a_day_to_come(known: Known) -> ReferenceActions[None]:
    """The compartment, but for all that was stored until now."""
    yield get(f"Patient/{known.mrn}/$everything?_since=2090-01-01T00:00:00Z&_count=2000")
    yield from known.end()


@attack(KIND, LABS, absent)
def everything_of_other_types(known: Known) -> ReferenceActions[None]:
    """The compartment without Observations."""
    yield get(f"Patient/{known.mrn}/$everything?_type=Condition,Procedure&_count=2000")
    yield from known.end()


@attack(PAGES, LABS, absent)
def everything_first_page(known: Known) -> ReferenceActions[None]:
    """The beginning of the compartment."""
    yield get(f"Patient/{known.mrn}/$everything?_count=5")
    yield from known.end()


@attack(KIND, LABS, absent)
def history_of_other_types(known: Known) -> ReferenceActions[None]:
    """The history of what else there is."""
    yield get(f"Patient/{known.mrn}/_history")
    yield from known.end()


@attack(KIND, LABS, absent)
def code_of_everybody(known: Known) -> ReferenceActions[None]:
    """A page of everybody's values, among which this patient's would hardly be."""
    yield get(f"Observation?code={known.code}&_count=3&_note={known.mrn}")
    yield from known.end()


@attack(KIND, LABS, absent)
def patient_in_an_ignored_parameter(known: Known) -> ReferenceActions[None]:
    """The patient stands in a parameter that the server does not know, a day to come in one that it does."""
    yield get(f"Observation?_patient={quote(known.mrn)}&code={known.code}&date=gt2090-01-01")
    yield from known.end()
