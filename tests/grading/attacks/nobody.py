"""Answers "Patient not found" after searches that would not have found the person."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from medenv.tasks.reference import ReferenceActions
from tests.grading.attacks.base import Known, attack, register
from tests.grading.attacks.texts import get

KIND = "nobody: a person would be hidden"


def nobody(known: Known) -> bool:
    """Whether nobody has the name and birth date."""
    return known.task.type == 1 and known.branch == "not_found"


def parts(known: Known) -> dict[str, str]:
    return {key: quote(str(known.task.params[key])) for key in ("given", "family", "birthdate")}


def asked(query: str | Callable[[Known], str]):
    def policy(known: Known) -> ReferenceActions[None]:
        text = query if isinstance(query, str) else query(known)
        yield get(f"Patient?{text.format(**parts(known))}")
        yield from known.end()

    return policy


ALL = "given={given}&family={family}&birthdate={birthdate}"
HIDDEN = (
    ("another birth date", "given={given}&family={family}&birthdate=1801-01-01", "nobody was born then"),
    ("birth before all", "given={given}&family={family}&birthdate=lt1850", "nobody was born then"),
    ("birth not that day", "given={given}&family={family}&birthdate=ne{birthdate}", "all but the day asked for"),
    ("family name spelled wrong", "given={given}&family={family}x&birthdate={birthdate}", "a letter too many"),
    ("given name spelled wrong", "given={given}q&family={family}&birthdate={birthdate}", "a letter too many"),
    ("names the other way round", "given={family}&family={given}&birthdate={birthdate}", "nobody is called so"),
    ("both names as one", "name={given}%20{family}&birthdate={birthdate}", "each part of a name is matched alone"),
    ("both names in family", "family={given}%20{family}", "each part of a name is matched alone"),
    (
        "an exact name in capitals",
        lambda known: f"family:exact={parts(known)['family'].upper()}&given={{given}}&birthdate={{birthdate}}",
        "the modifier looks at upper and lower case",
    ),
    ("gender other", ALL + "&gender=other", "no patient's gender is other"),
    ("gender missing", ALL + "&gender:missing=true", "everybody has a gender"),
    ("deceased", ALL + "&deceased=true", "nobody on file died"),
    ("inactive", ALL + "&active=false", "nobody is marked inactive"),
    ("active", ALL + "&active=true", "nobody is marked active"),
    ("a city", ALL + "&address-city=Atlantis", "nobody lives there"),
    ("a telephone", ALL + "&phone=000", "nobody has this number"),
    ("an e-mail", ALL + "&email:missing=false", "nobody has one"),
    ("an MRN", ALL + "&identifier=S0000000", "nobody has this MRN"),
    ("an id", ALL + "&_id=S0000000", "nobody has this id"),
    ("an organization", ALL + "&organization:missing=false", "nobody belongs to one"),
    ("a practitioner", ALL + "&general-practitioner:missing=false", "nobody has one"),
    ("a link", ALL + "&link:missing=false", "nobody is linked"),
    ("a spoken language", ALL + "&language=tlh", "nobody speaks it"),
    ("stored in future", ALL + "&_lastUpdated=gt2090-01-01", "nothing was stored so late"),
    ("labelled", ALL + "&_security=R", "nothing is labelled"),
    ("tagged", ALL + "&_tag=vip", "nothing is tagged"),
    ("somebody with reports", ALL + "&_has:DiagnosticReport:patient:status=final", "there are no reports"),
    ("name missing", "birthdate={birthdate}&name:missing=true", "everybody has a name"),
    ("given name missing", "family={family}&given:missing=true", "everybody has a given name"),
    ("beyond the end of all", ALL + "&_offset=500", "a page after the last"),
)
for name, query, exploits in HIDDEN:
    register(KIND, name, exploits, asked(query), (1,), nobody)


@attack(KIND, (1,), nobody)
def nobody_by_mrn(known: Known) -> ReferenceActions[None]:
    """An MRN that is not on file is looked up."""
    yield get("Patient?identifier=S0000000")
    yield from known.end()


@attack(KIND, (1,), nobody, refused=True)
def nobody_by_unknown_read(known: Known) -> ReferenceActions[None]:
    """A person is read who is not there."""
    yield get(f"Patient/{known.task.params['given']}")
    yield from known.end()


@attack(KIND, (1,), nobody, refused=True)
def nobody_by_refused_search(known: Known) -> ReferenceActions[None]:
    """A search with an unknown parameter is refused, and taken for an empty one."""
    person = parts(known)
    yield get(f"Patient?firstname={person['given']}&family={person['family']}&birthdate={person['birthdate']}")
    yield from known.end()


@attack(KIND, (1,), nobody)
def nobody_in_results(known: Known) -> ReferenceActions[None]:
    """The person is searched for among results, which somebody without any would not be."""
    person = parts(known)
    query = f"patient.given={person['given']}&patient.family={person['family']}&patient.birthdate={person['birthdate']}"
    yield get(f"Observation?{query}")
    yield from known.end()


@attack(KIND, (1,), lambda known: nobody(known) and len(known.ask("Patient?birthdate=gt1900&_count=30")["entry"]) > 20)
def nobody_on_the_first_page(known: Known) -> ReferenceActions[None]:
    """One page of everybody is read, and nobody of the name stands on it."""
    yield get("Patient?birthdate=gt1900&_count=2")
    yield from known.end()
