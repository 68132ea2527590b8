"""Reading the body of a write: as FHIR JSON or XML, by its Content-Type."""

from __future__ import annotations

from typing import Any

from medenv.fhir.errors import FhirError
from medenv.fhir.request import Request
from medenv.fhir.write.normalise import parse
from medenv.fhir.write.reader import read_object
from medenv.fhir.write.xmlbody import parse_xml, xml_payload

__all__ = ["read_body", "read_payload"]

_JSON = {"application/fhir+json", "application/json+fhir", "application/json", "text/json", "json"}


def read_body(request: Request, kind: str, operation: str) -> dict[str, Any]:
    """Read the resource in a request's body.

    Args:
        request: The request.
        kind: The resource type it must have.
        operation: HAPI's name of the operation: ``CREATE``, ``UPDATE``, ``TRANSACTION``.

    Raises:
        FhirError: 400 for a Content-Type that isn't FHIR's, or a body that HAPI can't read.
    """
    wanted = f'for "{operation}" operation'
    kind_of_body = request.content_type
    if not kind_of_body:
        raise FhirError(
            400, f"HAPI-0448: No Content-Type header was provided in the request. This is required {wanted}"
        )
    if request.is_xml:
        return parse_xml(request.body, kind)
    if kind_of_body not in _JSON:
        number = "0446" if kind_of_body == "application/x-www-form-urlencoded" else "0449"
        raise FhirError(
            400,
            f'HAPI-{number}: Incorrect Content-Type header value of "{request.headers["content-type"]}" '
            f"was provided in the request. A FHIR Content-Type is required {wanted}",
        )
    return parse(request.body, kind)


def read_payload(request: Request) -> dict[str, Any]:
    """Return a body that `read_body` took as the JSON object that was sent, or that its XML stands for."""
    return xml_payload(request.body) if request.is_xml else read_object(request.body)
