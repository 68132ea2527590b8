"""The official server's recorded answers, asked of the charts that were made for the official rows (skips without ../shared)."""

import json
from pathlib import Path

import pytest
import requests

from medenv.fhir import EmbeddedBackend, jsontext

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
EXCHANGES = SHARED / "recorded" / "official_exchanges.jsonl"
CHARTS = SHARED / "official" / "charts.ndjson"
pytestmark = pytest.mark.skipif(
    not (EXCHANGES.exists() and CHARTS.exists()), reason=f"no recordings of the official server at {SHARED}"
)


@pytest.fixture(scope="module")
def exchanges():
    return [json.loads(line) for line in EXCHANGES.read_text().splitlines()]


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    with EmbeddedBackend.from_ndjson(CHARTS, cache_dir=tmp_path_factory.mktemp("store")) as backend:
        yield backend.open()


def recorded_body(exchange):
    if "json" in exchange:
        return exchange["json"]
    text = exchange["text"]
    return json.loads(text) if text.startswith("{") else None


def ask(session, request):
    return session.get(requests.Request("GET", request.removeprefix("GET ")).prepare().url)


def contents(bundle):
    """The entries' resources in order, ids and meta aside: the charts have new lab ids."""
    resources = [dict(entry["resource"]) for entry in bundle.get("entry", [])]
    for resource in resources:
        resource.pop("id")
        resource.pop("meta", None)
    return resources


def test_verbatim_bodies_reprint(exchanges):
    bodies = [e["text"] for e in exchanges if e["verbatim"] and e["text"].startswith("{")]
    assert len(bodies) > 200
    for body in bodies:
        assert jsontext.pretty(jsontext.loads(body)) == body


def test_recorded_bundles(exchanges, session, figures):
    """At least 285 hold the same entries in the same order; the charts lack or fill in what the rest showed."""
    same, rest = 0, []
    for exchange in exchanges:
        want = recorded_body(exchange)
        if not isinstance(want, dict) or want.get("resourceType") != "Bundle":
            continue
        got = json.loads(ask(session, exchange["request"]).body)
        if contents(got) == contents(want) and got.get("total") == want.get("total"):
            same += 1
        else:
            rest.append(
                f"{exchange['request']}: {len(want.get('entry', []))} entries there, {len(got.get('entry', []))} here"
            )
    figures(f"{same} of {same + len(rest)} recorded bundles hold the same entries in the same order; the rest:")
    figures("\n".join(rest))
    assert same >= 285


def test_recorded_refusals(exchanges, session):
    """What the official server refused, a date with a comma or a slash, is refused here."""
    refused = [
        e["request"]
        for e in exchanges
        if not e["verbatim"] and e.get("text", "").startswith("Error in sending the GET request: 400")
    ]
    assert len(refused) > 15
    for request in refused:
        if request.count("GET ") == 1:
            assert ask(session, request).status == 400, request
