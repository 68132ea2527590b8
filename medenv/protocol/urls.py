"""Where an agent's URL may lead: below its own chart server's base, and nowhere else.

URLs are quoted as Python's ``requests`` quotes them, because the official harness sends its GETs with it.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

__all__ = ["ForeignURLError", "absolute", "quote_url", "relative"]

_PLAIN = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,/:;=?@]*\Z")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PORTS = {"http": 80, "https": 443}


class ForeignURLError(ValueError):
    """The URL leads outside the chart server's base, so the request is not sent."""


def quote_url(url: str) -> str:
    """Percent-encode a path with query as ``requests`` does: blank ``%20``, ``|`` ``%7C``, ``+`` and existing escapes stay.

    Args:
        url: Path and query, unquoted or partly quoted; a fragment is dropped, as it is never sent.
    """
    if _PLAIN.match(url):
        return url
    url = url.partition("#")[0]
    path, mark, query = url.partition("?")
    return _quote_part(path) + mark + _quote_part(query)


def _quote_part(part: str) -> str:
    if len(_ESCAPE.findall(part)) != part.count("%"):
        part = part.replace("%", "%25")
    part = _ESCAPE.sub(_normal_escape, part)
    # A lone surrogate has no UTF-8 form; it is sent as a question mark's escape rather than crash.
    return quote(part.encode("utf-8", "replace"), safe="!$%&'()*+,/:;=?@~")


def _normal_escape(match: re.Match[str]) -> str:
    char = chr(int(match[1], 16))
    return char if char in _UNRESERVED else match[0].upper()


def absolute(url: str, base: str) -> str:
    """The absolute form of an agent's URL, as text and unquoted; an absolute one stays as it is.

    Args:
        url: As the agent wrote it.
        base: The server's base, with or without a trailing slash.
    """
    if _ABSOLUTE.match(url):
        return url
    base = base.rstrip("/")
    root = urlsplit(base).path
    if url.startswith(root + "/") or url == root:
        url = url[len(root) :]
    rest = url.lstrip("/") if not url.startswith("//") else url
    return base + ("" if rest.startswith("?") else "/") + rest


def relative(url: str, base: str) -> str:
    """Resolve an agent's URL to a quoted one relative to the server's base.

    Args:
        url: Absolute, or relative to the base (``/Patient?name=x``, ``Patient/S1``), unquoted or partly quoted.
        base: The server's base without a trailing slash, ``http://localhost:8080/fhir``.

    Returns:
        Quoted path and query without a leading slash: ``Patient/S1``, ``?_getpages=..``.

    Raises:
        ForeignURLError: The URL names another host, or climbs out of the base.
    """
    rest = _below(url, base) if _ABSOLUTE.match(url) or url.startswith("//") else url
    root = urlsplit(base).path
    if rest is url and (url == root or url.startswith((root + "/", root + "?"))):
        rest = url[len(root) :]
    quoted = quote_url(rest.lstrip("/"))
    path, mark, query = quoted.partition("?")
    if "." in path and any(segment in (".", "..") for segment in path.split("/")):
        path = _without_dots(path, url, base)
    return path + mark + query


def _below(url: str, base: str) -> str:
    """What follows the base in an absolute URL."""
    home = urlsplit(base)
    try:
        there = urlsplit(url.partition("#")[0])
        same = (
            there.scheme.lower() == home.scheme
            and there.hostname == home.hostname
            and (there.port or _PORTS.get(there.scheme.lower())) == (home.port or _PORTS[home.scheme])
            and "@" not in there.netloc
            and "\\" not in there.netloc
        )
    except ValueError:  # a malformed host or port
        same = False
    if same:
        rest = url[url.index("://") + 3 + len(there.netloc) :]
        if rest == home.path or rest.startswith((home.path + "/", home.path + "?", home.path + "#")):
            return rest[len(home.path) :]
    raise ForeignURLError(f"{_short(url)} is not on this server; its URLs begin with {base}/")


def _without_dots(path: str, url: str, base: str) -> str:
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if not kept:
                raise ForeignURLError(f"{_short(url)} leads out of this server; its URLs begin with {base}/")
            kept.pop()
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept)


def _short(url: str) -> str:
    return repr(url if len(url) <= 200 else url[:200] + "...")
