"""Resources as a server over HTTP holds them: what of them a client can write, and what tells two versions apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from medenv.fhir.remote.tracking import Key
from medenv.fhir.template import SET_BY_SERVER

__all__ = ["content", "entry_for", "unstamped", "version_of"]


def content(resource: Mapping[str, Any] | None) -> str | None:
    """Return a resource's text without what changes with every version."""
    if resource is None:
        return None
    meta = {k: v for k, v in resource.get("meta", {}).items() if k not in SET_BY_SERVER}
    rest = {k: v for k, v in resource.items() if k != "meta"}
    return json.dumps({**rest, **({"meta": meta} if meta else {})}, sort_keys=True)


def version_of(resource: Any) -> str:
    """Return a resource's version, ``""`` for none."""
    return "" if resource is None else str(resource.get("meta", {}).get("versionId", ""))


def entry_for(key: Key, value: Any) -> dict[str, Any]:
    """Return the entry of a transaction that gives a resource a content; None deletes it."""
    url = f"{key[0]}/{key[1]}"
    if value is None:
        return {"request": {"method": "DELETE", "url": url}}
    return {"resource": unstamped(value), "request": {"method": "PUT", "url": url}}


def unstamped(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource as a client writes it: without what the server gives with each version."""
    meta = {k: v for k, v in resource.get("meta", {}).items() if k not in SET_BY_SERVER}
    rest = {k: v for k, v in resource.items() if k not in ("meta", "resourceType", "id")}
    head = {"resourceType": resource["resourceType"], "id": resource["id"]}
    return {**head, **({"meta": meta} if meta else {}), **rest}
