"""Create, update, patch and delete one resource, plainly or by a search, as HAPI 7.6.0 does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from medenv.fhir import jsontext
from medenv.fhir.errors import FhirError
from medenv.fhir.read.refusals import deleted_error, not_known
from medenv.fhir.template import SET_BY_SERVER, Record
from medenv.fhir.workspace import Workspace
from medenv.fhir.write import outcomes
from medenv.fhir.write.conditional import match
from medenv.fhir.write.integrity import check_deletable, check_id, has_links, prepare
from medenv.fhir.write.normalise import ParseError, normalise
from medenv.fhir.write.patch import PatchError, apply_patch, read_patch
from medenv.fhir.write.references import walk_references

__all__ = ["Written", "create", "delete", "delete_where", "patch", "update", "update_where"]


_LONG = re.compile(r"[+-]?\d{1,18}")
"""What Java's Long.parseLong takes, to the digit before its limit."""


@dataclass(frozen=True)
class Written:
    """What a write did.

    Attributes:
        status: HTTP status code.
        outcome: HAPI's OperationOutcome.
        record: The version that is now current; None if there is none to speak of.
        name: ``Type/id`` or ``Type/id/_history/2``, for the headers.
        changed: Whether a new version was stored.
    """

    status: int
    outcome: dict[str, Any]
    record: Record | None
    name: str
    changed: bool = True

    @property
    def type(self) -> str:
        """The resource type, ``""`` where there is no record."""
        return self.record.type if self.record is not None else ""


def _versioned(record: Record) -> str:
    return f"{record.type}/{record.id}/_history/{record.version}"


def create(
    workspace: Workspace,
    resource: dict[str, Any],
    submitted: str | None,
    condition: str = "",
    *,
    found: list[str] | None = None,
) -> Written:
    """Store a new resource under a new id.

    Args:
        workspace: Where.
        resource: What the parser made of the payload.
        submitted: The payload.
        condition: The ``If-None-Exist`` URL, ``""`` for none.
        found: Of a bundle's entry: what that URL found; its references and the URL's fit are the caller's to check.

    Raises:
        FhirError: HAPI refuses it.
    """
    type_ = resource["resourceType"]
    batched = found is not None
    if condition:
        matches = match(workspace, type_, condition) if found is None else found
        if len(matches) > 1:
            raise outcomes.too_many("0958", "CREATE", type_, condition, 2)
        if matches:
            record = workspace.lookup(type_, matches[0])
            assert record is not None
            text = f'Successfully conditionally created resource "2". Existing resource matched URL "{condition}".'
            outcome = outcomes.succeeded("SUCCESSFUL_CREATE_WITH_CONDITIONAL_MATCH", text)
            return Written(200, outcome, record, _versioned(record), changed=False)
    if not batched:
        prepare(workspace, resource)
    fitting = "" if batched else condition
    record = _save_new(workspace, type_, resource, submitted, "POST", fitting)
    name = _versioned(record)
    if not condition:
        text = f'Successfully created resource "{name}".'
        return Written(201, outcomes.succeeded("SUCCESSFUL_CREATE", text, took=True), record, name)
    text = f'Successfully conditionally created resource "{name}". No existing resources matched URL "{condition}".'
    return Written(201, outcomes.succeeded("SUCCESSFUL_CREATE_NO_CONDITIONAL_MATCH", text, took=True), record, name)


def _save_new(
    workspace: Workspace, type_: str, resource: dict[str, Any], submitted: str | None, method: str, url: str
) -> Record:
    """Store a resource under a new id, if a conditional URL finds it then.

    Args:
        workspace: Where.
        type_: The type.
        resource: The resource.
        submitted: The payload.
        method: What wrote it.
        url: The URL, ``""`` for none.

    Raises:
        FhirError: HAPI-0929: the URL doesn't find it. Nothing is stored then.
    """
    if not url:
        return workspace.save(type_, workspace.new_id(), resource, submitted, method)
    with workspace.transaction():
        record = workspace.save(type_, workspace.new_id(), resource, submitted, method)
        if record.id not in match(workspace, type_, url):
            text = "Failed to process conditional create. The supplied resource did not satisfy the conditional URL."
            raise FhirError(400, f"HAPI-0929: {text}")
    return record


def _content(resource: dict[str, Any]) -> str:
    """Return what makes a resource the same to HAPI: all but its id and the server's part of its meta."""
    meta = {k: v for k, v in resource.get("meta", {}).items() if k not in SET_BY_SERVER}
    rest = {k: v for k, v in resource.items() if k not in ("id", "meta")}
    return jsontext.compact({"meta": meta, **rest})


