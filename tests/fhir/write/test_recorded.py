"""Every recorded write and scenario of a running HAPI 7.6.0, asked of a session in process."""

import re
from collections import Counter
from pathlib import Path

import requests

from tests.fhir import recordings

BASE = "http://localhost:8080/fhir"
DEVIATIONS = Path(__file__).resolve().parents[3] / "docs" / "deviations.md"


def ask(session, method, url, payload, headers):
    """Send a request with its URL quoted as Python's requests quotes it, which the recordings used."""
    below = url if url.startswith("http") else BASE + (url if url.startswith("?") else f"/{url}")
    given = dict(headers)
    if payload is not None:
        given.setdefault("Content-Type", "application/fhir+json")
    return session.request(method, requests.Request(method, below).prepare().url, payload, given)


def test_writes(recorded):
    session = recorded
    verdicts = Counter()
    for row in recordings.rows("writes"):
        headers = {"Content-Type": "application/fhir+json", **row["headers_sent"]}
        path = row["request"].removeprefix("POST ")
        response = ask(session, "POST", path, row["payload"], headers)
        headers, body = dict(response.headers), response.body
        place = re.search(r"/([A-Za-z]+)/([^/]+)/_history/1", response.headers.get("location", ""))
        if place:
            back = session.get(f"{place[1]}/{place[2]}")
            if "read_back_same" in row:
                assert (back.body == body) == row["read_back_same"], row["payload"]
            body = body.replace(f'"{place[2]}"', '"{id}"').replace(f"/{place[2]}/", "/{id}/")
            headers = {k: v.replace(f"/{place[2]}/", "/{id}/") for k, v in headers.items()}
            session.delete(f"{place[1]}/{place[2]}")
        got = recordings.answer(response.status, headers, body, created=True)
        want = recordings.answer(row["status"], row["headers"], row["body"], created=True)
        verdict = recordings.agreement(path, want, got)
        verdicts[verdict] += 1
        assert verdict == "equal", f"{row['payload']}\n{want}\n{got}"
    assert verdicts["equal"] == 924


class Scenario:
    """A recorded sequence of requests: ids and links of earlier answers are used in later requests."""

    def __init__(self, session):
        self.session = session
        self.names = {}
        self.ids = []

    def fill(self, text):
        return re.sub(r"\{([a-z][a-z0-9]*(?:\.[a-z]+)?)\}", lambda m: self.names.get(m[1], m[0]), text)

    def tag(self, text):
        for real, name in self.ids:
            text = re.sub(rf"(?<![0-9A-Za-z.]){re.escape(real)}(?![0-9A-Za-z.])", name, text)
        return text

    def learn(self, step, response):
        for _, id_ in re.findall(r"/([A-Za-z]+)/([^/\s\"]+)/_history/1\b", response.headers.get("location", "")):
            if id_.isdigit():
                self.ids.append((id_, "{" + (step.get("save") or f"id{len(self.ids)}") + "}"))
                if step.get("save"):
                    self.names[step["save"]] = id_
        if '"transaction-response"' in response.body or '"batch-response"' in response.body:
            for id_ in re.findall(r'"location": "[A-Za-z]+/(\d+)/_history/1"', response.body):
                self.ids.append((id_, f"{{id{len(self.ids)}}}"))
        if step.get("save") and response.body.startswith('{\n  "resourceType": "Bundle"'):
            self.names[step["save"] + ".id"] = re.search(r'"id": "([^"]*)"', response.body)[1]
            for relation, url in re.findall(r'"relation": "(\w+)",\s*"url": "([^"]*)"', response.body):
                self.names.setdefault(f"{step['save']}.{relation}", url)

    def play(self, step):
        payload = None if step.get("payload") is None else self.fill(step["payload"])
        response = ask(self.session, step["method"], self.fill(step["url"]), payload, step.get("headers_sent", {}))
        self.learn(step, response)
        headers = {k: self.tag(v) for k, v in response.headers.items()}
        got = recordings.answer(response.status, headers, self.tag(response.body), created=True)
        if step.get("body") is None:
            return None
        want = recordings.answer(step["status"], step["headers"], step["body"], created=True)
        later = any(mark in step["url"] for mark in ("page", "_getpages", "two."))
        return recordings.agreement(step["url"], want, got, later_page=later), want, got


def listed():
    """The recorded steps that the table of deviations names."""
    cells = (line.strip("|\n ").split(" | ") for line in DEVIATIONS.read_text().splitlines() if line.startswith("| "))
    return {row[1].strip("`") for row in cells if row[0] == "scenarios"}


def test_scenarios(recorded_backend):
    """With HAPI's staleness on, as two of them need it; what differs stands in the table of deviations."""
    verdicts, different = Counter(), {}
    session = recorded_backend.open(stale=True)
    for row in recordings.rows("scenarios"):
        scenario = Scenario(session)
        for step in row["steps"]:
            verdict = None if "client_error" in step else scenario.play(step)
            if verdict is None:
                continue
            verdicts[verdict[0]] += 1
            if verdict[0] == "different":
                different[step["url"]] = (
                    f"[{row['scenario']}] {step['method']} {step['url']}\n{verdict[1]}\n{verdict[2]}"
                )
    assert sum(verdicts.values()) > 450
    assert set(different) == listed(), "\n".join(different.values())


def test_fixtures_are_small():
    folder = Path(recordings.FIXTURES)
    assert sum(f.stat().st_size for f in folder.glob("hapi_*.xz")) < 2_500_000
