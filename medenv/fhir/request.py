"""A request to the server, parsed once: every handler gets it whole.

It corresponds to what web frameworks hand to their endpoints, with FHIR's content negotiation already done.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import unquote, unquote_to_bytes

from medenv.fhir import definitions
from medenv.fhir.backend import Response, below_base
from medenv.fhir.errors import FhirError, sanitized
from medenv.fhir.filters import check_filters, read_summary
from medenv.fhir.output import Output, negotiate

__all__ = ["NO_PARAMS", "XML_TYPES", "Params", "Request", "parse_query", "version_of"]

XML_TYPES = frozenset(["application/fhir+xml", "application/xml+fhir", "application/xml", "text/xml", "xml"])
"""Media types of a body that HAPI reads as XML."""

_FORM = "form-urlencoded"
_NO_HEADERS: dict[str, str] = {}


class Params(tuple[tuple[str, str], ...]):
    """The parameters of a query, decoded, in the order of the request; a name may stand several times (a multidict)."""

    __slots__ = ()

    def get(self, name: str, default: str = "") -> str:
        """Return the first value of a name that isn't empty, else the default."""
        for key, value in self:
            if key == name and value:
                return value
        return default

    def first(self, name: str) -> str | None:
        """Return the first value of a name, which may be empty; None if the name is absent."""
        for key, value in self:
            if key == name:
                return value
        return None

    def getlist(self, name: str) -> list[str]:
        """Return all values of a name."""
        return [value for key, value in self if key == name]

    def names(self) -> tuple[str, ...]:
        """Return the names in order, repeated ones too."""
        return tuple([name for name, _ in self])

    def without(self, *names: str) -> Params:
        """Return the parameters that have none of some names."""
        return Params(pair for pair in self if pair[0] not in names)

    def own(self) -> Params:
        """Return the parameters whose names begin with an underscore: FHIR's own."""
        found = [pair for pair in self if pair[0][:1] == "_"]
        return Params(found) if found else NO_PARAMS


NO_PARAMS = Params()
"""What a request without a query has."""


def _decode(text: str) -> str:
    text = text.replace("+", " ")
    return unquote_to_bytes(text).decode("utf-8", "replace") if "%" in text else text


_MARKUP = re.compile(r"%(?:[01]|2[27]|3[CcEe])|[\"'<>\x00-\x1f]")
"""In a query: what HAPI leaves in no parameter's name."""


def _named(params: Params, raw: str) -> Params:
    """Return a request's parameters with their names as HAPI takes them in; values stay as sent."""
    return Params([(sanitized(name), value) for name, value in params]) if _MARKUP.search(raw) else params


def parse_query(raw: str) -> Params:
    """Parse a raw query string, or the body of a form; a blank may stand as ``+``."""
    return Params([_pair(part) for part in raw.split("&") if part])


