"""The indexed search and a naive scan over all resources find the same, for random queries after random writes.

The scan knows nothing of the index: it reads parsed resources and decides each condition by itself.
"""

import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medenv.fhir import EmbeddedBackend

PATIENTS = ["P0", "P1", "P2"]
CODES = ["K", "MG", "GLU"]
SYSTEMS = ["http://loinc.org", "http://snomed.info/sct", None]
STATUSES = ["final", "preliminary", "amended"]
DAYS = [f"2023-{month:02d}-{day:02d}" for month in (10, 11, 12) for day in (1, 12, 13, 28)]
TIMES = ["00:00:00", "10:15:00", "23:59:59"]
ZONES = ["Z", "+00:00", "-05:00", "+05:30"]
VALUES = ["3.5", "4", "4.0", "1e1", "-1", "120"]


@st.composite
def observations(draw):
    resource = {"resourceType": "Observation", "status": draw(st.sampled_from(STATUSES)), "code": {}}
    codings = []
    for _ in range(draw(st.integers(0, 2))):
        system = draw(st.sampled_from(SYSTEMS))
        codings.append({**({"system": system} if system else {}), "code": draw(st.sampled_from(CODES))})
    if codings:
        resource["code"]["coding"] = codings
    if draw(st.booleans()):
        resource["code"]["text"] = draw(st.sampled_from(["BP", "Glücose", "glu"]))
    patient = draw(st.sampled_from([*PATIENTS, None]))
    if patient:
        resource["subject"] = {"reference": f"Patient/{patient}"}
    when = draw(st.sampled_from(["none", "day", "instant"]))
    if when != "none":
        day = draw(st.sampled_from(DAYS))
        point = f"T{draw(st.sampled_from(TIMES))}{draw(st.sampled_from(ZONES))}" if when == "instant" else ""
        resource["effectiveDateTime"] = day + point
    if draw(st.booleans()):
        value = draw(st.sampled_from(VALUES))
        resource["valueQuantity"] = {"value": float(value), "system": "http://unitsofmeasure.org", "code": "mmol/L"}
    return resource


def token(draw, codes):
    members = []
    for _ in range(draw(st.integers(1, 2))):
        code, system = draw(st.sampled_from(codes)), draw(st.sampled_from(SYSTEMS))
        form = draw(st.sampled_from(["code", "both", "bare", "system"]))
        members.append(
            {
                "code": code,
                "both": f"{system or 'urn:x'}|{code}",
                "bare": f"|{code}",
                "system": f"{system or 'urn:x'}|",
            }[form]
        )
    return ",".join(members)


@st.composite
def conditions(draw):
    kind = draw(
        st.sampled_from(
            ["patient", "code", "code:not", "code:missing", "status", "date", "value-quantity", "code:text"]
        )
    )
    if kind == "patient":
        name = draw(st.sampled_from(["patient", "subject", "subject:Patient", "patient.identifier"]))
        prefix = "" if name == "patient.identifier" else draw(st.sampled_from(["", "Patient/"]))
        members = draw(st.lists(st.sampled_from([*PATIENTS, "P9"]), min_size=1, max_size=2))
        return name, ",".join(prefix + m for m in members)
    if kind in ("code", "code:not"):
        return kind, token(draw, CODES)
    if kind == "code:missing":
        return kind, draw(st.sampled_from(["true", "false"]))
    if kind == "status":
        return kind, draw(st.sampled_from(STATUSES))
    if kind == "code:text":
        return kind, draw(st.sampled_from(["b", "GLU", "gluc", "glücose", "x"]))
    prefix = draw(st.sampled_from(["", "eq", "ne", "gt", "ge", "lt", "le"]))
    if kind == "date":
        point = draw(st.sampled_from(["", "T10:15:00Z", "T00:00:00-05:00"]))
        return kind, prefix + draw(st.sampled_from(DAYS)) + point
    return kind, prefix + draw(st.sampled_from(VALUES)) + draw(st.sampled_from(["", "||mmol/L", "||mg/dL"]))


def codings(resource):
    return [(c.get("system"), c.get("code")) for c in resource["code"].get("coding", [])]


def token_matches(found, wanted):
    for member in wanted.split(","):
        system, bar, code = member.rpartition("|")
        for their_system, their_code in found:
            if not bar and their_code == code:
                return True
            if bar and (their_system or "") == system and (not code or their_code == code):
                return True
    return False


def moment(text):
    """First and last moment in UTC; a day has no zone."""
    if "T" not in text:
        start = datetime.fromisoformat(text).replace(tzinfo=timezone.utc)
        return start, start + timedelta(days=1, milliseconds=-1)
    point = datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)
    return point, point


def prefixed(value):
    return (value[:2], value[2:]) if value[:2].isalpha() else ("eq", value)


def date_matches(stored, wanted):
    if stored is None:
        return False
    prefix, asked = prefixed(wanted)
    if "T" in asked:
        (low, high), (first, last) = moment(stored), moment(asked)
        last += timedelta(milliseconds=999)
    else:  # calendar days as written
        low = high = stored[:10]
        first = last = asked
    return compare(prefix, low, high, first, last)


