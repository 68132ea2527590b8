"""Where an agent's URL may lead: below its own chart server's base, and nowhere else.

URLs are quoted as Python's ``requests`` quotes them, because the official harness sends its GETs with it.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from medenv.errors import InputError

__all__ = ["ForeignURLError", "absolute", "as_requested", "has_dots", "on_server", "quote_url", "relative"]

_PLAIN = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,/:;=?@]*\Z")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
_ORIGIN = re.compile(_ABSOLUTE.pattern + "[^/?#]*")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PORTS = {"http": 80, "https": 443}


class ForeignURLError(InputError):
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
    """Make an agent's URL absolute, as text and unquoted; an absolute one stays as it is.

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
        Quoted path and query: ``Patient/S1``, ``?_getpages=..``. It begins neither with a slash nor with a scheme, so that no reader can
        take it for a URL of another host.

    Raises:
        ForeignURLError: The URL names another host, or climbs out of the base.
    """
    rest = _below(url, base) if _ABSOLUTE.match(url) or url.startswith("//") else url
    root = urlsplit(base).path
    if rest is url and (url == root or url.startswith((root + "/", root + "?"))):
        rest = url[len(root) :]
    path, mark, query = rest.partition("#")[0].lstrip("/").partition("?")
    if has_dots(path):
        path = _without_dots(path, url, base).lstrip("/")
    path, mark, query = quote_url(path + mark + query).partition("?")
    if has_dots(path):
        raise ForeignURLError(
            f"{_short(url)} has a part of escaped dots, which is no name; its URLs begin with {base}/"
        )
    if _ABSOLUTE.match(path):
        # Below the base it is a path whose first part has a colon, which a relative URL must escape (RFC 3986, section 4.2).
        path = path.replace(":", "%3A", 1)
    return path + mark + query


def on_server(url: str, base: str) -> bool:
    """Whether an absolute URL names the base's scheme, host and port, and no user."""
    home, origin = urlsplit(base), _origin_and_rest(url)[0]
    try:
        there = urlsplit(origin)
        return (
            there.scheme == home.scheme
            and there.hostname == home.hostname
            and (there.port or _PORTS.get(there.scheme)) == (home.port or _PORTS[home.scheme])
            and "@" not in there.netloc
            and "\\" not in there.netloc
            and origin.endswith(f"://{there.netloc}")  # urlsplit leaves line breaks and tabs out
        )
    except ValueError:  # a malformed host or port
        return False


def _below(url: str, base: str) -> str:
    """Return what follows the base in an absolute URL.

    Raises:
        ForeignURLError: It isn't below the base.
    """
    path = urlsplit(base).path
    if on_server(url, base):
        rest = _origin_and_rest(url)[1]
        if rest == path or rest.startswith((path + "/", path + "?", path + "#")):
            return rest[len(path) :]
    raise ForeignURLError(f"{_short(url)} is not on this server; its URLs begin with {base}/")


def _origin_and_rest(url: str) -> tuple[str, str]:
    """Split an absolute URL after its host and port.

    A URL that isn't absolute gives ``""`` and all of it.
    """
    match = _ORIGIN.match(url)
    end = match.end() if match else 0
    return url[:end], url[end:]


def as_requested(url: str) -> str:
    """Write an absolute http URL as ``requests`` sends it: quoted, and without ``.`` and ``..`` in its path.

    Dots that are written ``%2e`` are not resolved but sent as dots, because urllib3 resolves before requests takes needless escapes away.

    Args:
        url: With a host.
    """
    origin, rest = _origin_and_rest(url)
    rest, mark, fragment = rest.partition("#")
    path, query_mark, query = rest.partition("?")
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1:] in (["."], [".."]):
        kept.append("")
    origin = re.sub(r":0*(\d*)\Z", lambda port: f":{port[1]}" if port[1] else "", origin.lower(), flags=re.ASCII)
    return f"{origin}/" + quote_url("/".join(kept) + query_mark + query) + mark + _quote_part(fragment)


def has_dots(path: str) -> bool:
    """Whether a part of a quoted path is ``.`` or ``..``."""
    return "." in path and any(part in (".", "..") for part in path.partition("?")[0].split("/"))


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
