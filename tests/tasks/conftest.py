"""A small reader over resources in memory, enough FHIR search to drive solutions without a server."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlencode

import pytest

from medenv.fhir import jsontext
from medenv.tasks import builtin
from medenv.tasks.chart import instant
from tests.tasks.sources import parsed

SHARED = Path(__file__).resolve().parents[3] / "shared"


class Chart:
    """Answers the searches that solutions send: unsorted in load order, 20 a page, with `next` links."""

    def __init__(self, resources: Iterable[object]) -> None:
        self.resources = list(parsed(resources))
        self._observations: dict[tuple[str, str], list[dict]] = {}
        for resource in self.resources:
            if resource["resourceType"] == "Observation":
                key = (resource["subject"]["reference"], resource["code"]["text"])
                self._observations.setdefault(key, []).append(resource)
        self._patients = [resource for resource in self.resources if resource["resourceType"] == "Patient"]

    def values(self, mrn: str, code: str) -> list[dict]:
        return self._observations.get((f"Patient/{mrn}", code), [])

    def search(self, url: str) -> list[dict]:
        """All matches of a search, paging aside."""
        kind, _, query = url.partition("?")
        params = dict(parse_qsl(query))
        if kind == "Observation":
            found = self.values(params["patient"], params["code"])
            if "date" in params:
                assert params["date"].startswith("ge")
                found = [one for one in found if instant(one["effectiveDateTime"]) >= instant(params["date"][2:])]
            if params.get("_sort") == "-date":
                found = sorted(found, key=lambda one: instant(one["effectiveDateTime"]), reverse=True)
            return found
        assert kind == "Patient", url
        found = self._patients
        if "identifier" in params:
            return [one for one in found if one["identifier"][0]["value"] == params["identifier"]]
        return [
            one
            for one in found
            if one["birthDate"] == params["birthdate"]
            and one["name"][0]["family"].lower().startswith(params["family"].lower())
            and one["name"][0]["given"][0].lower().startswith(params["given"].lower())
        ]

    def answer(self, url: str, base: str = "") -> str:
        """What the server would send: a page as a pretty Bundle."""
        assert url.startswith(base)
        kind, _, query = url[len(base) :].partition("?")
        params = dict(parse_qsl(query))
        offset, count = int(params.pop("_offset", 0)), int(params.get("_count", 20))
        found = self.search(f"{kind}?{urlencode(params)}")
        bundle: dict = {"resourceType": "Bundle", "type": "searchset", "link": [{"relation": "self", "url": url}]}
        if offset + count < len(found):
            following = f"{base}{kind}?{urlencode({**params, '_offset': offset + count})}"
            bundle["link"].append({"relation": "next", "url": following})
        page = found[offset : offset + count]
        if page:
            bundle["entry"] = [{"resource": one, "search": {"mode": "match"}} for one in page]
        return jsontext.pretty(bundle)

    def run(self, solution: Generator[str, str, None], base: str = "") -> list[str]:
        """Drive a solution to its end; the actions it took."""
        actions: list[str] = []
        try:
            action = next(solution)
            while True:
                actions.append(action)
                seen = self.answer(action[4:], base) if action.startswith("GET ") else '{"resourceType": "Basic"}'
                action = solution.send(seen)
        except StopIteration:
            return actions


@pytest.fixture(scope="session")
def make_chart() -> type[Chart]:
    return Chart


@pytest.fixture(scope="session")
def builtin_chart() -> Chart:
    return Chart(builtin.resources())


@pytest.fixture(scope="session")
def official() -> SimpleNamespace:
    """The official rows and charts, where the reference material lies beside the repository."""
    folder = SHARED / "data" / "official"
    if not folder.is_dir():
        pytest.skip(f"needs the official rows in {folder}")
    lines = (folder / "charts.ndjson").read_text(encoding="utf-8").splitlines()
    return SimpleNamespace(folder=folder, chart=Chart(map(jsontext.loads, lines)))
