"""Sessions by name: links, isolation, ending, and how many there may be."""

import json

import httpx
import pytest

from medenv.fhir import EmbeddedBackend
from medenv.fhir.errors import FhirError
from medenv.fhir.http.app import FhirApp
from medenv.fhir.http.pool import SessionPool
from tests.fhir import recordings

PATIENT = "S9000111"
ORDER = {"resourceType": "Observation", "valueString": "canary", "subject": {"reference": f"Patient/{PATIENT}"}}
HOST = [(b"host", b"localhost:8080")]


def get(app, url, headers=()):
    path, _, query = url.encode().partition(b"?")
    status, _, body = app.respond("GET", path, query, [*HOST, *headers])
    return status, json.loads(body)


def post(app, url, resource):
    headers = [*HOST, (b"content-type", b"application/fhir+json")]
    status, answered, body = app.respond("POST", url.encode(), b"", headers, body=json.dumps(resource).encode())
    assert status == 201, body
    return dict(answered)[b"location"].decode()


def test_links_stay_in_the_session(host, base):
    with httpx.Client() as client:
        url, ids = f"{base}/Observation?patient={PATIENT}&code=K&_count=5", []
        while url:
            assert url.startswith(base)
            bundle = client.get(url).json()
            assert all(entry["fullUrl"].startswith(f"{base}/Observation/") for entry in bundle["entry"])
            ids += [entry["resource"]["id"] for entry in bundle["entry"]]
            url = {link["relation"]: link["url"] for link in bundle["link"]}.get("next")
        assert len(ids) == len(set(ids)) == 14
        made = client.post(f"{base}/Observation", json=ORDER)
        assert made.status_code == 201
        assert made.headers["location"].startswith(f"{base}/Observation/")
        read = client.get(made.headers["location"].partition("/_history")[0])
        assert read.headers["content-location"] == made.headers["location"]


def test_sessions_do_not_see_each_other(recorded_backend):
    app = FhirApp(recorded_backend, isolate=True)
    place = (
        post(app, "/s/one/fhir/Observation", ORDER)
        .removeprefix("http://localhost:8080/s/one")
        .partition("/_history")[0]
    )
    assert get(app, f"/s/one{place}")[0] == 200
    assert get(app, "/s/one/fhir/Observation?value-string=canary")[1]["total"] == 1
    for other in ("/s/two", ""):
        assert get(app, f"{other}{place}")[0] == 404
        assert get(app, f"{other}/fhir/Observation?value-string=canary")[1]["total"] == 0
    assert get(app, "/s/one/fhir/Observation?value-string=canary")[1]["total"] == 1


def test_delete_ends_a_session(recorded_backend):
    app = FhirApp(recorded_backend, isolate=True)
    post(app, "/s/one/fhir/Observation", ORDER)
    post(app, "/s/two/fhir/Observation", ORDER)
    assert app.respond("DELETE", b"/s/one", b"", HOST)[0] == 204
    assert app.respond("DELETE", b"/s/one", b"", HOST)[0] == 404
    assert app.respond("GET", b"/s/one", b"", HOST)[0] == 405
    assert get(app, "/s/one/fhir/Observation?value-string=canary")[1]["total"] == 0
    assert get(app, "/s/two/fhir/Observation?value-string=canary")[1]["total"] == 1


@pytest.mark.parametrize("name", ["a%20b", "%C3%A9", "..", "a" * 65, "-a"])
def test_bad_names(recorded_backend, name):
    app = FhirApp(recorded_backend, isolate=True)
    assert app.respond("GET", f"/s/{name}/fhir/Patient".encode(), b"", HOST)[0] == 404
    assert len(app.pool) == 0


def test_without_isolation_there_are_no_names(recorded_backend):
    app = FhirApp(recorded_backend)
    assert app.respond("GET", b"/s/one/fhir/Patient", b"", HOST)[0] == 404
    assert app.respond("DELETE", b"/s/one", b"", HOST)[0] == 404


def test_too_many_sessions_are_refused(recorded_backend):
    app = FhirApp(recorded_backend, isolate=True, max_sessions=2)
    for name in ("a", "b", "a"):
        assert get(app, f"/s/{name}/fhir/Patient/{PATIENT}")[0] == 200
    status, outcome = get(app, f"/s/c/fhir/Patient/{PATIENT}")
    assert status == 429
    assert "DELETE /s/NAME" in outcome["issue"][0]["diagnostics"]
    app.respond("DELETE", b"/s/a", b"", HOST)
    assert get(app, f"/s/c/fhir/Patient/{PATIENT}")[0] == 200


def test_an_idle_session_makes_room_and_is_not_begun_anew_unasked(recorded_backend):
    now = [0.0]
    pool = SessionPool(recorded_backend.open, most=2, idle=60, clock=lambda: now[0])
    first = pool.take("first")
    now[0] = 50
    second = pool.take("second")
    assert pool.take("second") is second
    now[0] = 70
    pool.take("third")
    with pytest.raises(FhirError, match="changes are lost") as refused:
        pool.take("first")
    assert refused.value.status == 410
    assert pool.end("first")
    with pytest.raises(FhirError) as refused:
        pool.take("first")
    assert refused.value.status == 429
    now[0] = 111
    assert pool.take("first") is not first


def test_staleness_lasts_a_minute_and_no_cache_asks_afresh():
    now = [1_800_000_000_000]
    with EmbeddedBackend.from_resources(recordings.stored_lines()) as held:
        backend = EmbeddedBackend(held.store, clock=lambda: now[0])
        query = "/fhir/Observation?value-string=canary"
        fresh, stale = FhirApp(backend), FhirApp(backend, stale=True)
        for app in (fresh, stale):
            assert get(app, query)[1]["total"] == 0
            now[0] += 1000
            post(app, "/fhir/Observation", ORDER)
        assert get(fresh, query)[1]["total"] == 1
        old = get(stale, query)[1]
        assert old["total"] == 0
        asked = get(stale, query, [(b"cache-control", b"no-cache")])[1]
        assert asked["total"] == 1
        assert asked["id"] != old["id"]
        post(stale, "/fhir/Observation", ORDER)
        now[0] += 59_000
        assert get(stale, query)[1]["total"] == 1
        now[0] += 2000
        assert get(stale, query)[1]["total"] == 2


def test_times_are_the_clocks():
    now = [1_900_000_000_000]
    with EmbeddedBackend.from_resources(recordings.stored_lines()) as held:
        app = FhirApp(EmbeddedBackend(held.store, clock=lambda: now[0]))
        place = post(app, "/fhir/Observation", ORDER).removeprefix("http://localhost:8080").partition("/_history")[0]
        assert get(app, place)[1]["meta"]["lastUpdated"] == "2030-03-17T17:46:40.000+00:00"
        first = get(app, "/fhir/Patient?name=zzz")[1]["meta"]["lastUpdated"]
        now[0] += 61_000
        assert get(app, "/fhir/Patient?name=zzz")[1]["meta"]["lastUpdated"] > first
