"""What a write request says of its body and of the answer it wants: Content-Type, Prefer, If-Match, If-None-Exist."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from medenv.fhir.errors import FhirError
from medenv.fhir.write.normalise import parse
from medenv.fhir.write.xmlbody import parse_xml

__all__ = ["WriteRequest", "read_body"]

_JSON = {"application/fhir+json", "application/json+fhir", "application/json", "text/json", "json"}
_XML = {"application/fhir+xml", "application/xml+fhir", "application/xml", "text/xml", "xml"}


@dataclass(frozen=True)
class WriteRequest:
    """A request that writes.

    Attributes:
        method: HTTP method.
        path: The path's parts below the base, decoded.
        query: Its raw query string.
        body: The body, ``""`` for none.
        headers: Header names in lower case.
    """

    method: str
    path: tuple[str, ...]
    query: str
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content_type(self) -> str:
        """The body's media type without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip()

    @property
    def is_xml(self) -> bool:
        """Whether the body is XML, by its Content-Type."""
        return self.content_type in _XML

    @property
    def wanted(self) -> str:
        """What ``Prefer`` asks for: ``minimal``, ``OperationOutcome`` or ``representation``; ``""`` without a wish."""
        for part in re.split(r"[;,]", self.headers.get("prefer", "")):
            name, _, value = part.strip().partition("=")
            value = value.strip().strip('"')
            if name.strip() == "return" and value in ("minimal", "OperationOutcome", "representation"):
                return value
        return ""

    @property
    def if_match(self) -> str:
        """The version that ``If-Match`` demands, ``""`` for none."""
        return version_of(self.headers.get("if-match", ""))


def version_of(etag: str) -> str:
    """The version in an ETag: ``W/"2"``, ``"2"`` or ``2``."""
    match = re.fullmatch(r'\s*(?:W/)?"?([^"]*)"?\s*', etag)
    return match[1] if match else ""


def read_body(request: WriteRequest, kind: str, operation: str) -> dict[str, Any]:
    """The resource in a request's body.

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
