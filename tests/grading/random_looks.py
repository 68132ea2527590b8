"""Random charts of a few results, and random searches of them: plain ones, and all manner of odd ones."""

from datetime import timedelta
from urllib.parse import quote

from hypothesis import strategies as st

from tests.grading.hidden_results import BASE, DAY, MRN, NOW, OTHER, SECOND, Chart, Follow, Result

MINUTE = timedelta(minutes=1)
AGES = [
    timedelta(),
    SECOND,
    MINUTE,
    2 * MINUTE,
    timedelta(hours=6),
    timedelta(hours=10, minutes=15),
    DAY - SECOND,
    DAY,
    DAY + SECOND,
    DAY + timedelta(hours=10),
    40 * DAY,
    40 * DAY + MINUTE,
    317 * DAY,
    400 * DAY,
    3000 * DAY,
]
"""How long before now results were drawn and bounds are set: the window's edges, midnight, neighbours, and long ago."""
VALUES = ["0.9", "1.5", "1.50", "2.1", "10"]

results = st.builds(
    Result,
    at=st.sampled_from(AGES).map(lambda age: NOW - age),
    value=st.sampled_from(VALUES),
    code=st.sampled_from(["MG", "MG", "MG", "MG", "K"]),
    flag=st.sampled_from([None, None, None, "HIGH", "LOW"]),
    mrn=st.sampled_from([MRN, MRN, MRN, OTHER]),
)


@st.composite
def charts(draw):
    size = draw(st.sampled_from([0, 1, 3, 6, 12, 30]))
    held = draw(st.lists(results, min_size=min(size, 1), max_size=size))
    order = draw(st.sampled_from(["stored anyhow", "oldest first", "newest first"]))
    if order != "stored anyhow":
        held = sorted(held, key=lambda one: one.at, reverse=order == "newest first")
    return Chart(held)


def one_of(*texts):
    return st.sampled_from(texts)


def escaped(text):
    return quote(text, safe=":")


