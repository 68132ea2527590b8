"""Transactions and batches: a Bundle of requests posted to the base, all or nothing or one by one.

HAPI's order (``TransactionSorter``): DELETE, POST, POST with a condition, PUT, PATCH, GET; answers stand in the order of the requests.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from medenv.fhir import definitions, jsontext, read
from medenv.fhir.errors import FhirError, outcome
from medenv.fhir.index.dates import format_instant
from medenv.fhir.output import Output
from medenv.fhir.read.refusals import unknown_type
from medenv.fhir.request import Request, version_of
from medenv.fhir.workspace import Workspace
from medenv.fhir.write import operations, outcomes
from medenv.fhir.write.conditional import is_looked_up_at_once, match
from medenv.fhir.write.entries import BundleEntry, check_entry, consolidate, entries_of
from medenv.fhir.write.integrity import check_deletable, check_links, resolve_references
from medenv.fhir.write.operations import Written
from medenv.fhir.write.placeholders import link, with_ids
from medenv.fhir.write.references import normalize_references

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
    entries = entries_of(sent)
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
        for entry in entries:
            check_entry(entry)
        entries, same = consolidate(entries)
        _run_together(workspace, entries, wanted, same)
    answers = [e.answer for e in entries]
    head = {"type": f"{kind}-response", "link": [{"relation": "self", "url": workspace.base}]}
    return {**head, "entry": answers} if answers else head


def _run_alone(workspace: Workspace, entry: BundleEntry, wanted: str) -> None:
    """Carry out one request of a batch; what is refused is its answer."""
    try:
        if entry.verb == "GET":
            _read(workspace, entry, strict=False)
        else:
            check_entry(entry)
            _run_together(workspace, [entry], wanted, {})
    except FhirError as error:
        entry.answer = _refusal(error)


def _refusal(error: FhirError) -> dict[str, Any]:
    status = f"{error.status} {_PHRASES.get(error.status, '')}".strip()
    return {"response": {"status": status, "outcome": outcome(error.diagnostics, code="exception")}}


def _run_together(workspace: Workspace, entries: list[BundleEntry], wanted: str, same: dict[str, str]) -> None:
    """Carry out requests as one; ``same`` gives, of each ``fullUrl`` that was left out, the one that stands for it."""
    with workspace.transaction():
        _write_all(workspace, entries, wanted, same)
    for entry in entries:
        if entry.verb == "GET":
            _read(workspace, entry, strict=True)


def _write_all(workspace: Workspace, entries: list[BundleEntry], wanted: str, same: dict[str, str]) -> None:
    deletes = [e for e in entries if e.verb == "DELETE"]
    posts = [e for e in entries if e.verb == "POST"]
    posts = [e for e in posts if not e.condition] + [e for e in posts if e.condition]
    puts = [e for e in entries if e.verb == "PUT"]
    for entry in (*puts, *posts):
        _look_up(workspace, entry)
    gone = _delete_all(workspace, deletes)
    names = _assign_ids(workspace, posts, puts)
    names |= {name: names[first] for name, first in same.items()}
    for entry in (*posts, *puts):
        assert entry.resource is not None
        link(entry.resource, names)
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


def _look_up(workspace: Workspace, entry: BundleEntry) -> None:
    """Find what a conditional entry means, as HAPI does it before anything is written; one that names a placeholder has to wait.

    Raises:
        FhirError: HAPI-2207: it means several, and HAPI looked it up beforehand.
    """
    if not entry.condition or entry.resource is None or "urn:" in entry.condition:
        return
    entry.found = match(workspace, entry.resource["resourceType"], entry.condition)
    if len(entry.found) > 1 and is_looked_up_at_once(entry.condition):
        raise _ambiguous(entry.condition)


def _ambiguous(url: str) -> FhirError:
    return FhirError(412, f'HAPI-2207: Invalid match URL "{url}" - Multiple resources match this search')


def _assign_ids(workspace: Workspace, posts: list[BundleEntry], puts: list[BundleEntry]) -> dict[str, str]:
    """Give each stored entry its id; what its placeholder, or the id it was sent with, stands for.

    Raises:
        FhirError: HAPI-0958 or 0988: a condition finds several resources.
    """
    names: dict[str, str] = {}
    made: dict[str, str] = {}  # what a condition's first entry stores is found by the next one's
    number = int(workspace.new_id())
    for entry in (*posts, *puts):
        assert entry.resource is not None
        type_ = entry.resource["resourceType"]
        if entry.verb == "PUT" and entry.url_id:
            entry.id = entry.url_id
            number += workspace.lookup(type_, entry.id) is None
        else:
            if entry.condition:
                _find(workspace, entry, names, made)
            entry.id = entry.found[0] if entry.found else str(number)
            number += not entry.found
            if entry.condition:
                made.setdefault(entry.query, entry.id)
        name = f"{type_}/{entry.id}"
        if entry.full_url:
            names[entry.full_url] = name
        own = entry.resource.get("id")
        if own and entry.verb == "POST":
            names[f"{type_}/{own}"] = name
    return names


def _find(workspace: Workspace, entry: BundleEntry, names: dict[str, str], made: dict[str, str]) -> None:
    """Settle what a conditional entry means, once the entries before it have their ids."""
    assert entry.resource is not None
    type_ = entry.resource["resourceType"]
    if "urn:" in entry.condition:
        entry.condition = with_ids(entry.condition, names)
        entry.found = match(workspace, type_, entry.condition)
    if len(entry.found) > 1:
        number, verb = ("0958", "CREATE") if entry.verb == "POST" else ("0988", "UPDATE")
        raise outcomes.too_many(number, verb, type_, entry.condition, 2)
    if not entry.found and entry.query in made:
        entry.found = [made[entry.query]]


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
    if len(found) > 1:
        if is_looked_up_at_once(entry.condition):
            raise _ambiguous(entry.condition)
        raise outcomes.too_many("0972", "PATCH", entry.type, entry.condition, 2)
    if not found:
        raise FhirError(404, f'HAPI-0973: Invalid match URL "{entry.condition}" - No resources match this search')
    if found[0].isdecimal() and workspace.by_number(found[0]) is None:
        raise FhirError(404, f"HAPI-1998: {found[0]}")
    return operations.patch(workspace, entry.type, found[0], document, condition=entry.condition)


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
    """Answer a GET, in JSON whatever ``_format`` says."""
    if strict and not entry.url:
        raise FhirError(400, f"HAPI-0545: Unable to perform {entry.verb}, no URL provided.")
    whole = entry.type.endswith(":")  # a whole URL, of whichever server: HAPI takes its scheme for a type
    if whole or (strict and not definitions.is_resource(entry.type) and entry.type not in ("metadata", "_history", "")):
        raise unknown_type(entry.type)
    headers = {}
    for name, header in (("ifNoneMatch", "if-none-match"), ("ifModifiedSince", "if-modified-since")):
        if name in entry.request:
            headers[header] = str(entry.request[name])
    request = Request.parse("GET", entry.url.lstrip("/"), None, headers, workspace.base)
    try:
        answer = read.handle(workspace, replace(request, output=Output(pretty=False, nested=True)))
    except FhirError as error:
        entry.answer = _refusal(error)
        return
    said = {"status": f"{answer.status} {_PHRASES.get(answer.status, '')}".strip()}
    if answer.body:
        entry.answer = {"resource": jsontext.loads(answer.body), "response": said}
    else:
        entry.answer = {"response": said}
