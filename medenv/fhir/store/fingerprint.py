"""The fingerprint of charts: a hash of what they say, the same for a copy that went through another server."""

from __future__ import annotations

import hashlib

__all__ = ["PREFIX", "ChartFingerprint", "other_rule"]

PREFIX = "charts/2:sha256:"
"""What every fingerprint begins with. The number is that of the rule, raised with every change of what is hashed; the first rule's
fingerprints, of all of each resource, began with ``sha256:`` alone."""

_FIRST = "sha256:"


class ChartFingerprint:
    """A hash in the making: the compact text of each resource's content, in load order, a newline after each.

    The content is a resource without what a server sets itself (`medenv.fhir.template.SET_BY_SERVER`).
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, content: str) -> None:
        """Take in a resource's content, or those of several with newlines between."""
        self._hash.update(content.encode() + b"\n")

    def __str__(self) -> str:
        return PREFIX + self._hash.hexdigest()


def other_rule(made_on: object, found: object) -> str:
    """Explain two fingerprints that differ because one is of a former rule.

    Args:
        made_on: The fingerprint that something stored says.
        found: The fingerprint of the charts at hand.

    Returns:
        What to add to an error, with a leading space; nothing if both are of one rule.
    """
    if str(made_on).startswith(_FIRST) and str(found).startswith(PREFIX):
        return (
            f" (it is from before fingerprints began with {PREFIX.partition(':')[0]!r}: they then held what a server sets itself, meta's "
            "version, time and source, and can't be compared with those of today, even of the same charts)"
        )
    return ""
