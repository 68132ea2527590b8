"""Who answers a request: the part of the server that reads, or the one that writes."""

from __future__ import annotations

from medenv.fhir import read, write
from medenv.fhir.backend import Response
from medenv.fhir.request import Request
from medenv.fhir.workspace import Workspace

__all__ = ["route"]


def route(workspace: Workspace, request: Request) -> Response:
    """Answer a request.

    Raises:
        FhirError: The request is refused.
    """
    return read.handle(workspace, request) if request.reads else write.handle(workspace, request)
