"""Conditional URLs: what the query of a conditional create, update, patch or delete, or of a reference, finds."""

from __future__ import annotations

from urllib.parse import quote, unquote

from medenv.fhir import definitions
from medenv.fhir.errors import FhirError
from medenv.fhir.workspace import Workspace

__all__ = ["is_looked_up_at_once", "match", "quoted"]


def match(workspace: Workspace, type_: str, url: str) -> list[str]:
    """Return the ids that a conditional URL finds.

    Args:
        workspace: Where to look.
        type_: The resource type.
        url: As HAPI quotes it: ``Patient?name=x``, ``?name=x`` or ``name=x``.

    Raises:
        FhirError: 400 HAPI-0488 for an unknown parameter, 0518 without any, or what the search says.
    """
    full = url if "?" in url else f"{type_}?{url}"
    query = full.partition("?")[2]
    kept = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        name = unquote(name)
        if not unquote(value.replace("+", " ")).strip():
            continue
        plain = name.partition(":")[0].partition(".")[0]
        known = plain in definitions.search_parameters(type_)
        if not known and plain[:1] != "_":
            text = f"Failed to parse match URL[{full}] - Resource type {type_} does not have a parameter with name: {plain}"
            raise FhirError(400, f"HAPI-0488: {text}")
        if known:
            kept.append(part)
    if not kept:
        raise FhirError(400, f"HAPI-0518: Invalid match URL[{full}] - URL has no search parameters")
    return [id_ for _, id_ in workspace.search_ids(type_, "&".join(kept))]


def is_looked_up_at_once(url: str) -> bool:
    """Return whether HAPI looks a bundle's condition up with all others of its kind, before it writes: one plain token, after its type."""
    type_, mark, query = url.partition("?")
    name, _, value = query.partition("=")
    known = definitions.search_parameters(type_) if mark and definitions.is_resource(type_) else {}
    return name in known and known[name].type == "token" and "&" not in value and "," not in value


def quoted(url: str) -> str:
    """Return a request's URL as HAPI quotes it in conditional updates and deletes: ``|`` as ``%7C``."""
    return quote(unquote(url), safe="/?=&:,-_.*+~'!@()$;")
