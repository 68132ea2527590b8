"""Nonsense: URLs and bodies that no client means. The server answers each, fails at none, and gives nothing away."""

import json
import signal
from contextlib import contextmanager
from random import Random
from urllib.parse import quote

import pytest

from medenv.fhir.http.app import FhirApp
from tests.fhir import recordings
from tests.fhir.write.random_writes import mutate, payloads

CANARY = "xq7canary"
HOST = [(b"host", b"localhost:8080")]
HEADERS = (
    (b"content-type", b"application/fhir+json"),
    (b"content-type", b"application/json-patch+json"),
    (b"content-type", b"application/fhir+xml"),
    (b"content-type", b"text/plain"),
    (b"content-type", b"application/x-www-form-urlencoded"),
    (b"accept", b"application/fhir+xml"),
    (b"prefer", b"return=minimal"),
    (b"prefer", b"return=OperationOutcome"),
    (b"if-match", b'W/"1"'),
    (b"if-match", b"nonsense"),
    (b"if-none-exist", b"identifier=x"),
    (b"if-none-exist", b"\xff&&=="),
    (b"content-encoding", b"gzip"),
    (b"cache-control", b"no-cache"),
)
HAPIS_OWN = (
    "HAPI-0389",
    "URLDecoder",
    "begin ",
    "Character ",
    "Invalid date/time",
    "For input string",
    "HAPI-0450",
    "HAPI-1861",
)
"""Words of the answers with which HAPI itself ends as a 500."""


@contextmanager
def within(seconds, what):
    """Fail rather than hang."""

    def late(*_):
        raise TimeoutError(f"no answer after {seconds} s: {what}")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def app(recorded_backend):
    """A server on which someone else's session holds a secret."""
    app = FhirApp(recorded_backend, isolate=True)
    order = {"resourceType": "Observation", "valueString": CANARY, "subject": {"reference": "Patient/S9000111"}}
    headers = [*HOST, (b"content-type", b"application/fhir+json")]
    for _ in range(3):
        status, _, _ = app.respond("POST", b"/s/secret/fhir/Observation", b"", headers, body=json.dumps(order).encode())
        assert status == 201
    return app


def broken(text, random):
    """A text with a few of its characters replaced, dropped, doubled or moved."""
    characters = list(text)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(characters) + 1)
        chosen = random.choice(
            (
                "%",
                "%00",
                "&",
                "=",
                "/",
                "?",
                ";",
                "..",
                "|",
                "$",
                ":",
                ",",
                "\\",
                "é",
                "%F0%9F",
                "+",
                "_",
                "\0",
                "9" * 30,
            )
        )
        match random.randrange(4):
            case 0:
                characters.insert(at, chosen)
            case 1:
                del characters[at : at + random.randint(1, 5)]
            case 2:
                characters[at:at] = characters[max(0, at - 9) : at]
            case _:
                random.shuffle(characters[at : at + 4])
    return "".join(characters)


def urls(random):
    """Recorded requests, more or less broken, and paths that try to leave their session."""
    recorded = [row["request"].partition(" ")[2] for kind in ("reads", "search") for row in recordings.rows(kind)]
    tricks = (
        "/s/mine/../secret",
        "/s/mine/%2e%2e/secret",
        "/s//secret",
        "/s/mine;/secret",
        "/fhir/../s/secret",
        "/s/secret%2ffhir/..",
    )
    while True:
        url = random.choice(recorded)
        if random.random() < 0.7:
            url = broken(url, random)
        if random.random() < 0.7:
            url = quote(url, safe="/?&=%:$,+;@!*()~'")
        prefix = random.choice(
            (*["/s/mine/fhir/"] * 6, "/fhir/", "/s/other/fhir/", "/s/mine/fhir//", random.choice(tricks) + "/fhir/")
        )
        yield prefix + url


def bodies(random):
    """Payloads, more or less broken."""
    sound = payloads(1)
    patches = (
        '[{"op":"replace","path":"/status","value":"x"}]',
        '[{"op":"add","path":"/~2"}]',
        "[[[",
        '{"op":1}',
        "[]",
    )
    while True:
        type_, text = random.choice(sound)
        match random.randrange(6):
            case 0:
                text = mutate(text, random)
            case 1:
                text = broken(text, random)
            case 2:
                entry = {
                    "resource": json.loads(text),
                    "request": {"method": random.choice(("POST", "PUT", "GET", "x")), "url": broken(type_, random)},
                }
                text = json.dumps(
                    {
                        "resourceType": "Bundle",
                        "type": random.choice(("batch", "transaction", "x")),
                        "entry": [entry] * random.randint(1, 3),
                    }
                )
            case 3:
                text = random.choice(patches)
            case 4:
                text = random.choice(
                    ("", "{", "[" * 5000, '{"a":' * 5000, '{"resourceType":"Patient"}', "null", "\ufeff{}", "9" * 500)
                )
            case _:
                text = text[: random.randrange(len(text))]
        yield random.choice(
            (text.encode("utf-8", "surrogatepass"), text.encode("utf-16"), random.randbytes(40))
            if random.random() < 0.1
            else (text.encode(),)
        )


@pytest.mark.parametrize("seed", range(5))
def test_nonsense_is_answered(app, seed):
    random = Random(seed)
    targets, payload = urls(random), bodies(random)
    for _ in range(1000):
        url = next(targets)
        method = random.choice(("GET", "GET", "GET", "POST", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))
        body = b"" if method in ("GET", "HEAD") else next(payload)
        if method == "POST" and random.random() < 0.5:
            url = (
                url.partition("?")[0].rpartition("/")[0]
                if random.random() < 0.2
                else f"/s/mine/fhir/{payloads(1)[0][0]}"
            )
        headers = [*HOST, *random.sample(HEADERS, k=random.randint(0, 3))]
        path, _, query = url.encode("utf-8", "surrogatepass").partition(b"?")
        with within(20, (method, url, body)):
            status, answered, text = app.respond(method, path, query, headers, body=body)
        asked = f"{method} {url!r} {headers[1:]} {body[:300]!r}"
        assert 200 <= status < 600, asked
        assert b"This server failed" not in text, asked
        assert status < 500 or any(words.encode() in text for words in HAPIS_OWN), f"{asked}: {status} {text[:300]!r}"
        assert CANARY.encode() not in text, asked
        assert not any(CANARY.encode() in value for _, value in answered), asked
    kept = app.respond("GET", b"/s/secret/fhir/Observation", b"value-string=" + CANARY.encode(), HOST)
    assert json.loads(kept[2])["total"] == 3
    chart = app.respond("GET", b"/s/fresh/fhir/Patient", b"_summary=count", HOST)
    assert json.loads(chart[2])["total"] == 40
