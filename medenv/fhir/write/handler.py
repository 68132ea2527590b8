"""The door for requests that write: which operation a request means, and how its answer looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from medenv.fhir import definitions
from medenv.fhir.backend import Response
from medenv.fhir.errors import FhirError
from medenv.fhir.index.dates import http_date
from medenv.fhir.output import Output, negotiate
from medenv.fhir.reading import unknown_type
from medenv.fhir.search.query import not_supported, parse_query
from medenv.fhir.write import operations
from medenv.fhir.write.bundles import process
from medenv.fhir.write.expunge import expunge
from medenv.fhir.write.operations import Written, quoted
from medenv.fhir.write.reader import read_object
from medenv.fhir.write.requests import WriteRequest, read_body

if TYPE_CHECKING:
    from medenv.fhir.session import EmbeddedSession

__all__ = ["handle"]

_BASE = (
    "HAPI-0287: This is the base URL of FHIR server. Unable to handle this request, as it does not contain a "
    "resource type or operation name."
)
_NO_ID = (
    "HAPI-0418: Can not update resource, request URL must contain an ID element for update (PUT) operation "
    "(it must be of the form [base]/[resource type]/[id])"
)
_JSON_PATCH = "application/json-patch+json"


def handle(
    session: EmbeddedSession, method: str, path: str, query: str, body: str | None, headers: Mapping[str, str]
) -> Response:
    """Answer a request that writes.

    Args:
        session: Where.
        method: ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
        path: The path below the base, percent-encoded.
        query: The raw query string.
        body: The body; one without a Content-Type header is FHIR JSON.
        headers: Header names in lower case.

    Returns:
        HAPI's answer; where it is a refusal, nothing was stored.
    """
    given = dict(headers)
    if body is not None:
        given.setdefault("content-type", "application/fhir+json")
    parts = tuple(unquote(part) for part in path.split("/") if part)
    request = WriteRequest(method, parts, query, body or "", given)
    params = parse_query(query)
    if request.is_xml and given.get("accept", "*/*") == "*/*":
        given["accept"] = "application/fhir+xml"
    output = negotiate(params, given)
    try:
        return _answer(session, request, path, params, output)
    except FhirError as error:
        output = output.plain()
        return Response(
            error.status, output.write(error.resource), {**error.headers, "content-type": output.content_type}
        )


def _answer(
    session: EmbeddedSession, request: WriteRequest, path: str, params: list[tuple[str, str]], output: Output
) -> Response:
    method, parts = request.method, request.path
    if parts[:1] == ("metadata",):
        raise FhirError(405, "HAPI-0388: /metadata request must use HTTP GET", headers={"allow": "GET"})
    if method not in ("POST", "PUT", "PATCH", "DELETE"):
        raise not_supported("/".join(parts), [n for n, _ in params], method)
    operation = next((p for p in parts if p.startswith("$")), "")
    if operation:
        if operation == "$expunge" and method == "POST" and parts[-1] == operation:
            return _plain(output, expunge(session, parts[:-1], read_body(request, "Parameters", operation)))
        raise not_supported(path.strip("/"), [n for n, _ in params], method)
    if not parts:
        if method != "POST":
            raise FhirError(400, _BASE)
        return _bundle(session, request, output)
    if not definitions.is_resource(parts[0]):
        raise unknown_type(parts[0])
    written = _ROUTES[method](session, request)
    return _respond(session, request, output, params, written)


def _bundle(session: EmbeddedSession, request: WriteRequest, output: Output) -> Response:
    bundle = read_body(request, "Bundle", "TRANSACTION")
    found = process(session, bundle, read_object(request.body), request.wanted)
    id_ = session.new_bundle_id("transaction", request.body)
    place = f"{session.base}/Bundle/{id_}"
    text = output.write({"resourceType": "Bundle", "id": id_, **found})
    return Response(200, text, {"content-location": place, "location": place, "content-type": output.content_type})


def _post(session: EmbeddedSession, request: WriteRequest) -> Written:
    type_ = request.path[0]
    resource = read_body(request, type_, "CREATE")
    if len(request.path) > 1:
        raise FhirError(
            400,
            f'HAPI-0365: Can not create resource with ID "{request.path[1]}", ID must not be supplied on a create '
            "(POST) operation (use an HTTP PUT / update operation if you wish to supply an ID)",
        )
    return operations.create(session, resource, request.body, request.headers.get("if-none-exist", "").strip())


def _put(session: EmbeddedSession, request: WriteRequest) -> Written:
    type_ = request.path[0]
    resource = read_body(request, type_, "UPDATE")
    if len(request.path) == 1:
        if not request.query:
            raise FhirError(400, _NO_ID)
        return operations.update_where(session, type_, quoted(f"{type_}?{request.query}"), resource, request.body)
    id_ = request.path[1]
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
    return operations.update(session, type_, id_, resource, request.body, if_match=version)


def _version_in_url(request: WriteRequest) -> str:
    return request.path[3] if len(request.path) == 4 and request.path[2] == "_history" else ""


def _patch(session: EmbeddedSession, request: WriteRequest) -> Written:
    type_, kind = request.path[0], request.content_type
    if not kind:
        raise FhirError(400, "HAPI-1964: Missing or invalid content type for PATCH operation")
    if len(request.path) == 1 and not request.query:
        read_body(
            replace(request, headers={**request.headers, "content-type": "application/fhir+json"}), type_, "PATCH"
        )
    if kind in ("application/fhir+json", "application/fhir+xml"):
        read_body(request, "Parameters", "PATCH")
        raise FhirError(400, "HAPI-1267: Unknown patch operation type: FHIRPath Patch; send a JSON Patch instead")
    if kind != _JSON_PATCH:
        raise FhirError(400, f"HAPI-1965: Invalid Content-Type for PATCH operation: {request.headers['content-type']}")
    if len(request.path) > 1:
        return operations.patch(session, type_, request.path[1], request.body, request.if_match)
    url = quoted(f"{type_}?{request.query}")
    found = operations.match(session, type_, url)
    if len(found) > 1:
        text = f'Failed to PATCH {type_} with match URL "{url}" because this search matched 2 resources'
        raise FhirError(412, f"HAPI-0972: {text}")
    if not found:
        raise FhirError(404, f'HAPI-0973: Invalid match URL "{url}" - No resources match this search')
    return operations.patch(session, type_, found[0], request.body, condition=url)


def _delete(session: EmbeddedSession, request: WriteRequest) -> Written:
    type_ = request.path[0]
    if len(request.path) > 1:
        return operations.delete(session, type_, request.path[1], _version_in_url(request))
    if not request.query:
        raise FhirError(400, "HAPI-0967: Can not perform delete, no ID provided")
    return operations.delete_where(session, type_, quoted(f"{type_}?{request.query}"))


_ROUTES = {"POST": _post, "PUT": _put, "PATCH": _patch, "DELETE": _delete}


def _respond(
    session: EmbeddedSession, request: WriteRequest, output: Output, params: list[tuple[str, str]], written: Written
) -> Response:
    record = written.record
    headers: dict[str, str] = {}
    if written.name:
        place = f"{session.base}/{written.name}"
        headers["content-location"] = place
        if request.method == "POST":
            headers["location"] = place
    if record is not None and request.method in ("POST", "PUT"):
        headers["etag"] = f'W/"{record.version}"'
        headers["last-modified"] = http_date(record.updated)
    if request.method == "DELETE":
        return _plain(output, written.outcome, headers)
    if request.wanted == "minimal":
        return Response(written.status, "", headers)
    if request.wanted == "OperationOutcome" or record is None or record.shape is None:
        return _plain(output, written.outcome, headers, written.status)
    headers["content-type"] = output.content_type
    if request.method == "PUT" and not written.changed:  # HAPI leaves meta.source out of what it didn't store anew
        resource = record.resource
        resource["meta"] = {k: v for k, v in resource["meta"].items() if k != "source"}
        return Response(written.status, output.write(resource), headers)
    cut = session.cut(output, params)
    return Response(written.status, cut.write_shape(record.shape, record.values), headers)


def _plain(
    output: Output, resource: dict[str, Any], headers: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    return Response(status, output.write(resource), {**(headers or {}), "content-type": output.content_type})
