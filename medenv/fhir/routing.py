"""Which part of the server answers a request: by its method and the parts of its path, and HAPI's refusal where none does.

Nothing is decided here but who answers.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

from medenv.fhir import definitions, operations, reading
from medenv.fhir.backend import Response
from medenv.fhir.errors import FhirError
from medenv.fhir.output import Output, negotiate
from medenv.fhir.search.bundle import later_page
from medenv.fhir.search.query import not_supported, parse_query

if TYPE_CHECKING:
    from medenv.fhir.session import EmbeddedSession

__all__ = ["answer_get", "answer_write"]


_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})(.?)([^&=]?)")


def _check_escapes(raw: str) -> None:
    """Refuse a query string with a percent sign that begins no escape, in the words of Java's URLDecoder.

    Args:
        raw: The query string as sent.

    Raises:
        FhirError: 500, as HAPI answers.
    """
    bad = _BAD_ESCAPE.search(raw)
    if bad is None:
        return
    first, second = bad.groups()
    if first in "&=" or not second:
        raise FhirError(500, "URLDecoder: Incomplete trailing escape (%) pattern")
    index = 1 if first in "0123456789abcdefABCDEF" else 0
    text = f'Illegal hex characters in escape (%) pattern - Error at index {index} in: "{first}{second}"'
    raise FhirError(500, f"URLDecoder: {text}")


@lru_cache(maxsize=4096)
def _parts(path: str) -> tuple[str, ...]:
    return tuple(unquote(p).replace("+", " ") for p in path.split("/") if p)


def answer_get(
    session: EmbeddedSession,
    path: str,
    raw: str,
    params: list[tuple[str, str]],
    headers: dict[str, str],
    output: Output,
    url: str | None,
) -> Response:
    """Answer a read, a search or an operation that reads.

    Args:
        session: The session.
        path: The request's path below the base, as sent.
        raw: Its query string as sent.
        params: The query's parameters, decoded.
        headers: Its headers, names in lower case.
        output: The form of the answer.
        url: The whole request as sent, if its answer may be shared with other sessions.

    Raises:
        FhirError: The request is refused.
    """
    if "%" in raw:
        _check_escapes(raw)
    parts = _parts(path)
    if not parts:
        return _page(session, raw, params, output)
    type_, sent = parts[0], path.removeprefix("/")

    def cut() -> Output:
        return session.cut(output, params)

    if type_ == "metadata":
        from medenv.fhir.definitions.capability import capability_statement

        return Response(200, output.write(capability_statement(session.base)), {"content-type": output.content_type})
    if type_ == "_history" and len(parts) == 1:
        return reading.history(session, "", "", params, cut, "_history", raw)
    if parts == ("$meta",):
        return operations.meta(session, "", "", output)
    if type_[0] in "$_":
        raise not_supported(sent, [n for n, _ in params])
    if not definitions.is_resource(type_):
        raise reading.unknown_type(type_)
    if len(parts) == 1 or parts[1:] == ("_search",):
        fresh = "no-cache" in headers.get("cache-control", "")
        return session.search(type_, params, output, path.lstrip("/"), url, fresh)
    id_ = parts[1]
    if len(parts) == 2 and id_ == "_history":
        return reading.history(session, type_, "", params, cut, sent, raw)
    if type_ == "Patient" and parts[-1] == "$everything" and len(parts) <= 3:
        id_ = parts[1] if len(parts) == 3 else ""
        return operations.everything(session, id_, params, session.cut(output, params), path.strip("/"), raw)
    if parts[-1] == "$meta" and len(parts) <= 3:
        return operations.meta(session, type_, parts[1] if len(parts) == 3 else "", output)
    if len(parts) == 2 and id_[0] not in "$_":
        reading.check_read_parameters(sent, params)
        return reading.read(session, type_, id_, cut, headers)
    if len(parts) == 3 and parts[2] == "_history":
        return reading.history(session, type_, id_, params, cut, sent, raw)
    if len(parts) == 4 and parts[2] == "_history":
        reading.check_read_parameters(sent, params)
        return reading.vread(session, type_, id_, parts[3], cut, headers)
    raise not_supported(sent, [n for n, _ in params])


def _page(session: EmbeddedSession, raw: str, params: list[tuple[str, str]], output: Output) -> Response:
    id_ = next((v for n, v in params if n == "_getpages"), None)
    if id_ is None:
        text = (
            "HAPI-0287: This is the base URL of FHIR server. Unable to handle this request, as it does not contain a "
        )
        raise FhirError(400, text + "resource type or operation name.")
    page = session.page(id_)
    if page is None:
        raise FhirError(410, f'HAPI-0417: Search ID "{id_}" does not exist and may have expired', "processing")
    text = later_page(session.chart, id_, page, params, output, raw, session.now())
    return Response(200, text, session.bundle_headers(output, id_))


def answer_write(
    session: EmbeddedSession,
    method: str,
    path: str,
    raw: str,
    params: list[tuple[str, str]],
    body: str | None,
    headers: dict[str, str],
    output: Output,
) -> Response:
    """Answer a request that may write, or a search sent as a form.

    Args:
        session: The session.
        method: ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
        path: The request's path below the base, as sent.
        raw: Its query string as sent.
        params: The query's parameters, decoded.
        body: Its body.
        headers: Its headers, names in lower case.
        output: The form of the answer.

    Raises:
        FhirError: The request is refused.
    """
    parts = [unquote(p) for p in path.split("/") if p]
    if method == "POST" and len(parts) == 2 and parts[1] == "_search" and definitions.is_resource(parts[0]):
        form = parse_query(body or "") if "form-urlencoded" in headers.get("content-type", "") else []
        params = [*params, *form]
        return session.search(parts[0], params, negotiate(params, headers), path.lstrip("/"), posted=True)
    if method == "POST" and parts[:1] == ["Patient"] and parts[-1:] == ["$everything"] and len(parts) <= 3:
        answer = operations.everything(
            session, parts[1] if len(parts) == 3 else "", params, output, path.strip("/"), raw
        )
        return replace(answer, headers={**answer.headers, "location": answer.headers["content-location"]})
    from medenv.fhir import write

    return write.handle(session, method, path, raw, body, headers)
