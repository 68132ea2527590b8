"""Which resources a request may write and which an answer says it wrote, so that they can be put back.

A request is one of three things: it only reads, it writes what can be undone, or it does what no client can undo.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from medenv.fhir import jsontext
from medenv.fhir.backend import Response

__all__ = ["Key", "Plan", "plan", "written"]

Key = tuple[str, str]
"""A resource's type and id."""

_PLACE = re.compile(r"(?:\A|/)([A-Z][A-Za-z]+)/([A-Za-z0-9.\-]{1,64})/_history/([A-Za-z0-9.\-]+)\Z")
_TYPE = re.compile(r"[A-Z][A-Za-z]+\Z")
_READING = frozenset(
    f"${name}"
    for name in (
        *(
            "diff",
            "document",
            "everything",
            "expand",
            "get-resource-counts",
            "lastn",
            "lookup",
            "match",
            "meta",
            "stats",
        ),
        *("subsumes", "summary", "translate", "validate", "validate-code"),
    )
)
"""Operations that change nothing (FHIR R4's and HAPI's own)."""


@dataclass
class Plan:
    """What a request may write.

    Attributes:
        writes: Whether it writes at all.
        lasting: Whether it does what can't be undone (expunge, a job, another operation).
        keys: Resources it names.
        searches: Searches (type and query) for resources that it names by condition.
        submitted: By position, what a bundle's entries hold; a single one for other requests. None for no resource.
    """

    writes: bool = False
    lasting: bool = False
    keys: list[Key] = field(default_factory=list)
    searches: list[str] = field(default_factory=list)
    submitted: list[str | None] = field(default_factory=list)


def plan(method: str, target: str, body: str | None) -> Plan:
    """Read a request.

    Args:
        method: Its HTTP method.
        target: Its path and query below the base, percent-encoded.
        body: Its body.
    """
    found = Plan()
    path, _, query = target.partition("?")
    parts = [unquote(part) for part in path.split("/") if part]
    if method not in ("POST", "PUT", "PATCH", "DELETE"):
        return found
    if parts and parts[-1].startswith("$"):
        found.lasting = found.writes = parts[-1] not in _READING
        return found
    if parts and parts[-1] == "_search":
        return found
    found.writes = True
    if not parts and method == "POST":
        _bundle(found, body)
    else:
        _single(found, method, parts, query)
        found.submitted = [body if method in ("POST", "PUT") else None]
    return found


def _single(found: Plan, method: str, parts: list[str], query: str) -> None:
    if method == "POST" or not parts or not _TYPE.match(parts[0]):
        return
    if len(parts) >= 2:
        found.keys.append((parts[0], parts[1]))
    elif query:
        found.searches.append(f"{parts[0]}?{query}")


def _bundle(found: Plan, body: str | None) -> None:
    try:
        entries = jsontext.loads(body or "").get("entry") or []
    except (ValueError, AttributeError, RecursionError):
        return
    for entry in entries if isinstance(entries, list) else []:
        request = entry.get("request") if isinstance(entry, Mapping) else None
        resource = entry.get("resource") if isinstance(entry, Mapping) else None
        method, url = (str(request.get(k, "")) for k in ("method", "url")) if isinstance(request, Mapping) else ("", "")
        inner = plan(method, url.lstrip("/"), None)
        found.lasting |= inner.lasting
        found.keys += inner.keys
        found.searches += inner.searches
        found.submitted.append(jsontext.compact(resource) if isinstance(resource, Mapping) else None)


def written(request: Plan, response: Response) -> Iterator[tuple[Key, str, str | None]]:
    """What an answer says was written: each resource, its new version and what was submitted for it.

    Args:
        request: What was asked.
        response: The answer.
    """
    if not response.ok:
        return
    for name in ("location", "content-location"):
        place = _PLACE.search(response.headers.get(name, ""))
        if place:
            yield (place[1], place[2]), place[3], request.submitted[0] if request.submitted else None
            return
    if '"Bundle"' not in response.body:
        return
    entries: Any = jsontext.loads(response.body).get("entry") or []
    for number, entry in enumerate(entries):
        answer = entry.get("response") or {}
        place = _PLACE.search(str(answer.get("location", "")))
        if place:
            sent = request.submitted[number] if number < len(request.submitted) else None
            yield (place[1], place[2]), place[3], sent
