"""References and ids taken apart, as HAPI's ``IdType`` does it."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Target", "parse_reference"]


class Target(NamedTuple):
    """A reference taken apart as HAPI's ``IdType`` does it.

    Attributes:
        base: The part before the type, ``""`` for none.
        type: Resource type, ``""`` for none.
        id: The id.
        version: The version, ``""`` for none.
    """

    base: str
    type: str
    id: str
    version: str


def parse_reference(value: str) -> Target:
    """Take a reference apart: ``Patient/S1``, ``http://x/fhir/Patient/S1/_history/2``, ``#c``, ``urn:uuid:..``."""
    if not value.strip():
        return Target("", "", "", "")
    if (value[0] == "#" and len(value) > 1) or value.startswith("urn:"):
        return Target("", "", value, "")
    body, mark, version = value.partition("/_history/")
    if not mark:
        version = ""
    at = body.rfind("/")
    ident = body[at + 1 :]
    if at <= 0:
        return Target("", "", ident, version)
    start = body.rfind("/", 0, at)
    if start == -1:
        return Target("", body[:at], ident, version)
    if start > 0 and body[start - 1] == "/":
        start = body.find("/", start + 1)
    if start >= at:  # http://example.org/foo: what looked like the id is taken for the type
        return Target(body[:start] if start > 4 else "", ident, "", version)
    return Target(body[:start] if start > 4 else "", body[start + 1 : at], ident, version)
