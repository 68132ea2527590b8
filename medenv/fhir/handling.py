"""Answering a request from end to end: parse it, let a handler answer, and turn a refusal into a response."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from medenv.fhir.backend import LONGEST_URL, Response
from medenv.fhir.errors import FhirError
from medenv.fhir.request import Request
from medenv.fhir.workspace import Workspace

__all__ = ["Handler", "respond"]

Handler = Callable[[Workspace, Request], Response]
"""Answers a request.

Raises:
    FhirError: The request is refused.
"""


def respond(
    handler: Handler,
    workspace: Workspace,
    method: str,
    url: str,
    body: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer a request.

    Args:
        handler: Who answers it.
        workspace: Where.
        method: The request's method.
        url: Its URL, percent-encoded: relative to the base, or absolute below it.
        body: Its body.
        headers: Its headers.

    Raises:
        ValueError: The URL is on another server.
    """
    if len(url) > LONGEST_URL:
        return Response(400, "")
    request = Request.parse(method, url, body, headers, workspace.base)
    try:
        return handler(workspace, request)
    except FhirError as error:
        return request.refusal(error)
