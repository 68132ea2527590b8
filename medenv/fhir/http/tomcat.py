"""What Tomcat, which carries HAPI, refuses before HAPI sees it, and the pages with which it does.

Checked against HAPI 7.6.0 on Tomcat 10: bad characters in a request line, bad escapes in a path, bad or missing hosts.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

from medenv.fhir.backend import Response

__all__ = ["HEAD_LIMIT", "base_of", "page", "path_problem", "target_problem"]

HEAD_LIMIT = 8192
"""Bytes of a request line and its headers together: Tomcat's ``maxHttpRequestHeaderSize``."""

_TARGET = re.compile(rb"[!$%&'()*+,\-./0-9:;=?@A-Z_a-z~]*")
"""What Tomcat takes in a path or query unescaped; notably not ``|``, brackets, braces, quotes and anything beyond ASCII."""

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})|%(?:00|2[Ff]|5[Cc])")
"""Escapes that Tomcat refuses in a path: broken ones, NUL, slash and backslash."""

_HOST = re.compile(rb"(?:[0-9A-Za-z](?:[0-9A-Za-z._-]{0,251}[0-9A-Za-z])?|\[[0-9A-Fa-f:.]{2,45}\])(?::(\d{1,5}))?")


def page(status: int) -> Response:
    """Return an answer by Tomcat rather than HAPI: a page of HTML that says the status."""
    title = f"HTTP Status {status} – {HTTPStatus(status).phrase}"
    body = f'<!doctype html><html lang="en"><head><title>{title}</title></head><body><h1>{title}</h1></body></html>'
    return Response(status, body, {"content-type": "text/html;charset=utf-8", "content-language": "en"})


def target_problem(path: bytes, query: bytes) -> Response | None:
    """Return the refusal of a request line whose target isn't spelled as Tomcat demands; None if it is.

    Args:
        path: The path as sent.
        query: The query string as sent.
    """
    if len(path) + len(query) > HEAD_LIMIT or not _TARGET.fullmatch(path) or not _TARGET.fullmatch(query):
        return page(400)
    return path_problem(path) if b"%" in path or b"/." in path else None


def path_problem(path: bytes) -> Response | None:
    """Return the refusal of a path with bad escapes, or one that leads above the root; None for others.

    Args:
        path: The path as sent.
    """
    if _BAD_ESCAPE.search(path):
        return page(400)
    try:
        parts = unquote_to_bytes(path).decode("utf-8").split("/")
    except UnicodeDecodeError:
        return page(400)
    depth = 0
    for number, part in enumerate(parts[1:]):
        depth += -1 if part == ".." else part not in ("", ".")
        if depth < 0:
            return page(400)
        if not depth and part == ".." and number + 2 < len(parts) and parts[number + 2] != "fhir":
            return page(404)
    return None


def base_of(hosts: list[bytes], prefix: str, http_1_0: bool, own: str) -> str | None:
    """Return the base URL that an answer's links carry: HAPI takes the host that the request names.

    Args:
        hosts: The request's Host headers.
        prefix: What stands between host and resource type, e.g. ``/fhir``.
        http_1_0: Whether the request may do without a host.
        own: The server's own host and port, for a request without one.

    Returns:
        The base, or None if the request must be refused: no host, several, or one that is no host.
    """
    if not hosts and http_1_0:
        return f"http://{own}{prefix}"
    match = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    if match is None or (match[1] is not None and int(match[1]) > 65535):
        return None
    host = hosts[0].decode("ascii").removesuffix(":80")
    return f"http://{host}{prefix}"