def _pair(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    if "%" not in part and "+" not in part:
        return name, value
    # HAPI keeps the plus of `application/fhir+json`; everywhere else it is a blank
    return _decode(name), _decode(value.replace("+", "%2B") if name == "_format" else value)


@lru_cache(maxsize=4096)
def _parts(path: str, plus_is_blank: bool) -> tuple[str, ...]:
    parts = (unquote(part) for part in path.split("/") if part)
    return tuple(sanitized(part.replace("+", " ") if plus_is_blank else part) for part in parts)


@dataclass(slots=True)
class Request:
    """A request; it is never changed.

    Attributes:
        method: ``GET``, ``HEAD``, ``POST``, ``PUT``, ``PATCH``, ``DELETE``, or what else a client sent.
        path: The path below the base, as sent.
        parts: The path's segments, decoded.
        query: The raw query string.
        params: The query's parameters, decoded; with those of its form for a search sent as one.
        headers: Header names in lower case.
        body: The body, ``""`` for none.
        output: The format of the answer.
        url: The URL as sent if nothing but it determines the answer (a GET without headers), so that the answer may be shared; else None.
    """

    method: str
    path: str
    parts: tuple[str, ...]
    query: str
    params: Params
    headers: Mapping[str, str]
    body: str
    output: Output
    url: str | None = None

    @classmethod
    def parse(cls, method: str, url: str, body: str | None, headers: Mapping[str, str] | None, base: str) -> Request:
        """Parse a request.

        Args:
            method: Its method.
            url: Its URL, percent-encoded: relative to the base, or absolute below it.
            body: Its body; one without a Content-Type header is FHIR JSON.
            headers: Its headers.
            base: The server's base URL, without a trailing slash.

        Raises:
            ValueError: The URL is on another server.
        """
        path, _, query = below_base(url, base).partition("?")
        params = _named(parse_query(query), query) if query else NO_PARAMS
        given = {k.lower(): v for k, v in headers.items()} if headers else _NO_HEADERS
        if method in ("GET", "HEAD"):
            output = negotiate(params.own(), given.get("accept", ""))
            shared = url if headers is None else None
            return cls(method, path, _parts(path, True), query, params, given, "", output, shared)
        parts = _parts(path, False)
        output = negotiate(params.own(), given.get("accept", ""))
        request = cls(method, path, parts, query, params, given, body or "", output)
        return request if request.reads else request._as_write(body is not None)

    def _as_write(self, has_body: bool) -> Request:
        """Return the request with what HAPI takes for granted of a write: its body's type, and an answer of the same type."""
        headers = dict(self.headers)
        if has_body:
            headers.setdefault("content-type", "application/fhir+json")
        accept = headers.get("accept", "*/*")
        if accept == "*/*" and _media_type(headers) in XML_TYPES:
            headers["accept"] = "application/fhir+xml"
        return replace(self, headers=headers, output=negotiate(self.params.own(), headers.get("accept", "")))

    @property
    def reads(self) -> bool:
        """Whether it can't write: a GET, a HEAD, a search sent as a form, ``$everything``, or whatever asks for a history."""
        parts = self.parts
        if parts and parts[-1] == "_history" and len(parts) <= 3:  # HAPI doesn't look at the method
            return len(parts) == 1 or definitions.is_resource(parts[0])
        if self.method != "POST":
            return self.method in ("GET", "HEAD")
        if len(parts) == 2 and parts[1] == "_search":
            return definitions.is_resource(parts[0])
        return parts[:1] == ("Patient",) and parts[-1] == "$everything" and len(parts) <= 3

    @property
    def sent_path(self) -> str:
        """The path as sent, without the slash before it; of several slashes HAPI loses one more."""
        return self.path[2:] if self.path.startswith("//") else self.path.removeprefix("/")

    def with_form(self) -> Request:
        """Return a search that was sent as a form with the form's parameters behind those of its URL."""
        form: Iterable[tuple[str, str]] = ()
        if _FORM in self.headers.get("content-type", ""):
            form = _named(parse_query(self.body), self.body)
        params = Params([*self.params, *form])
        return replace(self, params=params, output=negotiate(params.own(), self.headers.get("accept", "")))

    def filtered_output(self) -> Output:
        """Return the format of an answer that is one resource, filtered as ``_summary`` and ``_elements`` ask.

        Raises:
            FhirError: The two can't be combined, or a summary isn't one.
        """
        summary = read_summary(self.params)[0]
        names = self.params.get("_elements")
        elements = tuple(sorted(names.split(","))) if names else None
        check_filters(summary, elements)
        return replace(self.output, summary="" if summary == "count" else summary, elements=elements)

    def refusal(self, error: FhirError) -> Response:
        """Return a refusal of the request in the format that it asks for."""
        output = self.output.unfiltered()
        return Response(
            error.status, output.write(error.resource), {"content-type": output.content_type, **error.headers}
        )

    # what a body and the headers of a write say

    @property
    def content_type(self) -> str:
        """The body's media type without parameters."""
        return _media_type(self.headers)

    @property
    def is_xml(self) -> bool:
        """Whether the body is XML, by its Content-Type."""
        return self.content_type in XML_TYPES

    @property
    def preference(self) -> str:
        """What ``Prefer: return=`` asks for: ``minimal``, ``OperationOutcome`` or ``representation``; ``""`` without it."""
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


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip()


def version_of(etag: str) -> str:
    """Return the version in an ETag, ``W/"2"`` or ``"2"``; what is neither stands for itself."""
    match = re.fullmatch(r'(?:W/)?"([^"]*)"', etag.strip())
    return match[1] if match else etag.strip()