times = st.builds(
    lambda age, spelt: spelt(NOW - age),
    st.sampled_from(AGES),
    st.sampled_from(
        [
            lambda at: at.isoformat(),
            lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            lambda at: at.strftime("%Y-%m-%dT%H:%M:%S"),
            lambda at: (at - timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M:%S-05:00"),
            lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            lambda at: at.strftime("%Y-%m-%dT%H:%MZ"),
            lambda at: at.strftime("%Y-%m-%dT%H:%M"),
            lambda at: at.strftime("%Y-%m-%d"),
            lambda at: at.strftime("%Y-%m"),
            lambda at: at.strftime("%Y"),
        ]
    ),
).map(escaped)
lower = one_of("ge", "gt", "sa")
upper = one_of("le", "lt", "eb")
anything = one_of("", "eq", "ne", "gt", "ge", "lt", "le", "sa", "eb", "ap", "=", ">", ">=", "<", "<=", "GE", "%20ge")
numbers = st.sampled_from([*VALUES, "0", "-1", "1.5e0", "100000"])


def dates(name):
    one = st.builds("{}{}".format, anything, times)
    return st.lists(one, min_size=1, max_size=2).map(lambda found: f"{name}={','.join(found)}")


WHOSE = one_of(
    *[f"patient={MRN}"] * 6,
    f"subject=Patient/{MRN}",
    f"subject={MRN}",
    f"patient=Patient/{MRN}",
    f"subject:Patient={MRN}",
    f"patient.identifier={MRN}",
    f"subject.identifier={MRN}",
    f"patient._id={MRN}",
    f"patient={MRN},{OTHER}",
    f"patient={OTHER},{MRN}",
    f"patient={OTHER}",
    f"patient={BASE}/Patient/{MRN}",
    f"subject:identifier={MRN}",
    "patient=S0",
    "subject=Patient/S0",
    "patient.birthdate=1950-03-04",
    "patient.family=stone",
    "patient.given=Ann",
    "patient.family:exact=stone",
    "patient:missing=false",
    "",
)
WHICH = one_of(
    *["code=MG"] * 6,
    "code=http://loinc.org|MG",
    "code=http://loinc.org|",
    "code=|MG",
    "combo-code=MG",
    "code=MG,K",
    "code=mg",
    "code:not=K",
    "code:not=MG",
    "code:missing=false",
    "code:text=MG",
    "code=K",
    "component-code=MG",
    "",
)
ORDER = one_of(
    *["_sort=-date"] * 4,
    *[""] * 3,
    "_sort=date",
    "_sort=-date,_id",
    "_sort=-date&_sort=date",
    "_sort=value-quantity",
    "_sort=-value-quantity",
    "_sort=value-quantity&_sort=date",
    "_sort=_id",
    "_sort=-_id",
    "_sort=_lastUpdated",
    "_sort=-_lastUpdated",
    "_sort=code,-date",
    "_sort=status,date",
    "_sort:desc=date",
    "_sort=patient,-date",
    "_sort=-date,-value-quantity",
    "_sort=",
)
SIZE = one_of(*[f"_count={n}" for n in ("1", "1", "2", "3", "5", "5", "50", "1000", "5000")], "")
ODD_SIZE = one_of(
    *[f"_count={n}" for n in ("0", "-0", "+0", "00", "-1", "000000000000", "0000000000002", "99999999999", "x", "")],
    *[f"_offset={n}" for n in ("0", "1", "2", "-1", "5", "30", "0000000000001", "000000000000000030", "+2", "")],
    "_count=1&_count=50",
    "_count=3&_offset=2",
    "_count=2&_offset=2",
    "_offset=1&_offset=0",
)
NARROWING = st.one_of(
    one_of(
        "status=final",
        "status=final,amended",
        "status:not=cancelled",
        "status:not=final",
        "status:missing=false",
        "status=preliminary",
        "category=laboratory",
        "category=vital-signs",
        "category:not=vital-signs",
        "category:missing=false",
        "interpretation=HIGH",
        "interpretation=LOW",
        "interpretation=HIGH,LOW",
        "interpretation:not=HIGH",
        "interpretation:not=LOW",
        "interpretation:missing=true",
        "interpretation:missing=false",
        "interpretation:text=High",
        "combo-value-quantity=lt5",
        "value-quantity:missing=false",
        "date:missing=false",
        "date:missing=true",
        "encounter:missing=true",
        "performer:missing=true",
        "has-member:missing=true",
        "identifier:missing=true",
        "note:missing=true",
        "value-string:missing=true",
        "data-absent-reason:missing=true",
        "specimen:missing=true",
    ),
    dates("date"),
    dates("date"),
    st.builds("value-quantity={}{}".format, anything, numbers),
    st.builds("value-quantity={}{}||mg/dL".format, anything, numbers),
    st.builds("code-value-quantity=MG${}{}".format, anything, numbers),
    st.builds("combo-code-value-quantity=MG${}{}".format, anything, numbers),
    st.builds("code-value-quantity=K${}{}".format, anything, numbers),
)
OF_THE_SERVER = st.one_of(
    one_of(
        "_lastUpdated=ne2024",
        "_lastUpdated=ge2024",
        "_lastUpdated=2024",
        "_lastUpdated=lt2024-01-05T12:00:00.120Z",
        "_lastUpdated=ge2024-01-05T12:00:00.120Z",
        "_lastUpdated=gt2000",
        "_lastUpdated=lt2100",
        "_lastUpdated=ne2024-01-05",
        "_lastUpdated=ap2024-01-05",
        "_lastUpdated:missing=true",
        "_lastUpdated:missing=false",
        "_source:missing=true",
        "_source:missing=false",
        "_source=x",
        "_tag:missing=true",
        "_profile:missing=true",
        "_security:missing=true",
        "_tag:not=x",
        "_id:missing=false",
        "_id:not=95",
        "_has:DiagnosticReport:result:status=final",
    ),
    st.lists(
        one_of("--0", "zzzzzzzz-0", "--1", "zzzzzzzz-1", "form", "S0", *[str(n) for n in range(85, 200, 5)]),
        min_size=1,
        max_size=24,
    ).map(lambda ids: f"_id={','.join(ids)}"),
    dates("_lastUpdated"),
)
FORM = one_of(
    "_elements=valueQuantity",
    "_elements=valueQuantity,effectiveDateTime",
    "_elements=valueQuantity,effectiveDateTime,id",
    "_elements=id",
    "_elements=id&_elements=effectiveDateTime,valueQuantity",
    "_elements=valueQuantity&_elements=effectiveDateTime",
    "_elements=value,effective",
    "_summary=true",
    "_summary=false",
    "_summary=text",
    "_summary=data",
    "_summary=count",
    "_include=Observation:patient",
    "_include=Observation:subject",
    "_include=*",
    "_include=Observation:has-member",
    "_total=accurate",
    "_total=none",
    "_format=xml",
    "_format=text/xml",
    "_pretty=true",
    "_contained=both",
    "_contained=true",
    "_list=x",
    "foo=bar",
)
UNUSUAL = st.one_of(
    st.builds(
        "{}&{}&{}".format,
        one_of(
            f"Patient/{MRN}/$everything?",
            f"Patient/{MRN}/$everything?_type=Observation",
            f"Patient?_id={MRN}&_revinclude=Observation:subject",
            f"Patient?_id={MRN}&_revinclude=Observation:patient&_revinclude=*",
            f"Patient?identifier={MRN}&_revinclude=Observation:subject",
            "Patient?birthdate=1950-03-04&_revinclude=Observation:patient",
            "Observation/_history?",
            f"Observation/$lastn?patient={MRN}",
        ),
        st.one_of(SIZE, SIZE, ODD_SIZE, FORM, OF_THE_SERVER, dates("_lastUpdated"), ORDER),
        st.one_of(st.just(""), FORM, dates("start")),
    ),
    st.integers(16, 40).map(lambda n: f"Observation/{5 * n}?"),
    st.integers(16, 40).map(lambda n: f"Observation/{5 * n}/_history?"),
)
FOLLOWING = st.lists(
    st.one_of(
        *[st.just(Follow())] * 5,
        st.builds(
            lambda *changed: Follow(changed),
            st.tuples(
                one_of("_getpagesoffset", "_offset"),
                one_of("0", "1", "2", "3", "4", "7", "20", "-1", "+1", "0000000000001"),
            ),
        ),
        st.builds(
            lambda *changed: Follow(changed),
            st.tuples(st.just("_count"), one_of("0", "-0", "1", "2", "4", "50", "000000000000")),
        ),
        st.builds(
            lambda *changed: Follow(changed),
            st.tuples(one_of("_elements", "_summary", "_format"), one_of("id", "true", "valueQuantity", "xml", "text")),
        ),
    ),
    max_size=6,
)


def joined(*parts):
    return "&".join(part for part in parts if part)


@st.composite
def plain_looks(draw):
    """One or two lists as an honest agent asks for them, paged as far as it pleases."""
    steps = []
    for _ in range(draw(st.integers(1, 2))):
        bounds = draw(st.lists(st.builds("date={}{}".format, st.one_of(lower, upper), times), max_size=2))
        rest = draw(st.lists(one_of("status=final", "category=laboratory"), max_size=1))
        order = draw(one_of("_sort=-date", "_sort=-date", ""))
        steps.append("Observation?" + joined(f"patient={MRN}", "code=MG", *bounds, *rest, order, draw(SIZE)))
        steps += [Follow()] * draw(one_of(0, 0, 1, 3, 12))
    return steps


@st.composite
def any_looks(draw):
    """Lists that would show all, but for what is added to them, left out or asked otherwise."""
    steps = []
    parts = draw(
        st.one_of(
            *[st.just([""])] * 3,
            times.map(lambda at: [f"date=lt{at}", f"date=ge{at}"]),
            times.map(lambda at: [f"date=le{at}", f"date=gt{at}"]),
            times.map(lambda at: [f"date=ne{at}", f"date={at}"]),
            numbers.map(lambda n: [f"value-quantity=lt{n}", f"value-quantity=ge{n}"]),
            st.just(["interpretation=HIGH", "interpretation:not=HIGH"]),
            st.just(["interpretation:missing=true", "interpretation:missing=false"]),
            st.just(["_sort=date&_count=3", "_sort=-date&_count=3"]),
        )
    )
    oddity = st.one_of(NARROWING, NARROWING, OF_THE_SERVER, OF_THE_SERVER, FORM, ODD_SIZE)
    odd_at = draw(st.sampled_from(["first", "all", "none"]))
    for at, part in enumerate(parts):
        odd = (
            draw(st.lists(oddity, min_size=1, max_size=2)) if odd_at == "all" or (odd_at == "first" and not at) else []
        )
        size = draw(one_of("", "_count=50", "_count=50", None))
        size = draw(st.one_of(SIZE, ODD_SIZE)) if size is None else size
        path = draw(one_of(*["Observation?"] * 8, "Observation/_search?"))
        whose, which = draw(st.one_of(st.just((f"patient={MRN}", "code=MG")), st.tuples(WHOSE, WHICH)))
        asked = [whose, which, part, draw(ORDER), *odd, size]
        steps.append(path + joined(*(draw(st.permutations(asked)) if draw(st.booleans()) else asked)))
        steps += draw(FOLLOWING)
    if draw(one_of(False, False, False, True)):
        steps.append(draw(UNUSUAL))
        steps += draw(FOLLOWING)
    return steps
