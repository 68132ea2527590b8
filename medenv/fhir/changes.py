"""What an episode's writes come to, resource by resource, from what was stored before, between and now.

Every backend tells it by the same rule: a resource that was written is told of, even where nothing is left of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from medenv.fhir import jsontext
from medenv.fhir.backend import Change

__all__ = ["change_of", "settable"]

_SETTABLE = ("extension", "source", "profile", "security", "tag")
"""What of meta a client may set (R4, Resource.meta): versionId and lastUpdated are the server's own."""


def settable(resource: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the resource as a client could have sent it: its meta without what a server gives anew with every version.

    Args:
        resource: As `medenv.fhir.jsontext.loads` gives it; None for none.

    Returns:
        A new dict whose ``meta`` holds profile, security, tag, extension, and the source as far as a client gave it (HAPI appends the
        request's id after a ``#``); no ``meta`` where nothing is left.
    """
    if resource is None:
        return None
    given = resource.get("meta")
    meta = {k: v for k, v in given.items() if k in _SETTABLE} if isinstance(given, Mapping) else {}
    if "source" in meta:
        meta["source"] = str(meta["source"]).partition("#")[0]
    meta = {k: v for k, v in meta.items() if v}
    return {k: (meta if k == "meta" else v) for k, v in resource.items() if k != "meta" or meta}


def change_of(
    key: tuple[str, str],
    before: Mapping[str, Any] | None,
    earlier: Sequence[Mapping[str, Any] | None],
    now: Mapping[str, Any] | None,
    submitted: str | None,
) -> Change:
    """Compare a resource that was written with what it was before.

    Args:
        key: Its type and id.
        before: It before the episode, as `medenv.fhir.jsontext.loads` gives it; None if it wasn't there.
        earlier: It as the episode's writes but the last left it, oldest first; None for a deletion.
        now: It as it now is.
        submitted: The payload of its last write.
    """
    was, current = settable(before), settable(now)
    kind: Literal["create", "update", "delete", "undone"]
    if _compared(was) == _compared(current):
        kind = "undone"
    elif was is None:
        kind = "create"
    else:
        kind = "delete" if current is None else "update"
    versions = tuple(None if one is None else jsontext.plain(settable(one)) for one in earlier)
    return Change(kind, key[0], key[1], submitted, None if current is None else jsontext.plain(current), versions)


def _compared(resource: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the resource with meta's lists in one order, since a server keeps tags as a set."""
    if resource is None or "meta" not in resource:
        return resource
    ordered = {k: sorted(v, key=jsontext.compact) if isinstance(v, list) else v for k, v in resource["meta"].items()}
    return {**resource, "meta": ordered}
