"""HAPI's refusals: an exception that carries an HTTP status and the text of an OperationOutcome.

Everything that reads or writes raises it; the session turns it into a response.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medenv.fhir import jsontext
from medenv.fhir.backend import Response

__all__ = ["JSON_TYPE", "XML_TYPE", "FhirError", "outcome"]

JSON_TYPE = "application/fhir+json;charset=UTF-8"
XML_TYPE = "application/fhir+xml;charset=UTF-8"


def outcome(diagnostics: str, *, code: str = "processing", severity: str = "error") -> dict[str, Any]:
    """An OperationOutcome with one issue, as HAPI 7.6.0 writes it.

    Args:
        diagnostics: The text, usually with a ``HAPI-nnnn`` number.
        code: The issue's type.
        severity: ``error``, ``warning`` or ``information``.
    """
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": code, "diagnostics": diagnostics}],
    }


class FhirError(Exception):
    """The server refuses a request.

    Attributes:
        status: HTTP status code.
        diagnostics: The text that stands in the OperationOutcome.
        resource: The OperationOutcome.
        headers: Extra response headers, in lower case.
    """

    def __init__(
        self,
        status: int,
        diagnostics: str,
        code: str = "processing",
        severity: str = "error",
        *,
        resource: dict[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(diagnostics)
        self.status = status
        self.diagnostics = diagnostics
        self.resource = resource or outcome(diagnostics, code=code, severity=severity)
        self.headers = dict(headers or {})

    def response(self, pretty: bool = True) -> Response:
        """The refusal as a JSON response."""
        body = jsontext.pretty(self.resource) if pretty else jsontext.compact(self.resource)
        return Response(self.status, body, {"content-type": JSON_TYPE, **self.headers})
