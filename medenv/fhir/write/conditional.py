"""Conditional URLs: what the query of a conditional create, update, patch or delete, or of a reference, finds."""

from __future__ import annotations

from urllib.parse import quote, unquote

from medenv.fhir import definitions
from medenv.fhir.errors import FhirError
from medenv.fhir.workspace import Workspace

__all__ = ["match", "quoted"]


def match(workspace: Workspace, type_: str, url: str) -> list[str]:
    """Return the ids that a conditional URL finds.

    Args:
        workspace: Where to look.
        type_: The resource type.
        url: As HAPI quotes it: ``Patient?name=x``, ``?name=x`` or ``name=x``.

    Raises:
        FhirError: 400 HAPI-0488 for an unknown parameter, 0518 without any, or what the search says.
    """
    query = url.partition("?")[2] if "?" in url else url
    kept = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        name = unquote(name)
        if not unquote(value.replace("+", " ")).strip():
            continue
        plain = name.partition(":")[0].partition(".")[0]
        known = plain in definitions.search_parameters(type_)
        if not known and plain[:1] != "_":
            text = (
                f"Failed to parse match URL[{url}] - Resource type {type_} does not have a parameter with name: {plain}"
            )
            raise FhirError(400, f"HAPI-0488: {text}")
        if known:
            kept.append(part)
    if not kept:
        full = url if "?" in url else f"{type_}?{url}"
        raise FhirError(400, f"HAPI-0518: Invalid match URL[{full}] - URL has no search parameters")
    return [id_ for _, id_ in workspace.search_ids(type_, "&".join(kept))]


def quoted(url: str) -> str:
    """Return a request's URL as HAPI quotes it in conditional updates and deletes: ``|`` as ``%7C``."""
    return quote(unquote(url), safe="/?=&:,-_.*+~'!@()$;")