def update(
    workspace: Workspace,
    type_: str,
    id_: str,
    resource: dict[str, Any],
    submitted: str | None,
    *,
    if_match: str = "",
    batched: bool = False,
    condition: str = "",
) -> Written:
    """Store a resource under a given id: as a new version, or as a new resource.

    Args:
        workspace: Where.
        type_: Its type.
        id_: Its id.
        resource: What the parser made of the payload.
        submitted: The payload.
        if_match: The version that must be current, ``""`` for any.
        batched: Whether it is part of a bundle.
        condition: The URL that found it, in a conditional update.

    Raises:
        FhirError: HAPI refuses it.
    """
    check_id(id_)
    known = workspace.lookup(type_, id_)
    if known is None:
        _check_new_id(workspace, type_, id_, if_match)
    if known is not None and if_match and not _LONG.fullmatch(if_match):
        raise FhirError(500, f'HAPI-2223: For input string: "{if_match}"')
    if known is not None and if_match and if_match != str(known.version):
        text = f"Trying to update {type_}/{id_}/_history/{if_match} but this is not the current version"
        raise FhirError(409, f"HAPI-0550: HAPI-0989: {text}")
    links = has_links(resource) if batched else prepare(workspace, resource)
    if known is None or known.deleted:
        step = 2 if known is not None and links else 1  # HAPI counts its links' change as one more version
        record = workspace.save(type_, id_, resource, submitted, "PUT", step)
        name = _versioned(record)
        text = f'Successfully created resource "{name}" using update as create (ie. create with client assigned ID).'
        return Written(201, outcomes.succeeded("SUCCESSFUL_UPDATE_AS_CREATE", text, took=True), record, name)
    same = _content(resource) == _content(known.resource)
    record = known if same else workspace.save(type_, id_, resource, submitted, "PUT")
    name = _versioned(record)
    what = "conditionally updated" if condition else "updated"
    text = f'Successfully {what} resource "{name}"' + (" with no changes detected." if same else ".")
    code = "SUCCESSFUL_UPDATE"
    if condition:
        code += "_WITH_CONDITIONAL_MATCH"
        text += f' Existing resource matched URL "{condition}".'
    code += "_NO_CHANGE" if same else ""
    return Written(200, outcomes.succeeded(code, text, took=True), record, name, changed=not same)


def _check_new_id(workspace: Workspace, type_: str, id_: str, if_match: str) -> None:
    if not id_.isdecimal():
        return
    other = workspace.by_number(id_)
    if other is not None and other.id == id_:
        text = f"Existing resource ID[{other.type}/{id_}] is of type[{other.type}] - Cannot update with [{type_}]"
        raise FhirError(422, f"HAPI-0930: {text}")
    text = f"Can not create resource with ID[{id_}], no resource with this ID exists and clients may only assign IDs "
    raise FhirError(400, f"HAPI-0960: {text}which contain at least one non-numeric character")


def update_where(
    workspace: Workspace,
    type_: str,
    url: str,
    resource: dict[str, Any],
    submitted: str | None,
    *,
    found: list[str] | None = None,
) -> Written:
    """Store a resource in place of the one that a URL finds, or as a new one where it finds none.

    Args:
        workspace: Where.
        type_: The resource type.
        url: The URL.
        resource: What the parser made of the payload.
        submitted: The payload.
        found: Of a bundle's entry: what that URL found; its references and the URL's fit are the caller's to check.

    Raises:
        FhirError: HAPI refuses it; 412 if several are found.
    """
    batched = found is not None
    matches = match(workspace, type_, url) if found is None else found
    if len(matches) > 1:
        raise outcomes.too_many("0988", "UPDATE", type_, url, 2)
    if matches:
        return update(workspace, type_, matches[0], resource, submitted, batched=batched, condition=url)
    if not batched:
        prepare(workspace, resource)
    record = _save_new(workspace, type_, resource, submitted, "PUT", "" if batched else url)
    name = _versioned(record)
    text = f'Successfully conditionally updated resource "{name}". Created resource because no existing resource matched URL '
    text += '"{1}".'  # HAPI doesn't fill its own template in
    outcome = outcomes.succeeded("SUCCESSFUL_UPDATE_NO_CONDITIONAL_MATCH", text, took=True)
    return Written(201, outcome, record, name)


