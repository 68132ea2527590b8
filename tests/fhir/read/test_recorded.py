"""Every recorded read, search and page chain of a running HAPI 7.6.0, asked of a session in process."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
import requests

from tests.fhir import recordings

BASE = "http://localhost:8080/fhir"
DEVIATIONS = Path(__file__).resolve().parents[3] / "docs" / "deviations.md"


def listed(kind):
    """The recorded requests that the table of deviations names for a kind."""
    cells = (line.strip("|\n ").split(" | ") for line in DEVIATIONS.read_text().splitlines() if line.startswith("| "))
    return {row[1].strip("`") for row in cells if row[0] == kind}


def quoted(url):
    """A URL quoted as Python's requests quotes it, which the recordings used."""
    return requests.Request("GET", f"{BASE}/{url}").prepare().url


def ask(session, url):
    response = session.get(url)
    return response, recordings.answer(response.status, dict(response.headers), response.body)


@pytest.mark.parametrize(("kind", "asked"), [("reads", 1482), ("search", 2527)])
def test_reads_and_searches(recorded, kind, asked):
    verdicts, different = Counter(), set()
    for row in recordings.rows(kind):
        url = row["request"].removeprefix("GET ")
        want = recordings.answer(row["status"], row["headers"], row["body"])
        _, got = ask(recorded, quoted(url))
        verdict = recordings.agreement(url, want, got)
        verdicts[verdict] += 1
        if verdict == "different":
            different.add(url)
    assert sum(verdicts.values()) == asked
    assert different == listed(kind)
    assert verdicts["different"] <= asked / 100
    assert verdicts["equal"] >= 0.95 * asked


def test_page_chains(recorded):
    """`next` leads through the same pages; HAPI's total on later ones depends on its background search."""
    pages = 0
    for row in recordings.rows("paging"):
        url = quoted(row["query"])
        for n, page in enumerate(row["pages"]):
            assert url is not None, f"{row['query']}: no link to page {n + 1}"
            response, got = ask(recorded, url)
            want = recordings.answer(page["status"], {}, page["body"])
            verdict = recordings.agreement(row["query"], want, {**got, "headers": {}}, later_page=n > 0)
            assert verdict != "different", f"{row['query']} page {n + 1}"
            links = {link["relation"]: link["url"] for link in json.loads(response.body).get("link", [])}
            url = links.get("next")
            pages += 1
    assert pages == 248


def test_every_deviation_has_a_reason():
    rows = [line for line in DEVIATIONS.read_text().splitlines() if re.match(r"\| (?!recorded|-{2})", line)]
    assert rows
    assert all(len(row.strip("| ").split(" | ")) == 3 for row in rows)
    assert all(row.strip("| ").split(" | ")[2].strip() for row in rows)
