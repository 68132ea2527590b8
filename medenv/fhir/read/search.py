"""Searches as they are asked for: by GET or as a form, and the later pages of their answers."""

from __future__ import annotations

from medenv.fhir.backend import Response
from medenv.fhir.errors import FhirError
from medenv.fhir.read.refusals import no_operation
from medenv.fhir.read.response import bundle_headers
from medenv.fhir.request import Params, Request
from medenv.fhir.search.bundle import later_page, searchset
from medenv.fhir.search.parse import parse
from medenv.fhir.search.resolve import resolve
from medenv.fhir.workspace import Workspace

__all__ = ["page", "search"]


def search(workspace: Workspace, request: Request, type_: str, posted: bool = False) -> Response:
    """Search a type.

    Args:
        workspace: Where.
        request: The request.
        type_: The type.
        posted: Whether it came as a form, so that the link to itself has no parameters.

    Raises:
        FhirError: The search is refused.
    """
    params, path, chart = request.params, request.sent_path, workspace.chart
    wanted = resolve(chart, parse(type_, params, chart.base))
    id_ = workspace.new_bundle_id(path, *[f"{n}={v}" for n, v in params])
    hits = None
    if workspace.recent is not None:
        fresh = not posted and "no-cache" in request.headers.get("cache-control", "")
        id_, hits = workspace.recent.answer(chart, wanted, id_, workspace.now(), fresh)
    shown = Params() if posted else params
    text, later = searchset(chart, wanted, request.output, path, workspace.now(), id_, shown, hits)
    if later is not None:
        workspace.pages.keep(id_, later)
    answer = Response(200, text, bundle_headers(workspace, request.output))
    workspace.share_answer(request.url, answer, id_, later)
    return answer


def page(workspace: Workspace, request: Request) -> Response:
    """Answer a request to the base for a later page of an earlier answer.

    Raises:
        FhirError: It names no answer (400), or one that is forgotten (410).
    """
    id_ = request.params.first("_getpages")
    if id_ is None:
        raise no_operation()
    kept = workspace.pages.get(id_)
    if kept is None:
        raise FhirError(410, f'HAPI-0417: Search ID "{id_}" does not exist and may have expired', "processing")
    text = later_page(workspace.chart, id_, kept, request.params, request.output, request.query, workspace.now())
    return Response(200, text, bundle_headers(workspace, request.output, id_))
