"""Which resources a request may write and which an answer says it wrote, so that they can be put back.

A request is one of three things: it only reads, it writes what can be undone, or it does what no client can undo.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

from medenv.fhir import jsontext
from medenv.fhir.backend import Response
from medenv.fhir.errors import FhirError
from medenv.fhir.write.elements import ParseError, read_entries

__all__ = ["LONGEST_NUMBER", "Effects", "Key", "Report", "effects_of", "reports"]

Key = tuple[str, str]
"""A resource's type and id."""

LONGEST_NUMBER = 900
"""Digits, below the 1,000 beyond which Jackson reads no number (its StreamReadConstraints).

HAPI 7.6.0 stores a longer one all the same, and from then on answers 500 to a read of it and of its history, and refuses to delete it.
"""

_PLACE = re.compile(r"(?:\A|/)([A-Z][A-Za-z]+)/([A-Za-z0-9.\-]{1,64})/_history/([A-Za-z0-9.\-]+)\Z")
_DECIMAL = re.compile(r"[+-]?([\d.]+)(?:[eE]([+-]?\d+))?", re.ASCII)
_MAYBE_LONG = re.compile(r"[\d.]{900}|\d[eE][+-]?0*[1-9]\d\d", re.ASCII)
"""What a body holds if it may hold a number that is too long; few do, so that few are parsed for it."""
_TYPE = re.compile(r"[A-Z][A-Za-z]+\Z")
_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}\Z")
_FHIR = "{http://hl7.org/fhir}"
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
class Effects:
    """What a request may write.

    Attributes:
        writes: Whether it writes at all.
        lasting: Whether it does what can't be undone (expunge, a job, another operation).
        unreadable: Whether it holds a number that HAPI stores and can never read again, see `LONGEST_NUMBER`.
        nameless: Whether it writes a resource with the id ``.`` or ``..``, which no URL can name, so that it could be neither read nor
            put back.
        keys: Resources it names.
        searches: Searches (type and query) for resources that it names by condition.
        submitted: By position in the answer, what a bundle's entries hold; a single one for other requests. None for no resource.
    """

    writes: bool = False
    lasting: bool = False
    unreadable: bool = False
    nameless: bool = False
    keys: list[Key] = field(default_factory=list)
    searches: list[str] = field(default_factory=list)
    submitted: list[str | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    """What an answer says of one resource.

    Attributes:
        key: The resource.
        version: Its version that is now current; it may have been so before.
        submitted: What was sent for it; None if that isn't known.
        created: Whether it was created.
    """

    key: Key
    version: str
    submitted: str | None
    created: bool


def effects_of(method: str, target: str, body: str | None) -> Effects:
    """Read a request.

    Args:
        method: Its HTTP method.
        target: Its path and query below the base, percent-encoded.
        body: Its body.
    """
    found = Effects()
    path, _, query = target.partition("?")
    parts = [unquote(part) for part in path.split("/") if part]
    if method not in ("POST", "PUT", "PATCH", "DELETE"):
        return found
    if parts and parts[-1].startswith("$"):
        found.lasting = found.writes = parts[-1] not in _READING
        if found.writes and len(parts) > 2 and _TYPE.match(parts[0]):
            _name(found, parts[0], parts[1])
        return found
    if parts and parts[-1] == "_search":
        return found
    found.writes = True
    found.unreadable = _unreadable(body)
    if not parts and method == "POST":
        _bundle(found, body)
    else:
        _single(found, method, parts, query)
        found.submitted = [body if method in ("POST", "PUT") else None]
    return found


def _unreadable(body: str | None) -> bool:
    """Return whether a body holds a number whose plain form is too long, as a JSON number or as a text in a number's place."""
    if body is None or not _MAYBE_LONG.search(body):
        return False
    try:
        left = [jsontext.loads(body)]
    except (ValueError, RecursionError):
        return False  # the server refuses it by itself
    while left:
        value = left.pop()
        if isinstance(value, str):
            match = _DECIMAL.fullmatch(value.strip())
            # HAPI writes a JSON number out, and keeps a text as it is.
            exponent = int(match[2][:12]) if match and match[2] and isinstance(value, jsontext.Number) else 0
            if match and len(match[1]) + abs(exponent) > LONGEST_NUMBER:
                return True
        elif isinstance(value, dict | list):
            left += value.values() if isinstance(value, dict) else value
    return False


def _single(found: Effects, method: str, parts: list[str], query: str) -> None:
    if method == "POST" or not parts or not _TYPE.match(parts[0]):
        return
    if len(parts) >= 2:
        _name(found, parts[0], parts[1])
    elif query:
        found.searches.append(f"{parts[0]}?{query}")


def _name(found: Effects, type_: str, id_: str) -> None:
    """Note a resource that a request names, unless its id is none, so that the server refuses the request by itself."""
    found.nameless |= id_ in (".", "..")
    if _ID.match(id_) and not found.nameless:
        found.keys.append((type_, id_))


def _bundle(found: Effects, body: str | None) -> None:
    for entry, resource in _entries(body):
        request = entry.get("request")
        method, url = (str(request.get(k, "")) for k in ("method", "url")) if isinstance(request, Mapping) else ("", "")
        inner = effects_of(method, url.lstrip("/"), None)
        found.lasting |= inner.lasting
        found.nameless |= inner.nameless
        found.keys += inner.keys
        found.searches += inner.searches
        found.submitted.append(jsontext.compact(resource) if isinstance(resource, Mapping) else None)


def _entries(body: str | None) -> list[tuple[Mapping[str, Any], Any]]:
    """Return a Bundle's entries as HAPI understands them, which drops some and takes one without a list; each with its resource as sent."""
    try:
        bundle = jsontext.loads(body or "")
        try:
            return list(read_entries(bundle))
        except (ParseError, FhirError):  # another server may be more lenient
            entries = bundle.get("entry")
    except (ValueError, AttributeError, RecursionError):
        return []
    entries = entries if isinstance(entries, list) else [entries]
    return [(entry, entry.get("resource")) for entry in entries if isinstance(entry, Mapping)]


def reports(request: Effects, response: Response) -> Iterator[Report]:
    """Yield what an answer says: each resource that it names with a version, in the order of the requests.

    Args:
        request: What was asked.
        response: The answer.
    """
    if not response.ok:
        return
    for name in ("location", "content-location"):
        place = _PLACE.search(response.headers.get(name, ""))
        if place:
            sent = request.submitted[0] if request.submitted else None
            yield Report((place[1], place[2]), place[3], sent, response.status == 201)
            return
    if response.status == 201 and (named := _in_body(response.body)) is not None:
        # A proxy may have dropped the header; the representation says as much.
        key, version = named
        yield Report(key, version, request.submitted[0] if request.submitted else None, True)
        return
    for number, (location, status) in enumerate(_answers(response.body)):
        place = _PLACE.search(location)
        if place:
            sent = request.submitted[number] if number < len(request.submitted) else None
            yield Report((place[1], place[2]), place[3], sent, status.startswith("201"))


def _in_body(text: str) -> tuple[Key, str] | None:
    """Return type, id and version of the resource that an answer holds; None if it holds none, or a Bundle."""
    try:
        found = jsontext.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, Mapping) or found.get("resourceType") == "Bundle":
        return None
    meta = found.get("meta")
    parts = found.get("resourceType"), found.get("id"), meta.get("versionId") if isinstance(meta, Mapping) else None
    return None if None in parts else ((str(parts[0]), str(parts[1])), str(parts[2]))


def _answers(text: str) -> list[tuple[str, str]]:
    """Return what each entry of a Bundle says of its request: location and status, ``""`` where it says nothing; none for another answer.

    Args:
        text: A server's answer, JSON or (for a request with ``_format=xml``) XML.
    """
    if text.lstrip().startswith("<") and "<Bundle" in text:
        try:
            entries = list(ElementTree.fromstring(text).iter(f"{_FHIR}entry"))
        except ElementTree.ParseError:
            return []
        return [(_in_xml(entry, "location"), _in_xml(entry, "status")) for entry in entries]
    if '"Bundle"' not in text:
        return []
    try:
        found = jsontext.loads(text).get("entry")
    except (ValueError, AttributeError, RecursionError):
        return []
    answers = [
        entry.get("response") if isinstance(entry, Mapping) else None
        for entry in (found if isinstance(found, list) else ())
    ]
    return [
        (str(one.get("location", "")), str(one.get("status", ""))) if isinstance(one, Mapping) else ("", "")
        for one in answers
    ]


def _in_xml(entry: ElementTree.Element, name: str) -> str:
    found = entry.find(f"{_FHIR}response/{_FHIR}{name}")
    return "" if found is None else found.get("value", "")
