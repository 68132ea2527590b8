"""HAPI's refusals: an exception that carries an HTTP status and the text of an OperationOutcome.

Everything that reads or writes raises it; the session turns it into a response.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from medenv.errors import MedenvError
from medenv.fhir import jsontext
from medenv.fhir.backend import Response

__all__ = ["JSON_TYPE", "XML_TYPE", "FhirError", "hash_order", "not_supported", "outcome"]

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


def not_supported(path: str, names: Sequence[str], method: str = "GET") -> FhirError:
    """Return HAPI's refusal of a request that no operation takes."""
    text = f"Invalid request: The FHIR endpoint on this server does not know how to handle {method} operation[{path}]"
    listed = ", ".join(hash_order(list(dict.fromkeys(names))))
    return FhirError(400, f"{text} with parameters [[{listed}]]", "not-supported")


def hash_order(names: Sequence[str]) -> list[str]:
    """Return names in the order in which HAPI's hash map gives them: by bucket, within one the last first."""
    size = 16
    while len(names) > size * 3 // 4:
        size *= 2

    def bucket(name: str) -> int:
        code = 0
        for unit in memoryview(name.encode("utf-16-le", "surrogatepass")).cast("H"):
            code = (code * 31 + unit) & 0xFFFFFFFF
        return (code ^ code >> 16) & (size - 1)

    last_first = names[::-1]
    return sorted(last_first, key=bucket)
