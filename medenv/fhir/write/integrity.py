"""What must hold before a resource is stored or deleted: its id is valid, and no reference leads nowhere."""

from __future__ import annotations

import re
from math import isinf
from typing import Any

from medenv.fhir import definitions
from medenv.fhir.errors import FhirError
from medenv.fhir.jsontext import Number
from medenv.fhir.template import Record
from medenv.fhir.workspace import Workspace
from medenv.fhir.write.conditional import match
from medenv.fhir.write.references import (
    at_parameters,
    check_exists,
    check_types,
    indexed,
    normalize_references,
    walk_references,
)

__all__ = ["check_deletable", "check_id", "check_links", "has_links", "prepare", "resolve_references"]

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
_STORABLE_BUNDLES = ("collection", "document", "message")
_BUNDLE_HINT = (
    "Note that if you are trying to perform a FHIR transaction or batch operation you should POST the Bundle resource "
    "to the Base URL of the server, not to the /Bundle endpoint."
)


def check_id(id_: str) -> None:
    """Check a client's id.

    Raises:
        FhirError: 400 HAPI-0521.
    """
    if not _ID.fullmatch(id_):
        raise FhirError(400, f"HAPI-0521: Can not process entity with ID[{id_}], this is not a valid FHIR ID")


def prepare(workspace: Workspace, resource: dict[str, Any]) -> bool:
    """Settle a resource and check that its references lead somewhere.

    Args:
        workspace: Where the references lead.
        resource: The resource; it is changed in place.

    Returns:
        Whether it refers to another resource by an indexed reference.

    Raises:
        FhirError: A reference is refused.
    """
    resolve_references(workspace, resource)
    return check_links(workspace, resource)


def resolve_references(workspace: Workspace, resource: dict[str, Any]) -> None:
    """Resolve a resource's references by search, check their types, and spell them and its meta as HAPI stores them.

    Raises:
        FhirError: A reference names a wrong type, or its search finds no or several resources.
    """
    if resource["resourceType"] == "Bundle":
        _check_bundle_type(resource)
    check_types(resource)
    for node in walk_references(resource):
        if "?" in node["reference"]:
            node["reference"] = _resolve(workspace, node["reference"])
    _sort_meta(resource)


def check_links(workspace: Workspace, resource: dict[str, Any]) -> bool:
    """Check that a resource's indexed references lead somewhere, and spell all references as HAPI stores them.

    Returns:
        Whether there are any.

    Raises:
        FhirError: One leads nowhere.
    """
    _check_index_values(resource)
    found = indexed(resource)
    check_exists(found, lambda type_, id_: _find(workspace, type_, id_))
    linked = any(r.value[:1] != "#" for r in found)
    normalize_references(resource)
    return linked


def has_links(resource: dict[str, Any]) -> bool:
    """Return whether a resource refers to another by an indexed reference."""
    return any(r.value[:1] != "#" for r in indexed(resource))


def _check_bundle_type(resource: dict[str, Any]) -> None:
    kind = resource.get("type")
    if kind not in _STORABLE_BUNDLES:
        text = f"Unable to store a Bundle resource on this server with a Bundle.type value of: {kind or '(missing)'}."
        raise FhirError(422, f"HAPI-0522: {text} {_BUNDLE_HINT}")


def _resolve(workspace: Workspace, value: str) -> str:
    """Return the ``Type/id`` that a reference by search finds."""
    path, _, query = value.partition("?")
    type_ = path.rstrip("/").rpartition("/")[2]
    if not definitions.is_resource(type_):
        raise FhirError(
            400, f'HAPI-1684: Unknown resource name "{type_}" (this name is not known in FHIR version "R4")'
        )
    found = match(workspace, type_, f"{type_}?{query}")
    if not found:
        raise FhirError(404, f'HAPI-1091: Invalid match URL "{value}" - No resources match this search')
    if len(found) > 1:
        raise FhirError(412, f'HAPI-1092: Invalid match URL "{value}" - Multiple resources match this search')
    return f"{type_}/{found[0]}"


