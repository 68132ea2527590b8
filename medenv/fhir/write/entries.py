"""The requests of a bundle: read, checked one by one, and those that mean the same once more left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from medenv.fhir import definitions, jsontext
from medenv.fhir.errors import FhirError
from medenv.fhir.write.elements import read_entries

__all__ = ["BundleEntry", "check_entry", "consolidate", "entries_of"]


@dataclass
class BundleEntry:
    """One request of a bundle.

    Attributes:
        at: Its place.
        verb: Its method.
        url: Its URL, relative to the base.
        resource: Its resource, or None.
        submitted: That resource as it was sent.
        full_url: Its ``fullUrl``.
        request: Its ``request``.
        condition: The search of a conditional request, ``""`` for none; placeholders in it are replaced once their ids are known.
        answer: What stands for it in the response.
        id: The id of what it stores.
        found: What its condition found before anything was written.
    """

    at: int
    verb: str
    url: str
    resource: dict[str, Any] | None
    submitted: str | None
    full_url: str
    request: dict[str, Any]
    condition: str = field(init=False)
    answer: dict[str, Any] | None = None
    id: str = ""
    found: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.verb == "POST":
            self.condition = str(self.request.get("ifNoneExist", ""))
        else:
            self.condition = self.url.lstrip("/") if "?" in self.url and not self.url_id else ""

    @property
    def type(self) -> str:
        """The resource type in its URL."""
        return self.url.lstrip("/").partition("?")[0].partition("/")[0]

    @property
    def url_id(self) -> str:
        """The id in its URL, ``""`` for none."""
        parts = self.url.lstrip("/").partition("?")[0].split("/")
        return parts[1] if len(parts) > 1 else ""

    @property
    def query(self) -> str:
        """The condition with its type before it, so that what means the same is the same."""
        if "?" in self.condition or self.resource is None:
            return self.condition
        return f"{self.resource['resourceType']}?{self.condition}"


def entries_of(sent: dict[str, Any]) -> list[BundleEntry]:
    """Return the requests of a bundle as it was sent."""
    found = []
    for at, (entry, payload) in enumerate(read_entries(sent)):
        request = entry.get("request", {})
        submitted = jsontext.compact(payload) if payload is not None else None
        row = (str(request.get("method", "")), str(request.get("url", "")), entry.get("resource"), submitted)
        found.append(BundleEntry(at, *row, str(entry.get("fullUrl", "")), request))
    return found


def check_entry(entry: BundleEntry) -> None:
    """Refuse a request that lacks what its method needs.

    Raises:
        FhirError: HAPI-0538, 0543, 0545 or 0546.
    """
    if entry.verb in ("POST", "PUT") and entry.resource is None:
        text = f"Missing required resource in Bundle.entry[{entry.at}].resource for operation {entry.verb}"
        raise FhirError(400, f"HAPI-0543: {text}")
    if entry.verb == "HEAD":
        raise FhirError(400, "HAPI-0538: Unable to handle verb in transaction: HEAD")
    if entry.verb in ("PUT", "DELETE", "PATCH"):
        if not entry.url:
            raise FhirError(400, f"HAPI-0545: Unable to perform {entry.verb}, no URL provided.")
        if not definitions.is_resource(entry.type) or not (entry.url_id or entry.condition):
            raise FhirError(400, f"HAPI-0546: Unable to perform {entry.verb}, URL provided is invalid: {entry.url}")


def consolidate(entries: Sequence[BundleEntry]) -> tuple[list[BundleEntry], dict[str, str]]:
    """Leave out what a transaction asks for twice, as HAPI's ``consolidateDuplicateConditionals`` does it.

    Returns:
        The entries that are left, and of each other one what its ``fullUrl`` means: that of the entry that came first.

    Raises:
        FhirError: HAPI-0535 for two updates of one resource, HAPI-2008 for two entries with one condition and no ``fullUrl``.
    """
    kept: list[BundleEntry] = []
    names: dict[str, str] = {}
    first: dict[tuple[str, ...], str] = {}
    for entry in entries:
        if entry.verb == "PUT" and entry.url_id:
            name = f"{entry.type}/{entry.url_id}"
            if ("PUT", name) in first:
                raise FhirError(400, f"HAPI-0535: Transaction bundle contains multiple resources with ID: {name}")
            first["PUT", name] = ""
        elif entry.verb in ("POST", "PUT") and entry.condition:
            key = (entry.verb, entry.query, "named" if entry.full_url else "")
            if key in first and not entry.full_url:
                raise FhirError(400, _duplicates(entry.query))
            if key in first:
                names[entry.full_url] = first[key]
                continue
            first[key] = entry.full_url
        kept.append(entry)
    return kept, names


def _duplicates(query: str) -> str:
    return (
        "HAPI-2008: Unable to process Transaction - Request contains multiple anonymous entries "
        f'(Bundle.entry.fullUrl not populated) with conditional URL: "{query}". Does transaction request contain duplicates?'
    )