def compare(prefix, low, high, first, last):
    return {
        "eq": low >= first and high <= last,
        "ne": low < first or high > last,
        "gt": high > last,
        "ge": high >= first,
        "lt": low < first,
        "le": low <= last,
    }[prefix]


def quantity_matches(stored, wanted):
    if stored is None:
        return False
    number, _, unit = wanted.partition("||")
    prefix, number = prefixed(number)
    value = float(number)
    return compare(prefix, stored["value"], stored["value"], value, value) and unit in ("", stored["code"])


def text_matches(resource, wanted):
    plain = wanted.upper().replace("Ü", "U")
    text = resource["code"].get("text", "").upper().replace("Ü", "U")
    return bool(text) and text.startswith(plain)


def matches(resource, name, value):
    if name.partition(".")[0].partition(":")[0] in ("patient", "subject"):
        known = [p for p in PATIENTS if p in {v.removeprefix("Patient/") for v in value.split(",")}]
        return resource.get("subject", {}).get("reference", "")[8:] in known
    if name == "code":
        return token_matches(codings(resource), value)
    if name == "code:not":
        return not token_matches(codings(resource), value)
    if name == "code:missing":
        return (not codings(resource)) == (value == "true")
    if name == "code:text":
        return text_matches(resource, value)
    if name == "status":
        return resource["status"] == value
    if name == "date":
        return date_matches(resource.get("effectiveDateTime"), value)
    return quantity_matches(resource.get("valueQuantity"), value)


def ids_by_search(session, query):
    url, ids = query, []
    while url:
        response = session.get(url)
        assert response.status == 200, response.body
        bundle = json.loads(response.body)
        ids += [e["resource"]["id"] for e in bundle.get("entry", [])]
        url = {link["relation"]: link["url"] for link in bundle["link"]}.get("next")
    return ids


def patients():
    return [{"resourceType": "Patient", "id": p, "identifier": [{"value": p}]} for p in PATIENTS]


@pytest.mark.parametrize("whole", [20_000, 3], ids=["one stretch", "many stretches"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    base=st.lists(observations(), max_size=14),
    writes=st.lists(
        st.tuples(st.sampled_from(["create", "update", "delete"]), st.integers(0, 20), observations()), max_size=8
    ),
    queries=st.lists(st.lists(conditions(), min_size=0, max_size=3), min_size=1, max_size=6),
)
def test_index_equals_scan(monkeypatch, whole, base, writes, queries):
    monkeypatch.setattr("medenv.fhir.store.base._WHOLE", whole)
    monkeypatch.setattr("medenv.fhir.store.base._CHUNK", 3)
    stored = [{**resource, "id": str(100 + n)} for n, resource in enumerate(base)]
    with EmbeddedBackend.from_resources([*patients(), *stored]) as backend:
        session = backend.open()
        chart = {r["id"]: r for r in stored}
        for kind, pick, resource in writes:
            id_ = sorted(chart, key=int)[pick % len(chart)] if chart else None
            if kind == "create" or id_ is None:
                response = session.post("Observation", json.dumps(resource))
                chart[json.loads(response.body)["id"]] = resource
            elif kind == "update":
                assert session.put(f"Observation/{id_}", json.dumps({**resource, "id": id_})).status == 200
                chart[id_] = resource
            else:
                session.delete(f"Observation/{id_}")
                del chart[id_]
        for query in queries:
            dates = [v for n, v in query if n == "date"]
            if len(dates) > 1:  # two bounds have rules of their own
                query = [c for c in query if c[0] != "date"]
            url = "Observation?_count=4&_sort=_id&" + "&".join(f"{n}={v.replace('+', '%2B')}" for n, v in query)
            expected = [i for i, r in chart.items() if all(matches(r, n, v) for n, v in query)]
            assert ids_by_search(session, url) == sorted(expected), url
            assert sorted(ids_by_search(session, url.replace("_sort=_id&", ""))) == sorted(expected), url


@settings(max_examples=80, deadline=None)
@given(
    base=st.lists(observations(), min_size=1, max_size=30),
    key=st.sampled_from(["date", "status", "value-quantity", "_id"]),
    down=st.booleans(),
)
def test_sort_puts_missing_last_and_breaks_ties_by_number(base, key, down):
    def value(resource):
        if key == "date":
            return moment(resource["effectiveDateTime"])[0] if "effectiveDateTime" in resource else None
        if key == "status":
            return resource["status"]
        if key == "_id":
            return resource["id"]
        return resource.get("valueQuantity", {}).get("value")

    stored = [{**resource, "id": str(100 + n)} for n, resource in enumerate(base)]
    valued = sorted([r for r in stored if value(r) is not None], key=value, reverse=down)
    expected = [r["id"] for r in [*valued, *[r for r in stored if value(r) is None]]]
    with EmbeddedBackend.from_resources([*patients(), *stored]) as backend:
        assert ids_by_search(backend.open(), f"Observation?_count=7&_sort={'-' if down else ''}{key}") == expected
