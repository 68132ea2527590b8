"""Which handler answers a request that only reads: by its method and the parts of its path, and HAPI's refusal where none does."""

from __future__ import annotations

import re
from dataclasses import replace

from medenv.fhir import definitions
from medenv.fhir.backend import Response
from medenv.fhir.definitions.capability import capability_statement
from medenv.fhir.errors import FhirError, not_supported
from medenv.fhir.read import operations, search
from medenv.fhir.read.history import history
from medenv.fhir.read.refusals import not_known, unknown_type
from medenv.fhir.read.resource import read, vread
from medenv.fhir.request import Request
from medenv.fhir.workspace import Workspace

__all__ = ["handle"]

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})(.?)([^&=]?)")


def handle(workspace: Workspace, request: Request) -> Response:
    """Answer a read, a search or an operation that reads.

    Args:
        workspace: Where.
        request: The request, of which `Request.reads` holds.

    Raises:
        FhirError: The request is refused.
    """
    if request.method == "POST" and request.parts[-1] != "_history":
        return _posted(workspace, request)
    if request.method == "HEAD" and request.path.strip("/") == "metadata":
        return Response(405, "", {"allow": "GET", "content-type": request.output.content_type})
    if "%" in request.query:
        _check_escapes(request.query)
    parts = request.parts
    if len(parts) == 1 and definitions.is_resource(parts[0]):  # the most frequent one
        answer = search.search(workspace, request, parts[0])
    elif not parts or not definitions.is_resource(parts[0]):
        answer = _of_server(workspace, request)
    else:
        answer = _of_type(workspace, request)
    return replace(answer, body="") if request.method == "HEAD" else answer


def _posted(workspace: Workspace, request: Request) -> Response:
    """Answer a search or ``$everything`` that was sent by POST; of the latter HAPI filters nothing."""
    if request.parts[1] == "_search":
        return search.search(workspace, request.with_form(), request.parts[0], posted=True)
    answer = operations.everything(workspace, request, _id_before_operation(request), request.output)
    return replace(answer, headers={**answer.headers, "location": answer.headers["content-location"]})


def _id_before_operation(request: Request) -> str:
    return request.parts[1] if len(request.parts) == 3 else ""


def _of_server(workspace: Workspace, request: Request) -> Response:
    """Answer a request whose path begins with no resource type."""
    parts = request.parts
    if not parts:
        return search.page(workspace, request)
    if parts[0] == "metadata":
        output = request.output
        return Response(200, output.write(capability_statement(workspace.base)), {"content-type": output.content_type})
    if parts == ("_history",):
        return history(workspace, request)
    if parts == ("$meta",):
        return operations.meta(workspace, request)
    if parts[0].startswith(("$", "_")):
        raise not_supported(request.sent_path, request.params.names())
    raise unknown_type(parts[0])


def _of_type(workspace: Workspace, request: Request) -> Response:
    """Answer a request for something of a type, except for a plain search."""
    type_, *rest = request.parts
    id_, last = rest[0], rest[-1]
    if not id_:  # of control characters alone nothing is left
        raise not_known(workspace, type_, id_)
    if rest == ["_search"]:
        return search.search(workspace, request, type_)
    if rest == ["_history"]:
        return history(workspace, request, type_)
    if len(rest) <= 2 and last == "$everything" and type_ == "Patient":
        return operations.everything(workspace, request, _id_before_operation(request), request.filtered_output())
    if len(rest) <= 2 and last == "$meta":
        return operations.meta(workspace, request, type_, _id_before_operation(request))
    if len(rest) == 1 and not id_.startswith(("$", "_")):
        return read(workspace, request, type_, id_)
    if len(rest) == 2 and last == "_history":
        return history(workspace, request, type_, id_)
    if len(rest) == 3 and rest[1] == "_history":
        return vread(workspace, request, type_, id_, last)
    raise not_supported(request.sent_path, request.params.names())


def _check_escapes(query: str) -> None:
    """Refuse a query string with a percent sign that begins no escape, in the words of Java's URLDecoder.

    Args:
        query: The query string as sent.

    Raises:
        FhirError: 500, as HAPI answers.
    """
    bad = _BAD_ESCAPE.search(query)
    if bad is None:
        return
    first, second = bad.groups()
    if first in "&=" or not second:
        raise FhirError(500, "URLDecoder: Incomplete trailing escape (%) pattern")
    index = 1 if first in "0123456789abcdefABCDEF" else 0
    text = f'Illegal hex characters in escape (%) pattern - Error at index {index} in: "{first}{second}"'
    raise FhirError(500, f"URLDecoder: {text}")