def patch(
    workspace: Workspace, type_: str, id_: str, document: str, if_match: str = "", condition: str = ""
) -> Written:
    """Apply a JSON Patch.

    Args:
        workspace: Where.
        type_: The resource's type.
        id_: Its id.
        document: The patch.
        if_match: The version that must be current, ``""`` for any.
        condition: The URL that found it, in a conditional patch.

    Raises:
        FhirError: HAPI refuses it.
    """
    known = workspace.lookup(type_, id_)
    if known is not None and if_match and if_match != str(known.version):
        text = f"Version {if_match} is not the most recent version of this resource, unable to apply patch"
        raise FhirError(409, f"HAPI-0550: HAPI-0974: {text}")
    if known is None and id_.isdecimal() and workspace.by_number(id_) is None:
        raise FhirError(404, f"HAPI-1998: {type_}/{id_}" + (f"/_history/{if_match}" if if_match else ""))
    if known is None or known.deleted:
        raise not_known(workspace, type_, id_) if known is None else deleted_error(workspace, known)
    if not document:
        text = "Failed to call access method: java.lang.NullPointerException: input cannot be null"
        raise FhirError(500, f"HAPI-0389: {text}")
    try:
        patched = apply_patch(known.resource, read_patch(document))
        resource = normalise(patched if isinstance(patched, dict) else {}, type_, strict=True)
        _check_local(resource)
    except PatchError as error:
        raise FhirError(400, f"HAPI-1272: {error}") from error
    except ParseError as error:
        raise FhirError(400, f"HAPI-1271: Failed to apply JSON patch to {type_}/{id_}: {error}") from error
    same = _content(resource) == _content(known.resource)
    if not same:
        prepare(workspace, resource)
    record = known if same else workspace.save(type_, id_, resource, document, "PUT")
    name = _versioned(record)
    if condition:
        changes = " with no changes detected" if same else ""
        text = (
            f"Successfully conditionally patched resource{changes}. Existing resource {name} matched URL: {condition}."
        )
    else:
        text = f'Successfully patched resource "{name}"' + (" with no changes detected." if same else ".")
    code = ("SUCCESSFUL_CONDITIONAL_PATCH" if condition else "SUCCESSFUL_PATCH") + ("_NO_CHANGE" if same else "")
    return Written(200, outcomes.succeeded(code, text, took=True), record, name, changed=not same)


def _check_local(resource: dict[str, Any]) -> None:
    """After a patch, a reference to a contained resource must find it."""
    held = {r.get("id") for r in resource.get("contained", ())}
    for node in walk_references(resource):
        value = node["reference"]
        if value[:1] == "#" and len(value) > 1 and value[1:] not in held:
            raise ParseError(f"HAPI-1826: Resource has invalid reference: {value}")


def delete(workspace: Workspace, type_: str, id_: str, version: str = "", *, deferred: bool = False) -> Written:
    """Delete a resource; what isn't there is no error.

    Args:
        workspace: Where.
        type_: Its type.
        id_: Its id.
        version: The version that must be current, ``""`` for any.
        deferred: Whether the caller checks later that nothing refers to it.

    Raises:
        FhirError: 409 if another resource refers to it or its version is another.
    """
    known = workspace.lookup(type_, id_)
    if known is None:
        text = f"Not deleted, resource {type_}/{id_} does not exist."
        return Written(
            200, outcomes.succeeded("SUCCESSFUL_DELETE_NOT_FOUND", text), None, f"{type_}/{id_}", changed=False
        )
    if version and version != str(known.version):
        text = f"Trying to delete {type_}/{id_}/_history/{version} but this is not the current version"
        raise FhirError(409, f"HAPI-0550: HAPI-0961: {text}")
    if known.deleted:
        name = _versioned(known)
        text = f"Not deleted, resource {name} was already deleted."
        return Written(200, outcomes.succeeded("SUCCESSFUL_DELETE_ALREADY_DELETED", text), known, name, changed=False)
    if not deferred:
        check_deletable(workspace, known)
    gone = workspace.remove(type_, id_)
    outcome = outcomes.succeeded("SUCCESSFUL_DELETE", "Successfully deleted 1 resource(s).", took=True)
    return Written(200, outcome, gone, _versioned(gone))


def delete_where(workspace: Workspace, type_: str, url: str, *, deferred: bool = False) -> Written:
    """Delete what a URL finds: one resource or none.

    Raises:
        FhirError: 412 if several are found.
    """
    found = match(workspace, type_, url)
    if len(found) > 1:
        raise outcomes.too_many("0962", "DELETE", type_, url, len(found))
    if not found:
        text = f'Unable to find resource matching URL "{url}". Nothing has been deleted.'
        outcome = outcomes.succeeded("SUCCESSFUL_DELETE_NOT_FOUND", text, warning=True)
        return Written(200, outcome, None, "", changed=False)
    record = workspace.lookup(type_, found[0])
    assert record is not None
    if not deferred:
        check_deletable(workspace, record)
    gone = workspace.remove(type_, found[0])
    outcome = outcomes.succeeded("SUCCESSFUL_DELETE", "Successfully deleted 1 resource(s).", took=True)
    return Written(200, outcome, gone, "")
