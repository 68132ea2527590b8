"""The door for requests that write: which operation a request means, and how its answer looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from medenv.fhir import definitions
from medenv.fhir.backend import Response
from medenv.fhir.errors import FhirError, not_supported
from medenv.fhir.index.dates import http_date
from medenv.fhir.output import Output
from medenv.fhir.read.refusals import no_operation, unknown_type
from medenv.fhir.request import Request
from medenv.fhir.workspace import Workspace
from medenv.fhir.write import operations
from medenv.fhir.write.body import read_body, read_payload
from medenv.fhir.write.bundles import process
from medenv.fhir.write.conditional import match, quoted
from medenv.fhir.write.expunge import expunge
from medenv.fhir.write.operations import Written

__all__ = ["handle"]

_NO_ID = (
    "HAPI-0418: Can not update resource, request URL must contain an ID element for update (PUT) operation "
    "(it must be of the form [base]/[resource type]/[id])"
)
_NO_PATCH_ID = (
    "HAPI-0389: Failed to call access method: java.lang.NullPointerException: Cannot invoke "
    '"org.hl7.fhir.instance.model.api.IIdType.hasVersionIdPart()" because "theId" is null'
)
_JSON_PATCH = "application/json-patch+json"


def handle(workspace: Workspace, request: Request) -> Response:
    """Answer a request that writes.

    Args:
        workspace: Where.
        request: The request, of which `Request.reads` doesn't hold.

    Returns:
        HAPI's answer.

    Raises:
        FhirError: The request is refused; nothing was stored.
    """
    method, parts, output = request.method, request.parts, request.output
    if parts[:1] == ("metadata",):
        raise FhirError(405, "HAPI-0388: /metadata request must use HTTP GET", headers={"allow": "GET"})
    if method not in ("POST", "PUT", "PATCH", "DELETE"):
        raise not_supported("/".join(parts), request.params.names(), method)
    operation = next((p for p in parts if p.startswith("$")), "")
    if operation:
        if operation == "$expunge" and method == "POST" and parts[-1] == operation:
            return _plain(output, expunge(workspace, parts[:-1], read_body(request, "Parameters", operation)))
        raise not_supported(request.path.strip("/"), request.params.names(), method)
    if not parts:
        if method != "POST":
            raise no_operation()
        return _bundle(workspace, request)
    if not definitions.is_resource(parts[0]):
        raise unknown_type(parts[0])
    if parts[1:] and parts[1].startswith("_") and method == "POST":
        raise not_supported(request.sent_path, request.with_form().params.names(), method)
    if parts[1:] == ("",) and method != "PATCH":  # of control characters alone nothing is left
        request = replace(request, parts=parts[:1])
    written = _ROUTES[method](workspace, request)
    return _respond(workspace, request, written)


def _bundle(workspace: Workspace, request: Request) -> Response:
    bundle = read_body(request, "Bundle", "TRANSACTION")
    found = process(workspace, bundle, read_payload(request), request.preference)
    id_ = workspace.new_bundle_id("transaction", request.body)
    place = f"{workspace.base}/Bundle/{id_}"
    return _plain(
        request.output, {"resourceType": "Bundle", "id": id_, **found}, {"content-location": place, "location": place}
    )


def _post(workspace: Workspace, request: Request) -> Written:
    type_ = request.parts[0]
    resource = read_body(request, type_, "CREATE")
    if len(request.parts) > 1:
        raise FhirError(
            400,
            f'HAPI-0365: Can not create resource with ID "{request.parts[1]}", ID must not be supplied on a create '
            "(POST) operation (use an HTTP PUT / update operation if you wish to supply an ID)",
        )
    return operations.create(workspace, resource, request.body, request.headers.get("if-none-exist", "").strip())


def _put(workspace: Workspace, request: Request) -> Written:
    type_ = request.parts[0]
    resource = read_body(request, type_, "UPDATE")
    if len(request.parts) == 1:
        if not request.query:
            raise FhirError(400, _NO_ID)
        return operations.update_where(workspace, type_, quoted(f"{type_}?{request.query}"), resource, request.body)
    id_ = request.parts[1]
    own = resource.get("id")
    if own is None:
        text = "HAPI-0419: Can not update resource, resource body must contain an ID element for update (PUT) operation"
        raise FhirError(400, text)
    if own != id_:
        raise FhirError(
            400,
            "HAPI-0420: Can not update resource, resource body must contain an ID element which matches the request URL "
            f'for update (PUT) operation - Resource body ID of "{own}" does not match URL ID of "{id_}"',
        )
    version = request.if_match or _version_in_url(request)
    return operations.update(workspace, type_, id_, resource, request.body, if_match=version)


def _version_in_url(request: Request) -> str:
    return request.parts[3] if len(request.parts) == 4 and request.parts[2] == "_history" else ""


def _patch(workspace: Workspace, request: Request) -> Written:
    type_, kind = request.parts[0], request.content_type
    if not kind:
        raise FhirError(400, "HAPI-1964: Missing or invalid content type for PATCH operation")
    if kind == _JSON_PATCH and len(request.parts) == 1 and not request.query:
        raise FhirError(500, _NO_PATCH_ID)
    if kind in ("application/fhir+json", "application/fhir+xml"):
        read_body(request, "Parameters", "PATCH")
        raise FhirError(400, "HAPI-1267: Unknown patch operation type: FHIRPath Patch; send a JSON Patch instead")
    if kind != _JSON_PATCH:
        raise FhirError(400, f"HAPI-1965: Invalid Content-Type for PATCH operation: {request.headers['content-type']}")
    if len(request.parts) > 1:
        return operations.patch(workspace, type_, request.parts[1], request.body, request.if_match)
    url = quoted(f"{type_}?{request.query}")
    found = match(workspace, type_, url)
    if len(found) > 1:
        text = f'Failed to PATCH {type_} with match URL "{url}" because this search matched 2 resources'
        raise FhirError(412, f"HAPI-0972: {text}")
    if not found:
        raise FhirError(404, f'HAPI-0973: Invalid match URL "{url}" - No resources match this search')
    return operations.patch(workspace, type_, found[0], request.body, condition=url)


def _delete(workspace: Workspace, request: Request) -> Written:
    type_ = request.parts[0]
    if len(request.parts) > 1:
        return operations.delete(workspace, type_, request.parts[1], _version_in_url(request))
    if not request.query:
        raise FhirError(400, "HAPI-0967: Can not perform delete, no ID provided")
    return operations.delete_where(workspace, type_, quoted(f"{type_}?{request.query}"))


_ROUTES = {"POST": _post, "PUT": _put, "PATCH": _patch, "DELETE": _delete}


def _respond(workspace: Workspace, request: Request, written: Written) -> Response:
    output = request.output
    record = written.record
    headers: dict[str, str] = {}
    if written.name:
        place = f"{workspace.base}/{written.name}"
        headers["content-location"] = place
        if request.method == "POST":
            headers["location"] = place
    if record is not None and request.method in ("POST", "PUT"):
        headers["etag"] = f'W/"{record.version}"'
        headers["last-modified"] = http_date(record.updated)
    if request.method == "DELETE":
        return _plain(output, written.outcome, headers)
    if request.preference == "minimal":
        return Response(written.status, "", headers)
    if request.preference == "OperationOutcome" or record is None or record.template is None:
        return _plain(output, written.outcome, headers, written.status)
    headers["content-type"] = output.content_type
    if request.method == "PUT" and not written.changed:  # HAPI leaves meta.source out of what it didn't store anew
        resource = record.resource
        resource["meta"] = {k: v for k, v in resource["meta"].items() if k != "source"}
        return Response(written.status, output.write(resource), headers)
    text = request.filtered_output().write_template(record.template, record.values)
    return Response(written.status, text, headers)


def _plain(
    output: Output, resource: dict[str, Any], headers: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    return Response(status, output.write(resource), {**(headers or {}), "content-type": output.content_type})