def _find(workspace: Workspace, type_: str, id_: str) -> Record | str | None:
    if id_.isdecimal():  # an internal number, whatever the type
        record = workspace.by_number(id_)
        return record.type if record is not None and record.type != type_ else record
    return workspace.lookup(type_, id_)


def _check_index_values(resource: dict[str, Any]) -> None:
    """Refuse what HAPI's index trips over: a date with blanks around it, and a quantity beyond a double.

    Raises:
        FhirError: 500, as on HAPI.
    """
    failed = "HAPI-0389: Failed to call access method: org.springframework.dao.InvalidDataAccessApiUsageException: "
    for parameter, _, node in at_parameters(resource, ("date", "quantity")):
        if parameter.type == "quantity":
            value = node.get("value") if isinstance(node, dict) else None
            if isinstance(value, Number) and isinf(float(value)):
                raise FhirError(500, f"{failed}Infinite or NaN")
            continue
        for text in (node.get("start"), node.get("end")) if isinstance(node, dict) else (node,):
            if isinstance(text, str) and " " in (text[0], text[-1]):
                day = text.partition("T")[0].replace("-", "")
                raise FhirError(500, f'{failed}For input string: "{day}"')


def _sort_meta(resource: dict[str, Any]) -> None:
    """Order profiles, labels and tags as HAPI does; what has neither system nor code is dropped."""
    meta = resource.get("meta")
    if not meta:
        return
    if "profile" in meta:
        meta["profile"] = sorted(set(meta["profile"]))
    for name in ("security", "tag"):
        kept = {
            (c.get("system"), c.get("code")): c for c in reversed(meta.pop(name, ())) if "system" in c or "code" in c
        }
        if kept:
            meta[name] = [kept[k] for k in sorted(kept, key=lambda k: [(part is not None, part or "") for part in k])]


def check_deletable(workspace: Workspace, record: Record) -> None:
    """Check that no resource refers to one that is to be deleted.

    Raises:
        FhirError: 409, with the resource of least internal number that does.
    """
    holder = first_referrer(workspace, record)
    if holder is not None:
        text = (
            f"Unable to delete {record.type}/{record.id} because at least one resource has a reference to this resource. "
            f"First reference found was resource {holder[0]} in path {holder[1]}"
        )
        raise FhirError(409, text)


def first_referrer(workspace: Workspace, record: Record) -> tuple[str, str] | None:
    """Find, of the live resources that refer to another by an indexed reference, the one that has had references for longest.

    Returns:
        Its ``Type/id`` and the path of the reference; None if there is none.
    """
    chart = workspace.chart
    names = {f"{record.type}/{record.id}", f"{record.type}/{record.pid}"}
    best: tuple[int, int, str, str] | None = None
    for versions in chart.changed():
        path = _path_to(versions[-1], names)
        if path:
            since = len(versions) - 1
            while since and not versions[since - 1].deleted and has_links(versions[since - 1].resource):
                since -= 1  # HAPI changes a resource's link in place, so it stays as old as the first one
            row = versions[since].updated, versions[-1].pid, f"{versions[-1].type}/{versions[-1].id}", path
            best = min(best or row, row)
    if record.pid <= chart.store.last:  # nothing in the store refers to what was created later
        for type_ in chart.store.counts:
            for parameter in definitions.search_parameters(type_).values():
                if parameter.type == "reference" and (not parameter.targets or record.type in parameter.targets):
                    for holder_type, id_ in workspace.search_ids(type_, f"{parameter.code}={record.type}/{record.id}")[
                        :1
                    ]:
                        holder = chart.lookup(holder_type, id_)
                        if holder is not None and (path := _path_to(holder, names)):
                            row = holder.updated, holder.pid, f"{holder_type}/{id_}", path
                            best = min(best or row, row)
    return None if best is None else (best[2], best[3])


def _path_to(holder: Record, names: set[str]) -> str:
    """Return the path of a resource's indexed reference to one of some names; ``""`` for none."""
    if holder.deleted:
        return ""
    return next((r.path for r in indexed(holder.resource) if r.value in names), "")
