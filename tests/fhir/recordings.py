"""What a running HAPI 7.6.0 answered, packed beside the tests, and how far an answer of ours agrees with it.

``equal``: status, headers and body agree byte for byte once what no two servers share (uuids, times, new ids) is masked.
``order``: the same, but entries stand in another order, or on a page of a longer list, where HAPI's order is its database's choice.
"""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
HEADERS = ("content-type", "etag", "location", "content-location", "allow")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(?:\+00:00|Z)")
_BUNDLE_TIME = re.compile(
    r'\A(\{\s*"resourceType": ?"Bundle",(?:\s*"id": ?"[^"]*",)?\s*"meta": ?\{\s*"lastUpdated": ?"|'
    r'<Bundle[^>]*>\s*<id value="[^"]*"/>\s*<meta>\s*<lastUpdated value=")[^"]*'
)
_EXACT = ("code", "category", "status", "combo-code", "intent", "identifier", "gender", "clinical-status")
_NEUTRAL = ("patient", "subject", "_format", "_count", "_pretty")
_SORTED_BY = {
    "date": ("effectiveDateTime", "performedDateTime", "authoredOn"),
    "authoredon": ("authoredOn",),
    "authored": ("authoredOn",),
    "onset-date": ("onsetDateTime",),
    "recorded-date": ("recordedDate",),
    "birthdate": ("birthDate",),
    "gender": ("gender",),
    "status": ("status",),
    "patient": ("subject",),
    "subject": ("subject",),
    "value-quantity": ("valueQuantity",),
    "_id": ("id",),
    "_lastUpdated": ("meta",),
}


def text_of(name: str) -> str:
    """The text of one packed file: ``stored.ndjson``, ``writes.jsonl``, .."""
    return lzma.decompress((FIXTURES / f"hapi_{name}.xz").read_bytes()).decode()


def rows(kind: str) -> Iterator[dict[str, Any]]:
    """The recorded rows of a kind: ``reads``, ``search``, ``paging``, ``writes``, ``scenarios``."""
    return (json.loads(line) for line in text_of(f"{kind}.jsonl").splitlines())


def stored_lines() -> list[str]:
    """The resources that the server held, in load order, as it stored them."""
    return text_of("stored.ndjson").splitlines()


@cache
def _stored() -> dict[tuple[str, str], dict[str, Any]]:
    resources = map(json.loads, stored_lines())
    return {(r["resourceType"], r["id"]): r for r in resources}


def mask(text: str, created: bool = False) -> str:
    """Replace what no two servers share; of things created during the test also their ids, times and sources."""
    text = re.sub(r"Took \d+ms", "Took {n}ms", _UUID.sub("{uuid}", text))
    text = re.sub(r"(deleted at )\S+", r"\1{instant}", text.replace(".where(resolve() is Patient)", ""))
    text = _BUNDLE_TIME.sub(r"\1{instant}", text)
    if created:
        text = re.sub(r'"#[0-9A-Za-z]{16}"', '"#{source}"', _INSTANT.sub("{instant}", text))
        text = re.sub(r'("id": ?)"\d{4,}"', r'\1"{id}"', text)
        text = re.sub(r"/\d{4,}(?=/_history|\")", "/{id}", text)
    return text


def answer(status: int, headers: dict[str, str], body: str, created: bool = False) -> dict[str, Any]:
    """An answer ready to be compared."""
    kept = {k.lower(): mask(v, created) for k, v in headers.items() if k.lower() in HEADERS}
    return {"status": status, "headers": kept, "body": mask(body, created)}


def agreement(url: str, want: dict[str, Any], got: dict[str, Any], later_page: bool = False) -> str:
    """How far two answers agree: ``equal``, ``order`` or ``different``.

    Args:
        url: The request, quoted, below the base.
        want: HAPI's answer.
        got: Ours.
        later_page: Whether HAPI's total depends on how far its background search had come.
    """
    if want["status"] != got["status"]:
        return "different"
    if any(want["headers"].get(h, "").lower() != got["headers"].get(h, "").lower() for h in HEADERS):
        return "different"
    bodies = [re.sub(r'\n  "total": \d+,', "", a["body"]) if later_page else a["body"] for a in (want, got)]
    if bodies[0] == bodies[1]:
        return "equal"
    (head, entries), (our_head, ours) = map(split_bundle, bodies)
    if not head or head != our_head or len(entries) != len(ours):
        return "different"
    longer = '"next"' in head or '"previous"' in head
    if sorted(map(_text, entries)) != sorted(map(_text, ours)) and not (longer and _genuine(url, ours)):
        return "different"
    if "_sort=" not in url:
        return "order" if free_order(url) else "different"
    keys = sort_keys(url)
    return "order" if sort_values(entries, keys) == sort_values(ours, keys) else "different"


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def split_bundle(body: str) -> tuple[str, list[dict[str, Any]]]:
    """A searchset as the text of what stands before its entries, and its entries; ``""`` for anything else."""
    try:
        bundle = json.loads(body)
    except ValueError:
        return "", []
    if not isinstance(bundle, dict) or bundle.get("type") != "searchset":
        return "", []
    entries = bundle.pop("entry", [])
    return _text(bundle), entries


def _parameters(url: str) -> list[tuple[str, str]]:
    return [(n, v) for n, _, v in (p.partition("=") for p in url.partition("?")[2].split("&")) if v]


def free_order(url: str) -> bool:
    """Whether HAPI's order is its database's choice: no exact token narrows the search, but something else does."""
    given = _parameters(url)
    if any(n in _EXACT and "," not in v and not v.endswith("|") for n, v in given):
        return False
    return any(n.partition(":")[0] not in _NEUTRAL for n, _ in given)


def _genuine(url: str, entries: list[dict[str, Any]]) -> bool:
    """Whether a page's matches are stored resources, verbatim and once each, of the patient that was asked for."""
    wanted = {v.removeprefix("Patient/") for n, v in _parameters(url) if n in ("patient", "subject", "subject:Patient")}
    patients = {p.removeprefix("Patient/") for value in wanted for p in value.split(",")}
    cut = "_summary" in url or "_elements" in url
    seen = set()
    for entry in entries:
        if entry.get("search", {}).get("mode") != "match":
            continue
        resource = entry["resource"]
        key = resource["resourceType"], resource["id"]
        known = _stored().get(key)
        if known is None or key in seen or (not cut and resource != known):
            return False
        holder = known.get("subject", {}).get("reference", "").removeprefix("Patient/")
        if patients and holder not in patients:
            return False
        seen.add(key)
    return True


def sort_keys(url: str) -> list[str]:
    """The names of a search's sort keys."""
    return [k.lstrip("-") for n, v in _parameters(url) if n == "_sort" for k in v.split(",")]


def sort_values(entries: list[dict[str, Any]], keys: list[str]) -> list[Any]:
    """The sort keys' values entry by entry; of keys that pick one of several values nothing, so any order counts."""
    matches = [e["resource"] for e in entries if e.get("search", {}).get("mode") == "match"]
    if any(k not in _SORTED_BY for k in keys):
        return []
    return [[_text(_key_of(r, k)) for k in keys] for r in matches]


def _key_of(resource: dict[str, Any], key: str) -> Any:
    value = next((resource[f] for f in _SORTED_BY[key] if f in resource), None)
    return value.get("value") if key == "value-quantity" and value else value
