"""HAPI's refusals: an exception that carries an HTTP status and the text of an OperationOutcome.

Everything that reads or writes raises it; the session turns it into a response.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from medenv.errors import MedenvError
from medenv.fhir import jsontext
from medenv.fhir.backend import Response
from medenv.fhir.hashing import hash_order

__all__ = ["JSON_TYPE", "XML_TYPE", "FhirError", "not_supported", "outcome", "sanitized"]

JSON_TYPE = "application/fhir+json;charset=UTF-8"
XML_TYPE = "application/fhir+xml;charset=UTF-8"


def outcome(diagnostics: str, *, code: str = "processing", severity: str = "error") -> dict[str, Any]:
    """Make an OperationOutcome with one issue, as HAPI 7.6.0 writes it.

    Args:
        diagnostics: The text, usually with a ``HAPI-nnnn`` number.
        code: The issue's type.
        severity: ``error``, ``warning`` or ``information``.
    """
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": code, "diagnostics": diagnostics}],
    }


class FhirError(MedenvError):
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
        """Return the refusal as a JSON response."""
        body = jsontext.pretty(self.resource) if pretty else jsontext.compact(self.resource)
        return Response(self.status, body, {"content-type": JSON_TYPE, **self.headers})


_MARKUP: dict[int, str | None] = {
    ord("'"): "&apos;",
    ord('"'): "&quot;",
    ord("<"): "&lt;",
    ord(">"): "&gt;",
    10: "&#10;",
    13: "&#13;",
}
_MARKUP |= {code: None for code in range(32) if code not in (10, 13)}


def sanitized(text: str) -> str:
    """Return what HAPI's UrlUtil.sanitizeUrlPart makes of a part of a URL: no quotes, brackets or control characters."""
    return text.translate(_MARKUP) if not text.isalnum() else text


def not_supported(path: str, names: Sequence[str], method: str = "GET") -> FhirError:
    """Return HAPI's refusal of a request that no operation takes."""
    text = f"Invalid request: The FHIR endpoint on this server does not know how to handle {method} operation[{path}]"
    listed = ", ".join(hash_order(list(dict.fromkeys(names))))
    return FhirError(400, f"{text} with parameters [[{listed}]]", "not-supported")
