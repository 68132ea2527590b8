"""Transactions and batches: a Bundle of requests posted to the base, all or nothing or one by one.

HAPI's order (``TransactionSorter``): DELETE, POST, POST with a condition, PUT, PATCH, GET; answers stand in the order of the requests.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from typing import Any

from medenv.fhir import definitions, jsontext, read
from medenv.fhir.errors import FhirError, outcome
from medenv.fhir.handling import respond
from medenv.fhir.index.dates import format_instant
from medenv.fhir.read.refusals import unknown_type
from medenv.fhir.request import version_of
from medenv.fhir.workspace import Workspace
from medenv.fhir.write import operations, outcomes
from medenv.fhir.write.conditional import match
from medenv.fhir.write.elements import read_entries
from medenv.fhir.write.integrity import check_deletable, check_links, resolve_references
from medenv.fhir.write.operations import Written
from medenv.fhir.write.references import normalize_references, walk_references

__all__ = ["process"]

_PHRASES = {
    200: "OK",
    201: "Created",
    204: "No Content",
    304: "Not Modified",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    410: "Gone",
    412: "Precondition Failed",
    422: "Unprocessable Entity",
    500: "Internal Server Error",
}
_NO_VERB = (
    "HAPI-0389: Failed to call access method: java.lang.NullPointerException: Cannot invoke "
    '"String.equalsIgnoreCase(String)" because the return value of '
    '"ca.uhn.fhir.jpa.dao.ITransactionProcessorVersionAdapter.getEntryRequestVerb('
    'ca.uhn.fhir.context.FhirContext, org.hl7.fhir.instance.model.api.IBase)" is null'
)


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
    answer: dict[str, Any] | None = None
    id: str = ""
    found: list[str] = field(default_factory=list)

    @property
    def type(self) -> str:
        return self.url.lstrip("/").partition("?")[0].partition("/")[0]

    @property
    def url_id(self) -> str:
        parts = self.url.lstrip("/").partition("?")[0].split("/")
        return parts[1] if len(parts) > 1 else ""

    @property
    def condition(self) -> str:
        if self.verb == "POST":
            return str(self.request.get("ifNoneExist", ""))
        return self.url.lstrip("/") if "?" in self.url and not self.url_id else ""


def process(workspace: Workspace, bundle: dict[str, Any], sent: dict[str, Any], wanted: str) -> dict[str, Any]:
    """Carry out a transaction or batch.

    Args:
        workspace: Where.
        bundle: The Bundle as the parser understood it.
        sent: The Bundle as it was sent, which the entries are read from with their payloads.
        wanted: What ``Prefer`` asks for.

    Returns:
        The entries' answers as a Bundle without id.

    Raises:
        FhirError: The bundle, or one request of a transaction, is refused; nothing is stored then.
    """
    kind = bundle.get("type") or "transaction"
    if kind not in ("transaction", "batch"):
        raise FhirError(400, f"HAPI-0527: Unable to process transaction where incoming Bundle.type = {kind}")
    entries = _entries(sent)
    for entry in entries:
        if not entry.verb:
            if kind == "batch":
                raise FhirError(500, _NO_VERB)
            text = "Transaction bundle entry has missing or invalid HTTP Verb specified in "
            raise FhirError(400, f'HAPI-0529: {text}Bundle.entry({entry.at}).request.method. Found value: "null"')
    if kind == "batch":
        for entry in sorted(entries, key=lambda e: e.verb == "GET"):
            _run_alone(workspace, entry, wanted)
    else:
        _run_together(workspace, entries, wanted)
    answers = [e.answer for e in entries]
    head = {"type": f"{kind}-response", "link": [{"relation": "self", "url": workspace.base}]}
    return {**head, "entry": answers} if answers else head


def _entries(sent: dict[str, Any]) -> list[BundleEntry]:
    found = []
    for at, (entry, payload) in enumerate(read_entries(sent)):
        request = entry.get("request", {})
        submitted = jsontext.compact(payload) if payload is not None else None
        row = (str(request.get("method", "")), str(request.get("url", "")), entry.get("resource"), submitted)
        found.append(BundleEntry(at, *row, str(entry.get("fullUrl", "")), request))
    return found


def _run_alone(workspace: Workspace, entry: BundleEntry, wanted: str) -> None:
    """Carry out one request of a batch; what is refused is its answer."""
    try:
        if entry.verb == "GET":
            _read(workspace, entry, strict=False)
        else:
            _run_together(workspace, [entry], wanted)
    except FhirError as error:
        entry.answer = _refusal(error)


def _refusal(error: FhirError) -> dict[str, Any]:
    status = f"{error.status} {_PHRASES.get(error.status, '')}".strip()
    return {"response": {"status": status, "outcome": outcome(error.diagnostics, code="exception")}}


def _run_together(workspace: Workspace, entries: list[BundleEntry], wanted: str) -> None:
    with workspace.transaction():
        _write_all(workspace, entries, wanted)
    for entry in entries:
        if entry.verb == "GET":
            _read(workspace, entry, strict=True)


def _write_all(workspace: Workspace, entries: list[BundleEntry], wanted: str) -> None:
    for entry in entries:
        _check(entry)
    _check_duplicates(entries)
    deletes = [e for e in entries if e.verb == "DELETE"]
    posts = [e for e in entries if e.verb == "POST"]
    posts = [e for e in posts if not e.condition] + [e for e in posts if e.condition]
    puts = [e for e in entries if e.verb == "PUT"]
    _look_up(workspace, posts, puts)
    gone = _delete_all(workspace, deletes)
    names = _assign_ids(workspace, posts, puts)
    for entry in (*posts, *puts):
        assert entry.resource is not None
        _link(entry.resource, names)
        _resolve_references(workspace, entry.resource)
    done: list[tuple[BundleEntry, Written]] = []
    for entry in (*posts, *puts):
        done.append((entry, _store(workspace, entry)))
    for entry in (e for e in entries if e.verb == "PATCH"):
        entry.answer = _answer(_patch(workspace, entry), wanted)
    for entry, written in done:
        assert entry.resource is not None
        if written.changed:
            check_links(workspace, entry.resource)
        if entry.condition and entry.id not in match(workspace, written.type, entry.condition):
            text = f'Invalid conditional URL "{entry.condition}". The given resource is not matched by this URL.'
            raise FhirError(412, f"HAPI-0539: {text}")
        entry.answer = _answer(written, wanted)
    for record in gone:  # HAPI looks at the references when all is written
        if (now := workspace.lookup(record.type, record.id)) is None or now.deleted:
            check_deletable(workspace, record)


def _resolve_references(workspace: Workspace, resource: dict[str, Any]) -> None:
    try:
        resolve_references(workspace, resource)
    except FhirError as error:  # in a bundle HAPI looks all searches up at once, and says it under another number
        text = error.diagnostics.replace("HAPI-1092", "HAPI-2207")
        raise FhirError(error.status, text) from error
    normalize_references(resource)


def _check(entry: BundleEntry) -> None:
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


def _check_duplicates(entries: list[BundleEntry]) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.verb == "PUT" and entry.url_id:
            name = f"{entry.type}/{entry.url_id}"
            if name in seen:
                raise FhirError(400, f"HAPI-0535: Transaction bundle contains multiple resources with ID: {name}")
            seen.add(name)
        if entry.verb == "POST" and entry.condition and entry.resource is not None:
            query = entry.condition if "?" in entry.condition else f"{entry.resource['resourceType']}?{entry.condition}"
            if query in seen:
                raise FhirError(
                    400,
                    "HAPI-2008: Unable to process Transaction - Request contains multiple anonymous entries "
                    f'(Bundle.entry.fullUrl not populated) with conditional URL: "{query}". '
                    "Does transaction request contain duplicates?",
                )
            seen.add(query)


def _delete_all(workspace: Workspace, deletes: list[BundleEntry]) -> list[Any]:
    gone = []
    for entry in deletes:
        if entry.condition:
            written = operations.delete_where(workspace, entry.type, entry.condition, deferred=True)
        else:
            version = version_of(str(entry.request.get("ifMatch", "")))
            written = operations.delete(workspace, entry.type, entry.url_id, version, deferred=True)
        if written.record is not None and written.changed:
            gone.append(workspace.history(written.record.type, written.record.id)[-2])
        entry.answer = _answer(replace(written, status=204), "")
    return gone


def _look_up(workspace: Workspace, posts: list[BundleEntry], puts: list[BundleEntry]) -> None:
    """Find what conditional entries mean, as HAPI does it: before anything is written, updates first."""
    for entry in (*puts, *posts):
        if not entry.condition or entry.resource is None:
            continue
        type_ = entry.resource["resourceType"]
        entry.found = match(workspace, type_, entry.condition)
        if len(entry.found) > 1:
            if entry.verb == "POST":
                raise outcomes.too_many("0958", "CREATE", type_, entry.condition, 2)
            raise FhirError(
                412, f'HAPI-2207: Invalid match URL "{entry.condition}" - Multiple resources match this search'
            )


def _assign_ids(workspace: Workspace, posts: list[BundleEntry], puts: list[BundleEntry]) -> dict[str, str]:
    """Give each stored entry its id; what its placeholder, or the id it was sent with, stands for."""
    names: dict[str, str] = {}
    number = int(workspace.new_id())
    for entry in (*posts, *puts):
        assert entry.resource is not None
        type_ = entry.resource["resourceType"]
        if entry.verb == "PUT" and entry.url_id:
            entry.id = entry.url_id
            number += workspace.lookup(type_, entry.id) is None
        else:
            entry.id = entry.found[0] if entry.found else str(number)
            number += not entry.found
        name = f"{type_}/{entry.id}"
        if entry.full_url:
            names[entry.full_url] = name
        own = entry.resource.get("id")
        if own and entry.verb == "POST":
            names[f"{type_}/{own}"] = name
    return names


def _link(resource: dict[str, Any], names: dict[str, str]) -> None:
    for node in walk_references(resource):
        value = node["reference"]
        if value in names:
            node["reference"] = names[value]
        elif value.startswith("urn:"):
            where = next((k for k, v in resource.items() if _holds(v, node)), "")
            text = (
                f"Unable to satisfy placeholder ID {value} found in element named '{where}' within resource of type: "
            )
            raise FhirError(400, f"HAPI-0541: {text}{resource['resourceType']}")


def _holds(value: Any, node: dict[str, Any]) -> bool:
    if value is node:
        return True
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_holds(part, node) for part in parts)


def _store(workspace: Workspace, entry: BundleEntry) -> Written:
    resource, submitted = entry.resource, entry.submitted
    assert resource is not None
    if entry.verb == "POST":
        return operations.create(workspace, resource, submitted, entry.condition, found=entry.found)
    if entry.url_id:
        wanted = version_of(str(entry.request.get("ifMatch", "")))
        return operations.update(
            workspace, entry.type, entry.url_id, resource, submitted, if_match=wanted, batched=True
        )
    return operations.update_where(workspace, entry.type, entry.condition, resource, submitted, found=entry.found)


def _patch(workspace: Workspace, entry: BundleEntry) -> Written:
    resource = entry.resource or {}
    if resource.get("resourceType") != "Binary":
        raise FhirError(400, "HAPI-0536: Unable to determine PATCH body from request")
    document = base64.b64decode(resource.get("data", "")).decode("utf-8", "replace")
    found = [entry.url_id] if entry.url_id else match(workspace, entry.type, entry.condition)
    if not found:
        raise FhirError(404, f'HAPI-0973: Invalid match URL "{entry.condition}" - No resources match this search')
    if found[0].isdecimal() and workspace.by_number(found[0]) is None:
        raise FhirError(404, f"HAPI-1998: {found[0]}")
    return operations.patch(workspace, entry.type, found[0], document)


def _answer(written: Written, wanted: str) -> dict[str, Any]:
    record = written.record
    said: dict[str, Any] = {"status": f"{written.status} {_PHRASES[written.status]}"}
    if record is not None and written.name:
        said |= {"location": written.name, "etag": str(record.version)}
    told = written.outcome
    if written.status == 201 and record is not None and record.version == 1:
        said["lastModified"] = format_instant(record.updated)
    elif written.status < 204:
        issue = told["issue"][0]
        told = {**told, "issue": [{**issue, "diagnostics": issue["diagnostics"].removesuffix(" Took 0ms.")}]}
    answer: dict[str, Any] = {"response": {**said, "outcome": told}}
    if wanted == "representation" and record is not None and not record.deleted:
        answer = {"resource": record.resource, **answer}
    return answer


def _read(workspace: Workspace, entry: BundleEntry, strict: bool) -> None:
    """Answer a GET; inside a bundle nothing is cut, whatever ``_elements`` and ``_summary`` say."""
    path, _, query = entry.url.lstrip("/").partition("?")
    if strict and not entry.url:
        raise FhirError(400, f"HAPI-0545: Unable to perform {entry.verb}, no URL provided.")
    if strict and not definitions.is_resource(entry.type) and entry.type not in ("metadata", "_history", ""):
        raise unknown_type(entry.type)
    kept = "&".join(p for p in query.split("&") if p.partition("=")[0] not in ("_elements", "_summary", "_format"))
    headers = {}
    for name, header in (("ifNoneMatch", "if-none-match"), ("ifModifiedSince", "if-modified-since")):
        if name in entry.request:
            headers[header] = str(entry.request[name])
    answer = respond(read.handle, workspace, "GET", f"{path}?{kept}" if kept else path, None, headers)
    said = {"status": f"{answer.status} {_PHRASES.get(answer.status, '')}".strip()}
    if answer.status >= 400:
        issue = jsontext.loads(answer.body)["issue"][0]
        entry.answer = {"response": {**said, "outcome": outcome(issue["diagnostics"], code="exception")}}
    elif answer.body:
        entry.answer = {"resource": jsontext.loads(answer.body), "response": said}
    else:
        entry.answer = {"response": said}
